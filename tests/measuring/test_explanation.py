"""A bad measure is explained by what takes its errors away, and a good or an honest one is not."""

import pytest

from audioforge.config import VerifierSetting
from audioforge.inference.own_executor import ProcessesExecutor
from audioforge.inference.stop import StopRequest
from audioforge.judging.verification import Verification, verifier_context
from audioforge.measuring.decoding import Decoding
from audioforge.measuring.evaluation import EvaluatedItem, Evaluation, EvaluationSet
from audioforge.measuring.evaluator import create_evaluator
from audioforge.measuring.explanation import MOST_CLIPS, Explanation, explain
from audioforge.run.data.samples import normalizer_for
from audioforge.sample import AudioSample

ADVISED = normalizer_for(None, "en", [])

SENTENCES = [
    ("open the second window", "Open the second window."),
    ("we met at the station", "We met at the station."),
    ("this is not my coat", "This is not my boat."),
    ("the bus leaves at noon", "The bus leaves at noon!"),
]

OTHERS = [("open the second window", "ouvre la deuxième fenêtre s il te plaît et puis la porte")]


@pytest.fixture
def explained(registry, reporter):
    """`explained(pairs, normalizer)` explains the rate of references and hypotheses."""
    executor = ProcessesExecutor()
    executor.join("cpu", "float32")

    def _explained(pairs, normalizer="none", task="asr", metric="wer") -> Explanation | None:
        context = verifier_context(registry, task, normalizer, 0.3, "cpu")
        settings = [VerifierSetting.parse(metric)]
        verification = Verification(registry, settings, "weighted_mean", context)
        evaluator = create_evaluator(
            registry, verification, Decoding(batch_size=8, max_new_tokens=None), executor,
            StopRequest(), reporter,
        )  # fmt: skip
        samples = [AudioSample(f"{i:04d}", reference=r) for i, (r, _) in enumerate(pairs)]
        items = [
            EvaluatedItem({"id": sample.id, "pred_text": said}, {}, 1.0)
            for sample, (_, said) in zip(samples, pairs, strict=True)
        ]
        evaluation = Evaluation("set", items, evaluator.metrics, 1.0)
        return explain(registry, evaluator, EvaluationSet("set", samples), evaluation, ADVISED)

    return _explained


def written(pairs, write_reference, write_said=str):
    return [(write_reference(right), write_said(said)) for right, said in pairs]


WITHOUT_POINTS = [(right, said.strip(".!")) for right, said in SENTENCES]


@pytest.mark.parametrize(
    ("pairs", "reason", "why"),
    [
        (
            written(SENTENCES, str.upper),
            "case and punctuation",
            "your transcripts are in capitals without punctuation, what the model writes is in "
            "capitals and small letters with punctuation",
        ),
        (
            written(WITHOUT_POINTS, str, str.upper),
            "case",
            "your transcripts are in lower case, what the model writes is in capitals:",
        ),
        (
            [(right.capitalize(), said) for right, said in SENTENCES],
            "punctuation",
            "your transcripts are without punctuation, what the model writes is with punctuation",
        ),
        (
            SENTENCES,
            "case and punctuation",
            "your transcripts are in lower case without punctuation, what the model writes is in "
            "capitals and small letters with punctuation",
        ),
        (
            [(r.upper() if i % 2 else r, s) for i, (r, s) in enumerate(WITHOUT_POINTS)],
            "case",
            "your transcripts and what the model writes differ in case",
        ),
    ],
)
def test_case_and_punctuation_are_named_with_both_rates_and_the_mend(explained, pairs, reason, why):
    found = explained(pairs)
    assert (found.reason, found.blames_measure) == (reason, True)
    assert why in found.sentence
    own, advised = (f"{100 * found.rates[name]:.1f} %" for name in ("none", ADVISED))
    assert f"WER {own} with none, {advised} with {ADVISED}: " in found.sentence
    assert found.sentence.endswith(f"use --normalizer {ADVISED}")
    assert found.rates[ADVISED] == pytest.approx(1 / 19), "coat, boat"
    assert next(iter(found.rates)) == "none", "the run's own comes first"


def test_three_pairs_show_it_the_clearest_first(explained):
    pairs = [*written(SENTENCES, str.upper), ("yes", "yes"), ("NO", "no")]
    found = explained(pairs)
    assert [pair["text"] for pair in found.pairs][:1] == ["NO"]
    assert len(found.pairs) == 3
    assert all(pair["text"].lower() != "yes" for pair in found.pairs)
    said: list[str] = []
    found.tell(said.append, said.append)
    assert said[0] == found.sentence
    assert said[1] == "  0005: the transcript is 'NO', the model wrote 'no'"


def test_numbers_that_are_written_in_another_way_are_notation(explained):
    pairs = [("it costs twenty dollars", "it costs $20"), ("he is forty", "he is 40")]
    found = explained(pairs)
    assert found.reason == "notation"
    assert f"write the same in another way: use --normalizer {ADVISED}" in found.sentence


def test_words_that_collapse_once_normalised(explained):
    pairs = [
        ("seven one nine six two", "seven one nine six three"),
        ("two two five", "two to five"),
    ]
    found = explained(pairs, "whisper-english")
    assert (found.reason, found.blames_measure) == ("collapsed words", True)
    assert found.sentence.startswith("4.0 words per clip become 1.")
    assert "so that one wrong word is a wrong clip" in found.sentence
    assert "use --normalizer " in found.sentence
    assert "use --normalizer whisper-english" not in found.sentence


def test_speech_over_empty_transcripts(explained):
    found = explained([("", "hello there everybody"), ("", ""), ("open the door", "open the door")])
    assert (found.reason, found.blames_measure) == ("empty transcripts", False)
    assert found.sentence.startswith("1 of 2 clips whose transcript is empty")
    assert found.rates["none"] == 1.0


def test_words_that_are_parted_in_other_places(explained):
    pairs = [("hey firefox play", "heyfire fox play"), ("good morning all", "goodmorn ing all")]
    found = explained(pairs)
    assert found.reason == "spaces"
    assert "--verifier cer" in found.sentence


def test_one_clip_that_loops(explained):
    loop = ("thank you", "thank you " * 100)
    found = explained([loop, *[("open the second window", "open the second window")] * 30], ADVISED)
    assert (found.reason, found.blames_measure) == ("few clips", False)
    assert "0.0 % without 1 of 31 clips: 1 clip has 100 % of the errors" in found.sentence
    assert [pair["text"] for pair in found.pairs] == ["thank you"]


def test_more_errors_than_words(explained):
    found = explained(OTHERS * 3, ADVISED)
    assert found.reason == "more errors than words"
    assert "the model writes 36 words where the transcripts have 12" in found.sentence


@pytest.mark.parametrize(
    "pairs",
    [
        [("seven five nine", "sevin fiv nin"), ("one two", "wun tu")],  # wrong, and nothing else
        [("open the door", "open the door")] * 9 + [("go", "Go")],  # hardly ever wrong
        [("", "")],
    ],
)
def test_what_needs_no_explanation_has_none(explained, pairs):
    found = explained(pairs)
    assert (found.reason, found.sentence, list(found.pairs)) == (None, None, [])
    said: list[str] = []
    found.tell(said.append, said.append)
    assert not said


def test_a_rate_without_words_is_missing(explained):
    assert set(explained([("", "")]).rates.values()) == {None}


def test_of_many_clips_the_same_part_is_looked_at(explained):
    pairs = written(SENTENCES * 200, str.upper)
    found = explained(pairs)
    assert found.clips == MOST_CLIPS
    assert explained(pairs).as_mapping() == found.as_mapping()


def test_clips_without_words_are_left_to_their_own_rate(explained):
    found = explained([*SENTENCES, ("请打开窗户", "请打开窗户")])
    assert (found.clips, found.rates) == (4, explained(SENTENCES).rates)


def test_without_transcripts_there_is_nothing_to_explain(explained):
    assert explained([(None, "open the door")]) is None
    assert explained([("yes", "no")], task="classification", metric="label") is None
