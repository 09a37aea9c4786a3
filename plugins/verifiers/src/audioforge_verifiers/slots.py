"""The verifier `slots`: whether the values that a clip is labelled with were heard, and no others.

A command such as "a large latte with oat milk" is often labelled with what it asks for (drink,
size, milk) and with nothing else. Such clips can teach, and measure, without a transcript.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import ClassVar

from attrs import frozen

from audioforge.errors import ConfigError, listed
from audioforge.model import Task
from audioforge.sample import AudioSample, Hypothesis, Score
from audioforge.verifier import CorpusMetric, Verifier, VerifierContext
from audioforge_verifiers.normalizers import Normalizer, get_normalizer
from audioforge_verifiers.slot_values import expected_values
from audioforge_verifiers.terms import Term, TermFinder
from audioforge_verifiers.words import words_of

MAPPING = "slots"
"""Where a sample's values are when nobody says otherwise."""

REMEMBERED_LISTS = 64
"""Lists that are the corpus' own and a few values more, which only strange clips need."""


@frozen
class SlotsOptions:
    """Options of `slots`.

    Attributes:
        columns: Columns that hold one value each, as a list in YAML or as `drink|size`; none for
            the column `slots`, which holds a mapping from slots to values.
    """

    columns: tuple[str, ...] = ()


class Slots(Verifier):
    """Reward 2·h / (r + s): the F1 of the values found in the transcript.

    r counts the clip's own values, s the values of the whole corpus that the transcript has, and h
    those that are both: for each value the lesser of its two counts. So listing values costs
    precision, and leaving them out recall. All go through the run's normaliser; where two values
    could start, the longer one counts ("iced coffee" before "coffee"). A clip of which nothing is
    expected has reward 0 where its transcript has a value, and cannot be judged where it has none.
    It passes when no value is missing or added.

    Which slot a value is for is not asked, and neither is what stands between the values.
    """

    tasks: ClassVar[tuple[Task, ...]] = ("asr",)
    needs_reference: ClassVar[bool] = False
    metrics: ClassVar[tuple[str, ...]] = (
        "slot_recall",
        "slot_precision",
        "slot_hits",
        "expected_values",
        "found_values",
        "all_values",
    )
    corpus_metrics: ClassVar[tuple[CorpusMetric, ...]] = (
        CorpusMetric("slot_f1", ("slot_hits", "slot_hits"), "all_values", higher_is_better=True),
        CorpusMetric("slot_recall", ("slot_hits",), "expected_values", higher_is_better=True),
        CorpusMetric("slot_precision", ("slot_hits",), "found_values", higher_is_better=True),
    )

    def __init__(self, columns: Sequence[str] = ()) -> None:
        """Create the verifier; see `SlotsOptions`."""
        self._columns = tuple(name for text in columns for name in text.split("|") if name)
        self.needs_metadata = self._columns or (MAPPING,)
        self._normalizer: Normalizer | None = None
        self._corpus: frozenset[Term] = frozenset()

    def setup(self, context: VerifierContext) -> None:
        """Take the run's normaliser, and list the values of its samples.

        Raises:
            ConfigError: If a sample's values cannot be read, or nothing is left of one.
        """
        self._normalizer = get_normalizer(context.normalizer)
        found: set[Term] = set()
        problems = []
        for sample in context.corpus:
            try:
                found.update(self._expected(sample) or ())
            except ValueError as error:
                problems.append(f"{sample.place}: {error}")
        if problems:
            raise ConfigError([f"slots: {problem}" for problem in problems[:3]] + _more(problems))
        self._corpus = frozenset(found)

    def verify(
        self, samples: Sequence[AudioSample], hypotheses: Sequence[Hypothesis]
    ) -> list[Score]:
        """Score transcripts; one of a sample without values, or that is no text, is not judged."""
        return [
            self._score(sample, hypothesis.text)
            for sample, hypothesis in zip(samples, hypotheses, strict=True)
        ]

    def _score(self, sample: AudioSample, text: str | None) -> Score:
        expected = None if text is None else self._expected(sample)
        if text is None or expected is None:
            return Score(None)
        finder = _finder(self._corpus, frozenset(expected) - self._corpus)
        found = finder.count(self._words(text, sample))
        hits, wanted, said = (expected & found).total(), expected.total(), found.total()
        metrics = {
            "slot_hits": float(hits),
            "expected_values": float(wanted),
            "found_values": float(said),
            "all_values": float(wanted + said),
        }
        if wanted:
            metrics["slot_recall"] = hits / wanted
        if said:
            metrics["slot_precision"] = hits / said
        if not wanted + said:
            return Score(None, None, metrics)
        return Score(2 * hits / (wanted + said), expected == found, metrics)

    def _expected(self, sample: AudioSample) -> Counter[Term] | None:
        """Return a sample's values as they are looked for; None where it states none.

        Raises:
            ValueError: If they cannot be read, or nothing is left of one.
        """
        values = expected_values(sample.metadata, self._columns, MAPPING)
        if values is None:
            return None
        terms = [tuple(self._words(value, sample)) for value in values]
        if lost := [value for value, term in zip(values, terms, strict=True) if not term]:
            raise ValueError(
                f"nothing is left of {listed([repr(value) for value in lost])} after the text "
                f"normaliser; mend it, or use another --normalizer"
            )
        return Counter(terms)

    def _words(self, text: str, sample: AudioSample) -> list[str]:
        if self._normalizer is None:
            raise RuntimeError("setup comes before verify")
        return words_of(self._normalizer.hypothesis(text, sample.language))


@lru_cache(maxsize=REMEMBERED_LISTS)
def _finder(corpus: frozenset[Term], others: frozenset[Term]) -> TermFinder:
    """Return what finds the values of a corpus, and those of a clip that is not part of it."""
    return TermFinder(corpus | others)


def _more(problems: Sequence[str]) -> list[str]:
    return [f"slots: and {len(problems) - 3} more such samples"] if len(problems) > 3 else []
