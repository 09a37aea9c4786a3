"""What is trained on and what is held out."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from attrs import evolve

from audioforge.config import AudioRAFTConfig
from audioforge.dataset import DatasetRequest
from audioforge.errors import DatasetError
from audioforge.inference.stop import StopRequest
from audioforge.judging.needs import Needs
from audioforge.measuring.decoding import Decoding
from audioforge.measuring.evaluation import EvaluationSet
from audioforge.measuring.evaluator import create_evaluator
from audioforge.run.data.contradictions import warn_of_contradictions
from audioforge.run.data.emptied import leave_out_emptied
from audioforge.run.data.samples import (
    Wanted,
    check_labels,
    load_samples,
    normalizer_for,
)
from audioforge.run.prepare import create_executor, create_verification
from audioforge.sample import AudioSample
from audioforge.tasks import speech_task

NEEDS = Needs(speech_task("asr"))


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
    """Five good lines, one in which nothing is said, one without a text, and one of no JSON."""
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
        wanted = Wanted(**{"task": NEEDS.task, "needs": [NEEDS], "on_error": on_error, **options})
        return load_samples(registry, location, DatasetRequest(""), wanted)

    return _load


def test_missing_references_and_bad_lines_are_counted_and_named(load, manifest):
    dataset = load()
    references = [s.reference for s in dataset.samples]
    assert references == ["one", "two", "  ", "three", "four", "five"]
    kinds = sorted(p.kind for p in dataset.skips.problems.values())
    assert kinds == ["bad JSON", "empty reference"]
    where = {p.where.split(": ")[0] for p in dataset.skips.problems.values()}
    assert where == {f"{manifest}:{line}" for line in (3, 5)}
    assert dataset.name == manifest


def test_under_fail_the_item_is_named(load):
    with pytest.raises(DatasetError, match=r":3: .*: there is no reference text.*--on-error"):
        load(on_error="fail")


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_the_limit_counts_what_can_be_used(load, limit):
    assert len(load(limit=limit).samples) == min(limit, 6)


def test_without_need_of_a_reference_none_is_missed(load):
    dataset = load(needs=[NEEDS, Needs(speech_task("asr"), reference=False)])
    assert len(dataset.samples) == 7
    assert [p.kind for p in dataset.skips.problems.values()] == ["bad JSON"]


def test_for_classification_the_label_is_what_counts(registry, manifest):
    task = speech_task("classification")
    wanted = Wanted(task=task, needs=[Needs(task)], on_error="skip")
    with pytest.raises(DatasetError, match=r"nothing in it to use: skipped .* 7 without label"):
        load_samples(registry, manifest, DatasetRequest(""), wanted)


def test_nothing_usable_says_why(registry, tmp_path, load):
    path = tmp_path / "void.jsonl"
    path.write_text('{"audio_filepath": "a.wav", "text": null}\n')
    with pytest.raises(DatasetError, match=r"void\.jsonl: .*skipped 1 of 1: 1 empty reference"):
        load(str(path))


@pytest.mark.parametrize(
    ("setting", "language", "stated", "expected"),
    [
        ("none", "pl", ["pl"], "none"),
        (None, None, [None], "english-1"),
        (None, None, [None, "zh"], "by-language-1"),
        (None, None, ["en", "en-GB"], "english-1"),
        (None, None, ["en", "zh"], "by-language-1"),
        (None, None, ["zh"], "words-1"),
        (None, "en_US", ["zh"], "english-1"),
        (None, "English", ["zh"], "english-1"),
        (None, "pl", ["en"], "words-1"),
    ],
)
def test_the_normaliser_follows_the_language(setting, language, stated, expected):
    samples = [AudioSample(str(number), language=name) for number, name in enumerate(stated)]
    assert normalizer_for(setting, language, samples) == expected
    assert normalizer_for(setting, language, samples, "classification") == (setting or "none")


def test_what_could_not_be_read_counts_as_part_of_the_dataset(load):
    dataset = load()
    assert dataset.total == 8
    assert dataset.skips.describe(dataset.total).startswith("skipped 2 of 8: ")


def test_an_empty_transcript_says_that_nothing_is_said(load, tmp_path, registry):
    path = tmp_path / "silence.jsonl"
    texts = ["", " ", "one", None]
    path.write_text(
        "".join(json.dumps({"audio_filepath": "a.wav", "text": text}) + "\n" for text in texts)
    )
    assert [s.reference for s in load(str(path)).samples] == texts[:3]
    path.write_text(json.dumps({"text": ""}) + "\n")
    task = speech_task("tts")
    wanted = Wanted(task=task, needs=[Needs(task)], on_error="skip")
    with pytest.raises(DatasetError, match="1 empty reference"):  # there is nothing to speak
        load_samples(registry, str(path), DatasetRequest("", needs_audio=False), wanted)


SPECIAL = ["<|0.00|> six six zero <|2.00|>", "<|startoftranscript|><|en|>six<|endoftext|>"]


@pytest.mark.parametrize("text", SPECIAL)
def test_special_tokens_in_a_transcript_are_a_problem_with_a_name(load, tmp_path, text):
    path = tmp_path / "tokens.jsonl"
    lines = [{"audio_filepath": "a.wav", "text": t} for t in (text, "six < seven | eight > one")]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    dataset = load(str(path))
    assert [s.reference for s in dataset.samples] == ["six < seven | eight > one"]
    (problem,) = dataset.skips.problems.values()
    assert (problem.kind, problem.where.split(": ")[0]) == ("special tokens", f"{path}:1")
    assert f"learnt as letters: {text.split('>')[0]}>" in problem.reason
    path.write_text(json.dumps(lines[0]) + "\n")
    with pytest.raises(DatasetError, match="skipped 1 of 1: 1 special tokens") as raised:
        load(str(path))
    assert "--verifier" not in str(raised.value), "another reward would not mend it"


def clips(*texts):
    return [AudioSample(f"{n}", Path("a.wav"), reference=text) for n, text in enumerate(texts)]


@pytest.fixture
def warned(registry):
    said = []
    return said, SimpleNamespace(warn=said.append)


def test_one_sound_with_two_texts_is_warned_of_and_kept(warned):
    said, reporter = warned
    samples = clips("One two", "one  TWO", "three", None, "four")
    samples += [
        evolve(samples[2], id="part", offset=1.0),
        evolve(samples[2], id="b", channels=(1,)),
    ]
    dataset = EvaluationSet("d.jsonl", samples)
    warn_of_contradictions(dataset, NEEDS.task, reporter)
    [sentence] = said
    assert sentence.startswith(
        "d.jsonl: clips that are the sound of an earlier one with other texts"
    )
    assert ": 2 of 7; all are kept" in sentence
    assert sentence.endswith("First: 0 (a.wav) ('one two') and 2 (a.wav) ('three')")
    assert len(dataset.samples) == 7
    warn_of_contradictions(dataset, speech_task("tts"), reporter)
    warn_of_contradictions(EvaluationSet("e", clips("a", "A")), NEEDS.task, reporter)
    warn_of_contradictions(EvaluationSet("without text", clips(None, None)), NEEDS.task, reporter)
    labelled = [evolve(s, labels=(str(n % 2),)) for n, s in enumerate(clips("", "", ""))]
    warn_of_contradictions(EvaluationSet("l", labelled), speech_task("classification"), reporter)
    assert [s.partition(":")[0] for s in said] == ["d.jsonl", "l"]
    held = [AudioSample(t, b"sound"[:5], reference=t) for t in ("a", "b")]
    warn_of_contradictions(EvaluationSet("held", held), NEEDS.task, reporter)
    assert "1 of 2" in said[-1]


@pytest.fixture
def evaluator(registry, reporter):
    config = AudioRAFTConfig(task="asr", normalizer="english-1")
    executor = create_executor(registry, config)
    verification = create_verification(registry, config, [], (), executor, reporter)
    decoding = Decoding.of(config)
    return create_evaluator(registry, verification, decoding, executor, StopRequest(), reporter)


def test_references_that_normalise_to_nothing_are_left_out_by_name(evaluator, warned):
    said, reporter = warned
    samples = clips("one", "(laughs)", "", None, "...")
    dataset = EvaluationSet("d.jsonl", samples)
    leave_out_emptied([dataset], evaluator, reporter)
    assert [s.reference for s in dataset.samples] == ["one", "", None]
    assert dataset.total == 5
    first, _ = dataset.skips.problems.values()
    assert (first.kind, first.where) == ("emptied reference", "1 (a.wav)")
    assert "'(laughs)' once english-1 has normalised it" in first.reason
    assert said == [
        "d.jsonl: 2 of 5 references are empty once english-1 has normalised them, and are left out "
        "(first: 1 (a.wav): '(laughs)')"
    ]
    for strict in (EvaluationSet("x", clips("a", "...")), EvaluationSet("x", clips("..."))):
        strict.skips.on_error = "fail"
        with pytest.raises(DatasetError, match=r"nothing (is left of the reference|can be scored)"):
            leave_out_emptied([strict], evaluator, reporter)
