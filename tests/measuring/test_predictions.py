"""What a line of predictions says of how right it is."""

import base64
import io

import numpy as np
import pytest
import soundfile
from attrs import evolve

from audioforge.measuring.corpus_metrics import metrics_of
from audioforge.measuring.predictions import prediction_line, truth_of
from audioforge.report.compared import Compared
from audioforge.report.sound import embedded
from audioforge.run.identity.run_identity import DataIdentity
from audioforge.sample import AudioSample, Hypothesis
from audioforge.verifier import VerifierContext
from audioforge_verifiers.error_rate import CharacterErrorRate, WordErrorRate
from audioforge_verifiers.label import Label

OF_AN_OLDER_RUN = "f737d98ea0647da83c0fed6e3e7e4074"
CONTEXT = VerifierContext("asr", "words-1", 0.3, "cpu", lambda *_: None)
VERIFIERS = {"wer": WordErrorRate, "cer": CharacterErrorRate}


def truth(reference, said):
    verifiers = {n: v() for n, v in VERIFIERS.items()}
    for verifier in verifiers.values():
        verifier.setup(CONTEXT)
    sample, hypothesis = AudioSample("x", reference=reference), Hypothesis(text=said)
    scores = {n: v.verify([sample], [hypothesis])[0].metrics for n, v in verifiers.items()}
    return truth_of(scores, metrics_of(verifiers), "words-1")


@pytest.mark.parametrize(
    ("reference", "said", "edits", "words", "measured"),
    [
        ("One, two three", "one four", (1, 1, 0), {"reference_words": 3}, {"wer": [2, 3]}),
        ("one", "one, and two", (0, 0, 2), {"reference_words": 1}, {"wer": [2, 1]}),
        # Nothing is said: no words of either kind, and what is said of it counts in both.
        (
            "",
            "oh",
            (0, 0, 1),
            {"reference_words": 0, "reference_units": 0},
            {"wer": [1, 0], "mer": [1, 0]},
        ),
        # A script without spaces is counted in characters: that is no word error rate.
        ("今天下午", "今天上午", (1, 0, 0), {"reference_units": 4}, {"mer": [1, 4]}),
    ],
)
def test_errors_words_and_normaliser(reference, said, edits, words, measured):
    line = truth(reference, said)
    assert tuple(line[e] for e in ("substitutions", "deletions", "insertions")) == edits
    assert {key: line[key] for key in line if key.startswith("reference_")} == words
    assert line["normalizer"] == "words-1"
    assert {name: parts for name, parts in line["measured"].items() if name != "cer"} == measured


def test_what_cannot_be_counted_is_not_there():
    assert truth(None, "one") == {}


@pytest.mark.parametrize(("said", "right"), [("seven", True), ("six", False)])
def test_a_label_is_right_or_not(said, right):
    verifier = Label()
    verifier.setup(evolve(CONTEXT, task="classification", labels=("six", "seven")))
    sample = AudioSample("x", labels=("seven",))
    scores = {"label": verifier.verify([sample], [Hypothesis(label=said)])[0].metrics}
    line = truth_of(scores, metrics_of({"label": verifier}), "words-1")
    assert line == {"correct": right, "measured": {"accuracy": [int(right), 1]}}


def test_a_reference_that_normalises_to_nothing_is_not_measured():
    for said in ("", "oh", "..."):
        assert truth("...", said) == {}


def test_the_channel_of_a_clip_is_in_its_line_its_sound_and_its_identity(tmp_path):
    sound = np.stack([np.zeros(1600), np.full(1600, 0.5)], 1)
    soundfile.write(tmp_path / "call.wav", sound, 16_000)
    sample = AudioSample("call", tmp_path / "call.wav", reference="a", channels=(1,))
    line = prediction_line(sample, Hypothesis(text="a"), 0.1)
    assert line["channel"] == [1]
    page = embedded([Compared(line, None, None, {})])["call"]
    heard, _ = soundfile.read(io.BytesIO(base64.b64decode(page.partition(",")[2])))
    assert heard.tolist() == [0.5] * 1600
    mean = evolve(sample, channels=())
    assert "channel" not in prediction_line(mean, Hypothesis(text="a"), 0.1)
    assert DataIdentity.of([sample]) != DataIdentity.of([mean])
    # What runs have written from before there were channels still fits.
    assert DataIdentity.of([AudioSample("x", reference="a")]).digest == OF_AN_OLDER_RUN
