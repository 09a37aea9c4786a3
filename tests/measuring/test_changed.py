"""Which utterances a model says otherwise, and which of them are shown."""

from audioforge.measuring.changed import changed, telling
from audioforge.measuring.corpus_metrics import MeasuredMetric
from audioforge.measuring.evaluation import EvaluatedItem, Evaluation
from audioforge.verifier import CorpusMetric

WER = CorpusMetric("wer", ("errors",), "words", higher_is_better=False)
ACCURACY = CorpusMetric("accuracy", ("errors",), "words", higher_is_better=True)


def evaluation(metric: CorpusMetric = WER, words: int = 5, **errors: int) -> Evaluation:
    items = [
        EvaluatedItem(
            {"id": name, "text": "right", "pred_text": f"{name} with {count}"},
            {"v": {"errors": count, "words": words}},
            1.0,
        )
        for name, count in errors.items()
    ]
    return Evaluation("set", items, {metric.name: MeasuredMetric("v", metric)}, 1.0)


BEFORE = {"same": 1, "better": 4, "worse": 0, "much": 5, "slightly": 2}
AFTER = {"same": 1, "better": 2, "worse": 1, "much": 1, "slightly": 1}


def test_the_largest_change_comes_first():
    found = changed(evaluation(**BEFORE), evaluation(**AFTER))
    assert [(c.id, c.gain) for c in found] == [
        ("much", 4.0),
        ("better", 2.0),
        ("slightly", 1.0),
        ("worse", -1.0),
    ]
    assert (found[0].before, found[0].after) == ("much with 5", "much with 1")


def test_a_gain_and_a_loss_are_shown_before_more_gains():
    found = changed(evaluation(**BEFORE), evaluation(**AFTER))
    assert [c.id for c in telling(found, 3)] == ["much", "worse", "better"]
    assert telling([], 3) == []


def test_a_metric_that_rises_gains_by_rising():
    (found,) = changed(evaluation(ACCURACY, a=0), evaluation(ACCURACY, a=1))
    assert found.gain == 1.0
    assert found.describe()[0] == "  a improved by 1"


def test_what_was_not_measured_has_not_changed():
    assert not changed(evaluation(words=0, a=0), evaluation(words=0, a=1))
