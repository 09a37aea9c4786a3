"""The verifier `phone-digits`: whether the digits of a number were heard as they were said."""

from __future__ import annotations

import re
from collections.abc import Sequence

import jiwer
from attrs import frozen
from audioforge.sample import AudioSample, Hypothesis, Score
from audioforge.verifier import CorpusMetric, Verifier

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
REPEATS = {"double": 2, "triple": 3, "treble": 3}


@frozen
class PhoneDigitsOptions:
    """Options of `phone-digits`.

    Attributes:
        zeros: Further words for 0.
    """

    zeros: tuple[str, ...] = ("oh", "o", "nought")


class PhoneDigits(Verifier):
    """Reward max(0, 1 − errors / digits of the reference), where errors are edits of digits.

    "oh one double seven", "0 1 7 7" and "0177" are the same number. Words that are no digits do not
    count: give `wer` as a second verifier for those. It passes when the whole number is right, for
    a number with one wrong digit reaches nobody. Where the reference has no digits, a transcript
    with some has reward 0, and one without cannot be judged: there was nothing to get right.
    """

    tasks = ("asr",)
    metrics = ("digits", "digit_errors", "numbers", "numbers_right")
    corpus_metrics = (
        CorpusMetric("digit_error_rate", ("digit_errors",), "digits", higher_is_better=False),
        CorpusMetric("number_accuracy", ("numbers_right",), "numbers", higher_is_better=True),
    )

    def __init__(self, zeros: Sequence[str] = ("oh", "o", "nought")) -> None:
        """Create the verifier; see `PhoneDigitsOptions`."""
        self._values = {word: str(value) for value, word in enumerate(DIGITS)}
        self._values |= {word.lower(): "0" for word in zeros}

    def verify(
        self, samples: Sequence[AudioSample], hypotheses: Sequence[Hypothesis]
    ) -> list[Score]:
        """Score transcripts; one without a reference, or that is no text, cannot be judged."""
        return [
            Score(None)
            if sample.reference is None or hypothesis.text is None
            else self._score(self.digits_of(sample.reference), self.digits_of(hypothesis.text))
            for sample, hypothesis in zip(samples, hypotheses, strict=True)
        ]

    def digits_of(self, text: str) -> str:
        """Return the digits that a text says, in order: "0177" for "oh one double seven"."""
        found, times = [], 1
        for word in re.findall(r"\d|[^\W\d_]+", text.lower()):
            digit = str(int(word)) if word.isdecimal() else self._values.get(word)
            found.append(digit * times if digit else "")
            times = REPEATS.get(word, 1)
        return "".join(found)

    def _score(self, wanted: str, said: str) -> Score:
        if not wanted and not said:
            return Score(None)
        if not wanted:
            return Score(0.0, passed=False, metrics={"digits": 0, "digit_errors": len(said)})
        edits = jiwer.process_characters(wanted, said)
        errors = edits.substitutions + edits.deletions + edits.insertions
        metrics = {
            "digits": len(wanted),
            "digit_errors": errors,
            "numbers": 1,
            "numbers_right": int(errors == 0),
        }
        return Score(max(0.0, 1.0 - errors / len(wanted)), passed=errors == 0, metrics=metrics)
