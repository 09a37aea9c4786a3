"""`hallucination`: what nobody can have said is seen; what people do say is not held against it."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audioforge.errors import ConfigError
from audioforge.sample import AudioSample, Hypothesis, Score

RATE = 16_000
SPEECH_SETS = (
    "speech/manifest.jsonl",
    "digits_asr/train.jsonl",
    "digits_asr/validation.jsonl",
    "digits_asr/test.jsonl",
    "digits_cls/test.jsonl",
)


@pytest.fixture(scope="module")
def hallucination(create):
    return create("hallucination")


@pytest.fixture(scope="module")
def judge(hallucination):
    """`judge(text, reference=…, audio=…, seconds=…)` gives the score of one transcript."""

    def _judge(text, reference=None, audio=None, seconds=None, rate=RATE, verifier=hallucination):
        sample = AudioSample(
            "a", audio=audio, sampling_rate=rate, reference=reference, duration=seconds
        )
        return verifier.verify([sample], [Hypothesis(text=text)])[0]

    return _judge


def tone(seconds: float, dbfs: float, rate: int = RATE) -> np.ndarray:
    """A sine of 200 Hz whose root mean square has this level."""
    time = np.arange(round(seconds * rate)) / rate
    return (np.sqrt(2) * 10 ** (dbfs / 20) * np.sin(2 * np.pi * 200 * time)).astype(np.float32)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        ("no", 0),
        ("bye bye", 0),
        ("no no no", 2),
        ("seven seven seven seven", 3),
        ("six zero zero zero zero zero one", 4),
        ("thank you thank you thank you", 4),
        ("Thank you. Thank you! thank you,", 4),
        ("a b c a b c", 0),
        ("a b c a b c a b c a b", 8),
        ("well " + "i see " * 10 + "then", 18),
        ("no " * 9, 8),
        ("♪ " * 20, 19),
        ("!" * 40, 9.75),
        ("h" + "a" * 40, 9.75),
        ("ha" * 20, 9.5),
        ("谢谢观看" * 5, 8),
        ("哈" * 9, 4),
        ("twenty one twenty two twenty three", 0),
        ("नमस्ते " * 4, 3),
        ("شكرا " * 10, 9),
    ],
)
def test_repeated_words_measures_the_longest_loop(judge, text, words):
    scored = judge(text)
    assert scored.metrics["repeated_words"] == words
    assert scored.passed is (words <= 6)
    assert scored.reward == float(words <= 6)


def test_a_loop_after_a_long_good_start_is_seen(judge):
    start = " ".join(f"word{i}" for i in range(200))
    assert judge(start).passed is True
    assert judge(f"{start} {'and then ' * 5}").passed is False


def test_what_the_reference_repeats_may_be_repeated(judge):
    chant = "go " * 20
    assert judge(chant).passed is False
    assert judge(chant, reference=chant).passed is True
    assert judge("go " * 24, reference=chant, seconds=30).passed is True
    assert judge("go " * 40, reference=chant, seconds=30).passed is False


@pytest.mark.parametrize(
    ("reference", "text", "inserted", "passed"),
    [
        ("cat", "the cat", 1, True),
        ("cat", "cat thanks for watching", 3, True),
        ("cat", "cat thank you for watching", 4, False),
        ("one two", "", 0, True),
        ("one two three", "four five six", 0, True),
        ("", "", 0, True),
        ("", "you", 1, False),
        ("!", "you", 0, True),
        (
            " ".join("abcdefghijklmnopqrst"),
            " ".join("abcdefghijklmnopqrst") + " 1 2 3 4 5",
            5,
            True,
        ),
        (
            " ".join("abcdefghijklmnopqrst"),
            " ".join("abcdefghijklmnopqrst") + " 1 2 3 4 5 6",
            6,
            False,
        ),
        ("广州市", "广州市房地产中介", 2.5, True),
        ("广州市", "广州市房地产中介协会分", 4, False),
    ],
)
def test_insertions_are_counted_against_the_reference(judge, reference, text, inserted, passed):
    scored = judge(text, reference=reference)
    assert scored.metrics["inserted_words"] == inserted
    assert scored.passed is passed


def test_a_reference_that_is_empty_once_normalised_allows_no_word(create, judge):
    english = create("hallucination", normalizer="whisper-english")
    assert judge("you", reference="[music]", verifier=english).passed is False
    assert judge("uh", reference="[music]", verifier=english).passed is True


def test_text_longer_than_anybody_can_speak_is_seen(judge):
    sentence = "it was the first great sorrow of his life it was not so much the loss"  # 54 letters
    assert judge(sentence, seconds=4.0).passed is True
    assert judge(sentence, seconds=2.0).metrics["letters_per_second"] == pytest.approx(54 / 2.2)
    assert judge(sentence, seconds=2.0).passed is True
    assert judge(sentence, seconds=1.0).passed is False
    assert judge("seven", seconds=0.16).passed is True
    assert judge("thank you for watching", seconds=0.1).passed is False
    assert judge("广州市房地产中介协会分析", seconds=4.281).passed is True
    assert judge("广州市房地产中介协会分析", seconds=0.8).passed is False


def test_audio_tells_its_length_itself(judge):
    scored = judge("one two", audio=tone(2, -20), seconds=99.0)
    assert scored.metrics["letters_per_second"] == pytest.approx(6 / 2.2)


def test_without_a_length_or_audio_these_signs_are_left_out(judge):
    assert set(judge("one").metrics) == {"transcripts", "repeated_words", "hallucinated"}
    assert "letters_per_second" in judge("one", seconds=1.0).metrics
    for seconds in (0.0, -1.0, float("nan"), float("inf")):
        assert "letters_per_second" not in judge("one", seconds=seconds).metrics


@pytest.mark.parametrize(
    ("audio", "passed"),
    [
        (np.zeros(3 * RATE, np.float32), False),
        (tone(3, -90), False),
        (tone(3, -60), True),
        (tone(3, -20), True),
        (tone(0.1, -20), True),
        (np.concatenate([np.zeros(RATE, np.float32), tone(0.06, -20)]), False),
        (np.concatenate([np.zeros(29 * RATE, np.float32), tone(1, -40)]), True),
        (np.tile(tone(1, -20)[:, None], (1, 8)), True),
        (np.zeros((RATE, 8), np.float32), False),
    ],
    ids=["zeros", "-90", "-60", "-20", "0.1s", "click", "30s", "8 channels", "8 silent channels"],
)
def test_text_over_silence_is_seen(judge, audio, passed):
    assert judge("ten", audio=audio).passed is passed
    for nothing in ("", " ", "...", "♪"):
        assert judge(nothing, audio=audio).passed is True


def test_a_file_at_48_khz_and_a_segment_of_it_are_measured(judge, hallucination, tmp_path):
    path = tmp_path / "half.flac"
    half = np.concatenate([np.zeros(48_000, np.float32), tone(1, -20, 48_000)])
    soundfile.write(path, np.stack([half, half], axis=1), 48_000)
    whole = AudioSample("a", audio=path)
    silent = AudioSample("b", audio=path, offset=0.0, duration=0.9)
    loud = AudioSample("c", audio=path, offset=1.0, duration=1.0)
    scores = hallucination.verify([whole, silent, loud], [Hypothesis(text="ten")] * 3)
    assert [s.passed for s in scores] == [True, False, True]
    assert scores[0].metrics["audible_seconds"] == pytest.approx(1.0, abs=0.04)
    assert scores[0].metrics["letters_per_second"] == pytest.approx(3 / 1.2, rel=0.05)


@pytest.mark.parametrize(
    "audio",
    [
        Path("no such file.wav"),
        b"not a sound file",
        np.full(RATE, np.nan, np.float32),
        np.zeros(0, np.float32),
    ],
    ids=["missing", "damaged", "NaN", "empty"],
)
def test_audio_that_cannot_be_used_leaves_its_sign_out(judge, audio):
    scored = judge("ten", audio=audio, seconds=1.0)
    assert "audible_seconds" not in scored.metrics
    assert "letters_per_second" in scored.metrics
    assert (scored.reward, scored.passed) == (1.0, True)


def test_silence_is_not_a_hallucination(judge):
    for text in ("", "  ", "\n"):
        assert judge(text, reference="one two", audio=np.zeros(RATE, np.float32)).reward == 1.0


def test_what_is_not_text_cannot_be_judged(judge, hallucination):
    assert judge(None) == Score(None)
    assert hallucination.verify([], []) == []


def test_limits_are_options_and_infinity_turns_a_sign_off(create, judge):
    assert judge("go " * 9, verifier=create("hallucination:max_repeated_words=8")).passed is True
    assert judge("go " * 3, verifier=create("hallucination:max_repeated_words=1")).passed is False
    strict = create("hallucination:max_inserted_words=0,max_insertion_rate=0")
    assert judge("the cat", reference="cat", verifier=strict).passed is False
    faint = tone(1, -120)
    off = create(
        "hallucination:max_repeated_words=inf,max_inserted_words=inf,max_letters_per_second=inf,"
        "silence_dbfs=-inf"
    )
    assert judge("go " * 90, reference="", audio=faint).passed is False
    assert judge("go " * 90, reference="", audio=faint, verifier=off).passed is True


@pytest.mark.parametrize(
    "option",
    [
        "max_repeated_words=-1",
        "max_letters_per_second=0",
        "silence_dbfs=0",
        "max_insertion_rate=nan",
    ],
)
def test_a_limit_that_cannot_be_is_an_error(create, option):
    with pytest.raises(ConfigError, match=f"hallucination: .*{option.partition('=')[0]}"):
        create(f"hallucination:{option}")


def test_the_rate_over_a_corpus_counts_transcripts(hallucination):
    samples = [AudioSample(str(i), reference="cat") for i in range(4)]
    texts = ["cat", "cat " * 30, "dog", ""]
    scores = hallucination.verify(samples, [Hypothesis(text=t) for t in texts])
    (metric,) = hallucination.corpus_metrics
    assert (metric.name, metric.higher_is_better) == ("hallucination_rate", False)
    total = sum(s.metrics[metric.denominator] for s in scores)
    assert sum(s.metrics[part] for s in scores for part in metric.numerator) / total == 0.25


@pytest.mark.parametrize("manifest", SPEECH_SETS)
def test_no_real_transcript_of_real_speech_is_flagged(shared, hallucination, manifest):
    samples = samples_of(shared / "data" / manifest)
    said = [Hypothesis(text=sample.reference) for sample in samples]
    assert [s.id for s, score in judged(hallucination, samples, said) if not score.passed] == []
    blind = [AudioSample(s.id, audio=s.audio) for s in samples]
    assert [s.id for s, score in judged(hallucination, blind, said) if not score.passed] == []


def test_constructed_hallucinations_on_real_speech_are_seen(shared, hallucination):
    samples = samples_of(shared / "data" / "speech" / "manifest.jsonl")
    texts = [sample.reference for sample in samples]
    for trick in (
        lambda text: f"{text} {'thank you for watching ' * 3}",
        lambda text: f"{text} {f'{text.split()[-1]} ' * 16}",
        lambda text: f"{text} {'♪ ' * 20}",
        lambda text: " ".join([text] * 6),
    ):
        said = [Hypothesis(text=trick(text)) for text in texts]
        assert not any(score.passed for _, score in judged(hallucination, samples, said))


def judged(verifier, samples, hypotheses):
    """Pair samples with their scores."""
    return list(zip(samples, verifier.verify(samples, hypotheses), strict=True))


def samples_of(manifest: Path) -> list[AudioSample]:
    """Read a manifest of the shared recordings."""
    rows = [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]
    return [
        AudioSample(
            row["audio_filepath"],
            audio=manifest.parent / row["audio_filepath"],
            reference=row["text"],
            duration=row["duration"],
        )
        for row in rows
    ]
