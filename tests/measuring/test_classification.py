"""Accuracy, macro-averaged F1, class by class, and the confusion matrix."""

import json
import math

import numpy as np
import pytest

from audioforge.measuring.classification import classification_report


def single(text):
    return [(label,) for label in text.split()]


def test_classes_are_counted_by_hand():
    """Three cats, of which two are called so; two dogs, one right; one bird called a cat."""
    report = classification_report(
        single("cat cat cat dog dog bird"), ["cat", "cat", "dog", "dog", "cat", "cat"]
    )
    rows = {row.label: row for row in report.classes}
    assert report.labels == ("bird", "cat", "dog")
    assert report.accuracy == 3 / 6
    assert (rows["cat"].n, rows["cat"].precision, rows["cat"].recall) == (3, 2 / 4, 2 / 3)
    assert rows["cat"].f1 == pytest.approx(2 * (1 / 2) * (2 / 3) / (1 / 2 + 2 / 3))
    assert (rows["dog"].n, rows["dog"].precision, rows["dog"].recall) == (2, 1 / 2, 1 / 2)
    assert (rows["bird"].n, rows["bird"].precision, rows["bird"].recall) == (1, None, 0)
    assert rows["bird"].f1 == 0
    assert report.macro_f1 == pytest.approx((0 + 4 / 7 + 1 / 2) / 3)
    assert report.confusion.tolist() == [[0, 1, 0], [0, 2, 1], [0, 1, 1]]


def test_a_class_that_is_only_predicted_has_no_recall():
    report = classification_report(single("a a"), ["a", "b"])
    row = report.classes[1]
    assert (row.label, row.n, row.precision, row.recall, row.f1) == ("b", 0, 0.0, None, 0.0)
    assert report.macro_f1 == pytest.approx((2 / 3 + 0) / 2)


# What f1_score(average="macro", zero_division=0) and accuracy_score of scikit-learn 1.9.1 say of
# labels drawn by `drawn` below, by number of classes, of clips, and share of right answers.
SCIKIT_LEARN = [
    (2, 10, 0.5, (0.7916666666666667, 0.8)),
    (3, 50, 0.9, (0.9513999957349711, 0.96)),
    (10, 40, 0.3, (0.2752952602952603, 0.325)),
    (35, 500, 0.7, (0.6907415271794045, 0.694)),
    (35, 60, 0.0, (0.008403361344537815, 0.016666666666666666)),
]


def drawn(classes, clips, right):
    random = np.random.default_rng([classes, clips])
    actual = random.integers(0, classes, clips)
    hit = random.random(clips) < right
    predicted = np.where(hit, actual, random.integers(0, classes, clips))
    return [f"c{i:02}" for i in actual], [f"c{i:02}" for i in predicted]


@pytest.mark.parametrize(("classes", "clips", "right", "expected"), SCIKIT_LEARN)
def test_equal_to_scikit_learn(classes, clips, right, expected):
    actual, predicted = drawn(classes, clips, right)
    report = classification_report([(label,) for label in actual], predicted)
    assert (report.macro_f1, report.accuracy) == pytest.approx(expected, abs=1e-12)


def test_any_of_several_labels_is_right_and_a_miss_counts_against_the_first():
    references = [("speech", "music"), ("speech", "music"), ("speech", "music")]
    report = classification_report(references, ["music", "speech", "dog"])
    rows = {row.label: row for row in report.classes}
    assert report.accuracy == 2 / 3
    assert {label: row.n for label, row in rows.items()} == {"dog": 0, "music": 1, "speech": 2}
    assert (rows["music"].recall, rows["speech"].recall) == (1, 1 / 2)
    assert report.confusion.tolist() == [[0, 0, 0], [0, 1, 0], [1, 0, 1]]


def test_the_interval_holds_the_value_and_shrinks_with_more_clips():
    widths = []
    for clips in (40, 4000):
        actual, predicted = drawn(4, clips, 0.8)
        report = classification_report([(label,) for label in actual], predicted)
        low, high = report.macro_f1_interval
        assert low < report.macro_f1 < high
        assert report.macro_f1_interval == (low, high)  # no luck in it
        widths.append(high - low)
    assert widths[0] / widths[1] == pytest.approx(math.sqrt(4000 / 40), rel=0.3)


def test_the_interval_is_that_of_reports_on_resampled_clips():
    """Against the definition, with resamples of its own."""
    actual, predicted = drawn(5, 80, 0.6)
    report = classification_report([(label,) for label in actual], predicted)
    random = np.random.default_rng(0)
    values = []
    for _ in range(2000):
        chosen = random.integers(0, 80, 80)
        again = classification_report(
            [(actual[i],) for i in chosen], [predicted[i] for i in chosen]
        )
        values.append(again.macro_f1)
    assert report.macro_f1_interval == pytest.approx(np.percentile(values, [2.5, 97.5]), abs=0.02)


def test_everything_right_leaves_no_doubt():
    report = classification_report(single("a b c a"), ["a", "b", "c", "a"])
    assert (report.accuracy, report.macro_f1, report.macro_f1_interval) == (1, 1, (1, 1))


def test_what_is_printed_is_json():
    report = classification_report(single("a b b"), ["a", "b", "c"])
    printed = json.loads(json.dumps(report.as_mapping()))
    assert printed["macro_f1"] == report.macro_f1
    assert len(printed["macro_f1_ci95"]) == 2
    assert printed["classes"][2] == {
        "label": "c",
        "n": 0,
        "precision": 0.0,
        "recall": None,
        "f1": 0.0,
    }
    assert printed["confusion"] == {
        "labels": ["a", "b", "c"],
        "counts": [[1, 0, 0], [0, 1, 1], [0, 0, 0]],
    }


def test_nothing_to_count_is_an_error():
    with pytest.raises(ValueError, match="at least one clip"):
        classification_report([], [])
    with pytest.raises(ValueError, match="a label of every clip"):
        classification_report([("a",), ()], ["a", "a"])
