"""What is trained on and what is held out."""

import json

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from audioforge.dataset import DatasetRequest
from audioforge.errors import DatasetError
from audioforge.raft.data import (
    check_labels,
    hold_out,
    load_samples,
    normalizer_for,
    shared_clips,
)
from audioforge.raft.evaluation import EvaluationSet
from audioforge.sample import AudioSample


def people(*counts: int) -> list[AudioSample]:
    return [
        AudioSample(f"clip-{speaker}-{i}", reference="a", speaker=f"speaker-{speaker}")
        for speaker, count in enumerate(counts)
        for i in range(count)
    ]


@given(
    counts=st.lists(st.integers(1, 8), min_size=2, max_size=8),
    fraction=st.floats(0.01, 0.9),
    seed=st.integers(0, 5),
    order=st.randoms(use_true_random=False),
)
def test_known_speakers_are_never_in_both_parts(counts, fraction, seed, order):
    samples = people(*counts)
    train, held = hold_out(samples, fraction, seed, "asr")
    assert {s.speaker for s in train}.isdisjoint({s.speaker for s in held})
    assert sorted(s.id for s in train + held) == sorted(s.id for s in samples)
    assert train
    assert held
    last = max(counts)
    assert len(held) < fraction * len(samples) + last  # no speaker more than needed
    order.shuffle(samples)
    again = hold_out(samples, fraction, seed, "asr")
    assert [[s.id for s in part] for part in again] == [[s.id for s in p] for p in (train, held)]


def test_enough_speakers_are_held_out_to_reach_the_fraction():
    train, held = hold_out(people(*[5] * 10), 0.25, 0, "asr")
    assert len({s.speaker for s in held}) == 3
    assert len(train) == 35


@pytest.mark.parametrize("speakers", [[None] * 20, ["one"] * 20, ["a", None] * 10])
def test_single_clips_are_held_out_where_speakers_do_not_tell(speakers):
    samples = [AudioSample(f"{i:02d}", reference="a", speaker=s) for i, s in enumerate(speakers)]
    train, held = hold_out(samples, 0.1, 0, "asr")
    assert (len(train), len(held)) == (18, 2)
    assert hold_out(samples, 0.1, 0, "asr")[1] == held
    chosen = {tuple(s.id for s in hold_out(samples, 0.1, seed, "asr")[1]) for seed in range(20)}
    assert len(chosen) > 10


def test_at_least_one_clip_is_held_out_and_one_is_left():
    samples = [AudioSample("a", reference="a"), AudioSample("b", reference="b")]
    assert [len(part) for part in hold_out(samples, 0.01, 0, "asr")] == [1, 1]
    with pytest.raises(DatasetError, match=r"too few samples \(1\) to hold 10% .* give --eval"):
        hold_out(samples[:1], 0.1, 0, "asr")
    with pytest.raises(DatasetError, match="too few"):
        hold_out(samples, 0.9, 0, "asr")


def test_what_has_no_reference_is_not_held_out_since_it_cannot_be_measured_on():
    samples = [
        AudioSample(f"{i:02d}", reference="a" if i % 2 else None, labels=("a",) if i % 4 else ())
        for i in range(40)
    ]
    train, held = hold_out(samples, 0.5, 0, "asr")
    assert (len(train), len(held)) == (30, 10), "half of the 20 that have one, and nothing is lost"
    assert all(s.reference for s in held)
    assert all(s.labels for s in hold_out(samples, 0.5, 0, "classification")[1])
    with pytest.raises(DatasetError, match=r"none of 10 samples has a reference.*--eval-dataset"):
        hold_out([AudioSample(f"{i}") for i in range(10)], 0.5, 0, "asr")


def test_speakers_without_any_reference_are_trained_on():
    untold = [AudioSample(f"untold-{i}", speaker=f"u{i % 3}") for i in range(30)]
    mixed = [AudioSample(f"mixed-{i}", speaker="speaker-0") for i in range(5)]
    train, held = hold_out([*untold, *mixed, *people(4, 4)], 0.9, 0, "asr")
    assert {s.speaker for s in held} == {"speaker-0", "speaker-1"}
    assert len(held) == 8, "the clips that nobody transcribed cannot be measured on"
    assert {s.speaker for s in train} == {"u0", "u1", "u2"}


def test_a_classifier_must_know_the_labels_of_the_data():
    data = [EvaluationSet("words", [AudioSample("a", labels=("yes", "no")), AudioSample("b")])]
    check_labels(("no", "maybe", "yes"), "model", data)
    check_labels(None, "model", data)
    with pytest.raises(
        DatasetError,
        match=r"words has labels that model does not know: yes\. Labels of the data: no, yes\. "
        r"Labels of the model: no, Yes\. .* --new-head",
    ):
        check_labels(("no", "Yes"), "model", data)


@pytest.fixture
def manifest(tmp_path):
    """Five good lines, an empty reference, a missing one, and one that is not JSON."""
    soundfile.write(tmp_path / "a.wav", np.zeros(800), 8000)
    lines = [
        {"audio_filepath": "a.wav", "text": text, "id": f"line-{i}"}
        for i, text in enumerate(["one", "two", "  ", "three", "four", "five"])
    ]
    lines.insert(2, {"audio_filepath": "a.wav", "id": "without"})
    texts = [json.dumps(line) for line in lines]
    (tmp_path / "data.jsonl").write_text("\n".join([*texts[:4], "{not json", *texts[4:]]) + "\n")
    return str(tmp_path / "data.jsonl")


@pytest.fixture
def load(registry, manifest):
    def _load(location=manifest, on_error="skip", **options):
        request = DatasetRequest("")
        return load_samples(registry, location, request, task="asr", on_error=on_error, **options)

    return _load


def test_empty_references_and_bad_lines_are_counted_and_named(load, manifest):
    dataset = load()
    assert [s.reference for s in dataset.samples] == ["one", "two", "three", "four", "five"]
    kinds = sorted(p.kind for p in dataset.skips.problems.values())
    assert kinds == ["bad JSON", "empty reference", "empty reference"]
    where = {p.where.split(": ")[0] for p in dataset.skips.problems.values()}
    assert where == {f"{manifest}:{line}" for line in (3, 4, 5)}
    assert dataset.name == manifest


def test_under_fail_the_item_is_named(load):
    with pytest.raises(DatasetError, match=r":3: .*: there is no reference text.*--on-error"):
        load(on_error="fail")


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_the_limit_counts_what_can_be_used(load, limit):
    assert len(load(limit=limit).samples) == min(limit, 5)


def test_without_need_of_a_reference_none_is_missed(load):
    dataset = load(needs_reference=False)
    assert len(dataset.samples) == 7
    assert [p.kind for p in dataset.skips.problems.values()] == ["bad JSON"]


def test_for_classification_the_label_is_what_counts(registry, manifest):
    with pytest.raises(DatasetError, match=r"nothing in it to use: skipped .* 7 without label"):
        load_samples(registry, manifest, DatasetRequest(""), task="classification", on_error="skip")


def test_nothing_usable_says_why(registry, tmp_path, load):
    path = tmp_path / "void.jsonl"
    path.write_text('{"audio_filepath": "a.wav", "text": ""}\n')
    with pytest.raises(DatasetError, match=r"void\.jsonl: .*skipped 1 of 1: 1 empty reference"):
        load(str(path))


@pytest.mark.parametrize(
    ("setting", "language", "stated", "expected"),
    [
        ("none", "pl", ["pl"], "none"),
        (None, None, [], "whisper-english"),
        (None, None, ["en", "en-GB"], "whisper-english"),
        (None, None, ["en", "zh"], "whisper-basic"),
        (None, "en_US", ["zh"], "whisper-english"),
        (None, "English", ["zh"], "whisper-english"),
        (None, "pl", ["en"], "whisper-basic"),
    ],
)
def test_the_normaliser_follows_the_language(setting, language, stated, expected):
    samples = [AudioSample("silent"), *(AudioSample(name, language=name) for name in stated)]
    assert normalizer_for(setting, language, samples) == expected
    assert normalizer_for(setting, language, samples, "classification") == (setting or "none")


def test_clips_are_the_same_when_they_are_the_same_part_of_the_same_file(tmp_path):
    def sample(name, offset=None):
        return AudioSample(f"id of {name} {offset}", tmp_path / name, offset=offset)

    used = [sample("a.wav"), sample("b.wav", 0.0), sample("b.wav", 2.0)]
    again = [sample("x/../a.wav"), sample("b.wav", 2.0), sample("b.wav", 4.0), sample("c.wav")]
    assert shared_clips(used, again) == 2
    assert shared_clips(used, [AudioSample("a.wav", b"bytes")]) == 0


def test_what_could_not_be_read_counts_as_part_of_the_dataset(load):
    dataset = load()
    assert dataset.total == 8
    assert dataset.skips.describe(dataset.total).startswith("skipped 3 of 8: ")
