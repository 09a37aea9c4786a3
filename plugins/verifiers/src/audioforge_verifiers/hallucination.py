"""The verifier `hallucination`: whether a transcript holds what nobody can have said.

Four signs, each a metric; the limits are options. What a sign needs and is not there (a reference,
the clip's length, its audio) leaves that sign out.

- Loops: `repeated_words`, see `audioforge_verifiers.repetition`. What the reference itself repeats
  is taken off. Whisper's compression ratio of 2.4 (Radford et al. 2022, section 4.5) is meant for
  30 seconds of text; this metric also sees a loop in a few words or after a long good start.
- Insertions against the reference, from the alignment of the word error rate.
- Length against the time in which something can be heard: `letters_per_second`. Speech has 4 to 9
  syllables a second over 17 languages (Coupé et al. 2019, Science Advances 5(9)), English read
  aloud 12 to 15 letters.
- Text over silence: `audible_seconds`. Energy cannot tell noise from speech, so that text over
  noise is seen only by the other signs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

from attrs import field, frozen
from attrs.validators import ge, gt, lt
from rapidfuzz.distance import Levenshtein

from audioforge.model import Task
from audioforge.sample import AudioSample, Hypothesis, Score
from audioforge.verifier import CorpusMetric, Verifier, VerifierContext
from audioforge_verifiers.audibility import (
    SHORTEST_SPEECH_SECONDS,
    SILENCE_DBFS,
    Audibility,
    measure_audibility,
)
from audioforge_verifiers.normalizers import Normalizer, get_normalizer
from audioforge_verifiers.repetition import repeated_words
from audioforge_verifiers.words import count_letters, size_in_words, words_of

EDGE_SECONDS = 0.2
"""Added to the time of a clip: one that is cut close around a word lacks the word's edges."""


@frozen
class HallucinationOptions:
    """Options of `hallucination`; a maximum of `inf` turns its sign off.

    Attributes:
        max_repeated_words: Words that may repeat what stands before them, beyond those that the
            reference repeats.
        max_inserted_words: Words that the reference does not have; where it is empty, none may be.
        max_insertion_rate: Such words as a share of the reference's; the larger maximum counts.
        max_letters_per_second: Letters and digits per second of the clip that can be heard, or of
            the clip where only its length is known.
        silence_dbfs: Level in dB relative to full scale up to which audio is silent; with `-inf`
            only digital silence is.
    """

    max_repeated_words: float = field(default=6.0, validator=ge(0))
    max_inserted_words: float = field(default=3.0, validator=ge(0))
    max_insertion_rate: float = field(default=0.25, validator=ge(0))
    max_letters_per_second: float = field(default=30.0, validator=gt(0))
    silence_dbfs: float = field(default=SILENCE_DBFS, validator=lt(0))


class Hallucination(Verifier):
    """Reward 1 when no sign of hallucination is there, else 0; it passes with 1.

    An empty transcript holds nothing that was not said: reward 1. So it is a gate, not a goal: by
    itself it rewards silence. Use it as `--aggregator gated:require=hallucination`.
    """

    tasks: ClassVar[tuple[Task, ...]] = ("asr",)
    needs_reference: ClassVar[bool] = False
    metrics: ClassVar[tuple[str, ...]] = (
        "hallucinated",
        "transcripts",
        "repeated_words",
        "inserted_words",
        "letters_per_second",
        "audible_seconds",
    )
    corpus_metrics: ClassVar[tuple[CorpusMetric, ...]] = (
        CorpusMetric(
            "hallucination_rate", ("hallucinated",), "transcripts", higher_is_better=False
        ),
    )

    def __init__(self, **limits: float) -> None:
        """Create the verifier; see `HallucinationOptions`."""
        self._limits = HallucinationOptions(**limits)
        self._normalizer: Normalizer | None = None

    def setup(self, context: VerifierContext) -> None:
        """Take the run's normaliser."""
        self._normalizer = get_normalizer(context.normalizer)

    def verify(
        self, samples: Sequence[AudioSample], hypotheses: Sequence[Hypothesis]
    ) -> list[Score]:
        """Score transcripts; what is not text cannot be judged."""
        if self._normalizer is None:
            raise RuntimeError("setup comes before verify")
        # A sample's k hypotheses share its object, and its audio is measured once.
        clips = {id(s): s for s in samples if s.audio is not None or s.duration is not None}
        sounds = {key: measure_audibility(s, self._limits.silence_dbfs) for key, s in clips.items()}
        unknown = Audibility(None, None)
        return [
            Score(None)
            if hypothesis.text is None
            else self._score(hypothesis.text, sample, sounds.get(id(sample), unknown))
            for sample, hypothesis in zip(samples, hypotheses, strict=True)
        ]

    def _score(self, text: str, sample: AudioSample, sound: Audibility) -> Score:
        assert self._normalizer is not None
        reference, language = sample.reference, sample.language
        metrics = {"transcripts": 1.0, "repeated_words": repeated_words(text)}
        excess = metrics["repeated_words"] - repeated_words(reference or "")
        signs = [excess > self._limits.max_repeated_words]
        if reference is not None:
            wanted = words_of(self._normalizer.reference(reference, language))
            said = words_of(self._normalizer.hypothesis(text, language))
            inserted = _inserted_words(wanted, said)
            metrics["inserted_words"] = inserted
            signs.append(inserted > self._allowed_insertions(size_in_words(wanted)))
        speakable = sound.seconds if sound.audible_seconds is None else sound.audible_seconds
        if speakable is not None:
            rate = count_letters(text) / (speakable + EDGE_SECONDS)
            metrics["letters_per_second"] = rate
            signs.append(rate > self._limits.max_letters_per_second)
        if sound.audible_seconds is not None:
            metrics["audible_seconds"] = sound.audible_seconds
            silent = sound.audible_seconds < SHORTEST_SPEECH_SECONDS
            signs.append(silent and count_letters(text) > 0)
        metrics["hallucinated"] = float(any(signs))
        return Score(1.0 - metrics["hallucinated"], not any(signs), metrics)

    def _allowed_insertions(self, reference_words: float) -> float:
        if reference_words == 0 and math.isfinite(self._limits.max_inserted_words):
            return 0.0
        return max(
            self._limits.max_inserted_words, self._limits.max_insertion_rate * reference_words
        )


def _inserted_words(reference: Sequence[str], words: Sequence[str]) -> float:
    """Return the size in words of what an alignment with the fewest edits inserts.

    What stands in the place of something smaller inserts the difference: text without spaces is
    one word.
    """
    inserted = 0.0
    for edit in Levenshtein.opcodes(reference, words):
        if edit.tag in ("insert", "replace"):
            said = size_in_words(words[edit.dest_start : edit.dest_end])
            inserted += max(0.0, said - size_in_words(reference[edit.src_start : edit.src_end]))
    return inserted
