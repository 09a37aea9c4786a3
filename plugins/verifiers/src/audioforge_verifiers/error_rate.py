"""The verifiers `wer` and `cer`: edit distance between transcript and reference, through jiwer."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import jiwer
from attrs import field, frozen
from attrs.validators import ge, optional

from audioforge.sample import AudioSample, Hypothesis, Score
from audioforge.verifier import CorpusMetric
from audioforge_verifiers.transcripts import TranscriptVerifier

EDITS = ("substitutions", "deletions", "insertions")


@frozen
class ErrorRateOptions:
    """Options of `wer` and `cer`.

    Attributes:
        threshold: Error rate up to which a transcript passes; None for the run's `wer_threshold`.
    """

    threshold: float | None = field(default=None, validator=optional(ge(0)))


class ErrorRate(TranscriptVerifier):
    """Reward max(0, 1 − error rate).

    The error rate is (substitutions + deletions + insertions) / units of the reference; it can
    exceed 1 and is not clipped in the metrics. Empty texts follow jiwer 4: an empty reference with
    an empty hypothesis has rate 0, and with n units said has rate n, so that its reward is 0.
    """

    rate: ClassVar[str]
    unit: ClassVar[str]

    def verify(
        self, samples: Sequence[AudioSample], hypotheses: Sequence[Hypothesis]
    ) -> list[Score]:
        """Score transcripts; one without a reference, or that is not text, cannot be judged."""
        if self._normalize is None:
            raise RuntimeError("setup comes before verify")
        scores = [Score(None)] * len(samples)
        transcripts = [
            i
            for i, (sample, hypothesis) in enumerate(zip(samples, hypotheses, strict=True))
            if sample.reference is not None and hypothesis.text is not None
        ]
        references = [self._normalize(samples[i].reference or "") for i in transcripts]
        texts = [self._normalize(hypotheses[i].text or "") for i in transcripts]
        if transcripts:
            counted = self._count(references, texts)
            for i, counts in zip(transcripts, counted, strict=True):
                scores[i] = self._score(counts)
        return scores

    @abstractmethod
    def _count(self, references: list[str], texts: list[str]) -> list[dict[str, float]]:
        """Return hits, edits and units of the reference for each pair."""

    def _score(self, counts: dict[str, float]) -> Score:
        edits = sum(counts[edit] for edit in EDITS)
        units = counts[self.unit]
        # jiwer 4: with an empty reference the rate is the number of insertions.
        rate = edits / units if units else edits
        assert self._threshold is not None
        return Score(max(0.0, 1.0 - rate), rate <= self._threshold, {self.rate: rate, **counts})


class WordErrorRate(ErrorRate):
    """Word error rate."""

    rate = "wer"
    unit = "reference_words"
    metrics = ("wer", "hits", *EDITS, "reference_words")
    corpus_metrics = (CorpusMetric("wer", EDITS, "reference_words", higher_is_better=False),)

    def _count(self, references: list[str], texts: list[str]) -> list[dict[str, float]]:
        return _counts(jiwer.process_words(references, texts), self.unit)


class CharacterErrorRate(ErrorRate):
    """Character error rate; spaces count as characters."""

    rate = "cer"
    unit = "reference_characters"
    metrics = ("cer", "hits", *EDITS, "reference_characters")
    corpus_metrics = (CorpusMetric("cer", EDITS, "reference_characters", higher_is_better=False),)

    def _count(self, references: list[str], texts: list[str]) -> list[dict[str, float]]:
        return _counts(jiwer.process_characters(references, texts), self.unit)


_METRIC_OF = {
    "equal": "hits",
    "substitute": "substitutions",
    "delete": "deletions",
    "insert": "insertions",
}


def _counts(output: jiwer.WordOutput | jiwer.CharacterOutput, unit: str) -> list[dict[str, float]]:
    """Return jiwer's alignments as counts, one mapping per pair."""
    rows = []
    for reference, chunks in zip(output.references, output.alignments, strict=True):
        row = {"hits": 0.0, "substitutions": 0.0, "deletions": 0.0, "insertions": 0.0}
        for chunk in chunks:
            length = max(
                chunk.ref_end_idx - chunk.ref_start_idx, chunk.hyp_end_idx - chunk.hyp_start_idx
            )
            row[_METRIC_OF[chunk.type]] += length
        row[unit] = float(len(reference))
        rows.append(row)
    return rows
