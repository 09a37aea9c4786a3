"""The verifier `hotwords`: whether the terms that matter are there, and no others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from attrs import frozen

from audioforge.errors import ConfigError
from audioforge.model import Task
from audioforge.sample import AudioSample, Hypothesis, Score
from audioforge.verifier import CorpusMetric, Verifier, VerifierContext
from audioforge_verifiers.normalizers import Normalizer, get_normalizer
from audioforge_verifiers.terms import TermFinder, read_terms
from audioforge_verifiers.words import is_emptied, size_in_words, words_of

FEW_WORDS = 3
"""So many words more than twice the reference's are no reason to doubt a transcript: what is short
doubles soon."""


@frozen
class HotwordsOptions:
    """Options of `hotwords`; at least one of them is given, and both are put together.

    Attributes:
        terms: A text file with one term a line; a term may have several words. Empty lines and
            lines that start with `#` are left out.
        words: Terms, as a list in YAML.
    """

    terms: Path | None = None
    words: tuple[str, ...] = ()

    def __attrs_post_init__(self) -> None:
        """Read the terms once, so that a wrong file is found before any data is read."""
        _all_terms(self.terms, self.words)


class Hotwords(Verifier):
    """Reward 2·h / (r + s): the harmonic mean of recall h / r and precision h / s of the terms.

    r and s count the terms in the reference and in the transcript, and h those in both: for each
    term the lesser of its two counts (Σ min). Listing terms costs precision, leaving them out costs
    recall. Where the reference holds none, a transcript with a term has reward 0, and one without
    cannot be judged: there was nothing to get right. It passes when no term is missing or added.

    Where in the text a term stands is not looked at; that is for `wer`. But a text that is less
    than half or more than twice as long as the reference is no transcript of it, and has reward 0:
    the terms alone do not pay, nor do the terms in a page of anything.
    """

    tasks: ClassVar[tuple[Task, ...]] = ("asr",)
    metrics: ClassVar[tuple[str, ...]] = (
        "term_recall",
        "term_precision",
        "term_hits",
        "reference_terms",
        "transcript_terms",
    )
    corpus_metrics: ClassVar[tuple[CorpusMetric, ...]] = (
        CorpusMetric("term_recall", ("term_hits",), "reference_terms", higher_is_better=True),
        CorpusMetric("term_precision", ("term_hits",), "transcript_terms", higher_is_better=True),
    )

    def __init__(self, terms: Path | None = None, words: Sequence[str] = ()) -> None:
        """Create the verifier; see `HotwordsOptions`."""
        self._listed = _all_terms(terms, words)
        self._normalizer: Normalizer | None = None
        self._finders: dict[str | None, TermFinder] = {}

    def setup(self, context: VerifierContext) -> None:
        """Take the run's normaliser, and put the terms through it.

        Raises:
            ConfigError: If nothing is left of a term.
        """
        self._normalizer = get_normalizer(context.normalizer)
        self._finders = {None: self._finder_of(self._normalizer, None)}

    def _finder_of(self, normalizer: Normalizer, language: str | None) -> TermFinder:
        """Return what finds the terms as they are normalised in a language."""
        terms = [tuple(words_of(normalizer.hypothesis(term, language))) for term in self._listed]
        lost = [term for term, words in zip(self._listed, terms, strict=True) if not words]
        if lost:
            raise ConfigError(
                [
                    f"hotwords: nothing is left of {', '.join(map(repr, lost))} after the text "
                    f"normaliser {normalizer.name}{f' for {language}' if language else ''}; take "
                    f"them off the list or use another one"
                ]
            )
        return TermFinder(terms)

    def verify(
        self, samples: Sequence[AudioSample], hypotheses: Sequence[Hypothesis]
    ) -> list[Score]:
        """Score transcripts; one without a reference, or that is not text, cannot be judged."""
        if self._normalizer is None:
            raise RuntimeError("setup comes before verify")
        return [
            Score(None)
            if sample.reference is None or hypothesis.text is None
            else self._score(self._normalizer, sample, sample.reference, hypothesis.text)
            for sample, hypothesis in zip(samples, hypotheses, strict=True)
        ]

    def _score(
        self, normalizer: Normalizer, sample: AudioSample, reference: str, text: str
    ) -> Score:
        language = sample.language
        normalized = normalizer.reference(reference, language)
        if is_emptied(reference, normalized):
            return Score(None)
        if language not in self._finders:
            self._finders[language] = self._finder_of(normalizer, language)
        finder = self._finders[language]
        reference_words = words_of(normalized)
        words = words_of(normalizer.hypothesis(text, language))
        wanted, said = finder.count(reference_words), finder.count(words)
        hits, references, transcripts = (wanted & said).total(), wanted.total(), said.total()
        metrics = {
            "term_hits": float(hits),
            "reference_terms": float(references),
            "transcript_terms": float(transcripts),
        }
        if references:
            metrics["term_recall"] = hits / references
        if transcripts:
            metrics["term_precision"] = hits / transcripts
        if not references + transcripts:
            return Score(None, None, metrics)
        if not _is_of_its_length(words, reference_words):
            return Score(0.0, False, metrics)
        return Score(2 * hits / (references + transcripts), wanted == said, metrics)


def _is_of_its_length(words: Sequence[str], reference: Sequence[str]) -> bool:
    """Say whether a text is as long as its reference, by a factor of two and a few words."""
    said, wanted = size_in_words(words), size_in_words(reference)
    return wanted / 2 <= said <= 2 * wanted + FEW_WORDS


def _all_terms(path: Path | None, words: Sequence[str]) -> list[str]:
    """Return the terms of both options, each once, in their order."""
    if path is None and not words:
        raise ConfigError(["hotwords: give terms=FILE, or in YAML a list of words"])
    return list(dict.fromkeys([*(read_terms(path) if path else ()), *words]))
