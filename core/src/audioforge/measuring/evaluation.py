"""What an evaluation measured: corpus metrics with intervals, and how two evaluations compare."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from typing import Any

import attrs
import numpy as np
from attrs import Factory, define, field, frozen

from audioforge.inference.fallback import WITH_FALLBACK, WITHOUT_FALLBACK
from audioforge.inference.skip_log import SkipLog
from audioforge.languages.tags import UNKNOWN
from audioforge.measuring.bootstrap import Interval, Ratio, difference_interval, ratio_interval
from audioforge.measuring.classification import ClassificationReport, classification_report
from audioforge.measuring.corpus_metrics import MeasuredMetric, deciding
from audioforge.measuring.predictions import truth_of
from audioforge.measuring.resampling import Resampling
from audioforge.measuring.style import style_of
from audioforge.sample import AudioSample
from audioforge.verifier import CorpusMetric


@define(eq=False)
class EvaluationSet:
    """A dataset to evaluate on.

    Attributes:
        name: Name of the dataset, as the user gave it.
        samples: What can be measured on: all samples say what the metric that decides needs.
        skips: What of the dataset cannot be used.
        unread: How many of the skipped items are not among the samples.
    """

    name: str
    samples: list[AudioSample]
    skips: SkipLog = field(factory=SkipLog)
    unread: int = 0

    @property
    def total(self) -> int:
        """How many items it has, usable or not."""
        return len(self.samples) + self.unread

    @property
    def short_name(self) -> str:
        """Name of the dataset without folders, for where there is little room."""
        return self.name.rstrip("/").rpartition("/")[2] or self.name


@frozen(eq=False)
class EvaluatedItem:
    """One utterance's greedy output and what was measured on it.

    Attributes:
        prediction: The line of `predictions.jsonl`, without what was measured.
        metrics: The metrics of each verifier's score, by the verifier's id.
        seconds: Length of the clip; of the generated audio for text to speech.
        labels: The correct classes of a classification; empty otherwise.
        errors: Why a verifier failed on it, by the verifier's id.
    """

    prediction: dict[str, Any]
    metrics: Mapping[str, Mapping[str, float]]
    seconds: float
    labels: tuple[str, ...] = ()
    errors: Mapping[str, str] = field(factory=dict)

    @property
    def id(self) -> str:
        """Id of the sample."""
        return str(self.prediction["id"])

    @property
    def speaker(self) -> str | None:
        """Who speaks, where that is known."""
        speaker = self.prediction.get("speaker")
        return None if speaker is None else str(speaker)

    @property
    def language(self) -> str:
        """Code of the language that is spoken; "und" where that is not known."""
        return str(self.prediction.get("language", UNKNOWN))


@define(eq=False)
class Evaluation:
    """What an evaluation measured.

    Attributes:
        dataset: Name of the dataset.
        items: What was measured on each utterance, sorted by sample id.
        metrics: The corpus metrics that were measured, by name; the first one decides.
        seconds: Time that the evaluation took, without loading.
        total: How many items the dataset has, usable or not.
        decoding: How the outputs were decoded.
        normalizer: Name of the text normaliser, where there is one.
    """

    dataset: str
    items: list[EvaluatedItem]
    metrics: Mapping[str, MeasuredMetric]
    seconds: float
    total: int = field(default=Factory(lambda self: len(self.items), takes_self=True))
    decoding: str = WITHOUT_FALLBACK
    normalizer: str | None = None

    @property
    def metric(self) -> CorpusMetric:
        """The corpus metric that decides."""
        return deciding(self.metrics).metric

    @property
    def predictions(self) -> list[dict[str, Any]]:
        """The lines of `predictions.jsonl`: what was said of each clip, and how right it is."""
        return [
            item.prediction | truth_of(item.metrics, self.metrics, self.normalizer)
            for item in self.items
        ]

    def parts(self, name: str) -> Ratio:
        """Return numerator and denominator of a corpus metric, each an array over utterances."""
        parts = [self.metrics[name].parts(item.metrics) for item in self.items]
        return np.array([p[0] for p in parts]), np.array([p[1] for p in parts])

    @property
    def decisive_parts(self) -> Ratio:
        """Numerator and denominator of the metric that decides, each an array over utterances."""
        return self.parts(next(iter(self.metrics)))

    def value(self, name: str | None = None) -> float | None:
        """Return a corpus metric, or None when its denominator is 0."""
        numerator, denominator = self.decisive_parts if name is None else self.parts(name)
        total = denominator.sum()
        return float(numerator.sum() / total) if total else None

    @property
    def values(self) -> dict[str, float | None]:
        """Every corpus metric that could be measured; for classification also the macro F1.

        The one that decides is always there, and comes first.
        """
        decisive, *others = self.metrics
        values = {decisive: self.value(decisive)}
        values |= {name: value for name in others if (value := self.value(name)) is not None}
        report = self.classification
        return values if report is None else {**values, "macro_f1": report.macro_f1}

    @property
    def by_language(self) -> dict[str, dict[str, Any]]:
        """What was measured on the utterances of each language; empty where there is only one.

        A metric of which a language has nothing to measure is missing there.
        """
        counts = Counter(item.language for item in self.items)
        if len(counts) < 2:
            return {}
        groups = {
            code: attrs.evolve(self, items=[item for item in self.items if item.language == code])
            for code, _ in counts.most_common()
        }
        return {
            code: {
                **{name: value for name, value in group.values.items() if value is not None},
                "n": len(group.items),
                "measured": group.measured,
            }
            for code, group in groups.items()
        }

    @property
    def classification(self) -> ClassificationReport | None:
        """Class by class; None for other tasks."""
        labelled = [item for item in self.items if item.labels]
        if not labelled:
            return None
        return classification_report(
            [item.labels for item in labelled],
            [item.prediction["pred_text"] for item in labelled],
            Resampling([item.speaker for item in labelled]),
        )

    @property
    def measured(self) -> int:
        """How many utterances were measured: decoded, and with a reference or a reward.

        One in which nothing is said has no words to divide by, and is measured all the same.
        """
        return int(np.count_nonzero(self.is_decided))

    @property
    def counted(self) -> dict[str, int]:
        """On how many utterances each corpus metric counts anything; empty where all are alike.

        In a mixture the word error rate and the mixed one have clips of their own.
        """
        counts = {name: int(np.count_nonzero(self.parts(name)[1])) for name in self.metrics}
        counts = {name: count for name, count in counts.items() if count}
        return counts if len(set(counts.values())) > 1 else {}

    @property
    def drawn(self) -> int:
        """How many utterances an interval is drawn from: those with anything to count."""
        return int(np.count_nonzero(np.any(self.decisive_parts, axis=0)))

    @property
    def is_decided(self) -> np.ndarray:
        """Whether each utterance has all that the metric that decides is made of."""
        decides = next(iter(self.metrics.values()))
        return np.array([decides.is_measured(item.metrics) for item in self.items], dtype=bool)

    @property
    def cut(self) -> int:
        """How many outputs a length limit ended, not the model."""
        return sum("cut" in item.prediction for item in self.items)

    @property
    def style(self) -> dict[str, float | None]:
        """The style of the outputs, as they were written; empty where these are no transcripts."""
        said = (i.prediction.get("pred_text") for i in self.items if not i.labels)
        texts = [text for text in said if text is not None]
        return style_of(texts) if texts else {}

    @property
    def run_away(self) -> frozenset[str]:
        """Ids of the utterances whose output repeats itself or was ended by a length limit."""
        return frozenset(item.id for item in self.items if "runaway" in item.prediction)

    @property
    def fell_back(self) -> int:
        """How many outputs temperature fallback drew again, or took for silence."""
        signs = ("temperature", "no_speech")
        return sum(any(sign in item.prediction for sign in signs) for item in self.items)

    def without(self, ids: Set[str]) -> Evaluation:
        """Return the evaluation of the other utterances."""
        return attrs.evolve(self, items=[item for item in self.items if item.id not in ids])

    @property
    def interval(self) -> Interval:
        """95 % interval of the metric that decides."""
        (own,), resampling = paired([self])
        return ratio_interval(*own, resampling)

    @property
    def resampling(self) -> Resampling:
        """The units that the interval resamples, and how."""
        return paired([self])[1]

    def difference_interval(self, base: Evaluation) -> Interval:
        """Return the 95 % paired interval of this minus the base, on the same utterances."""
        (own, other), resampling = paired([self, base])
        return difference_interval(own, other, resampling)

    @property
    def rtfx(self) -> float:
        """Audio seconds over processing seconds."""
        return sum(item.seconds for item in self.items) / self.seconds

    def sums(self, name: str) -> dict[str, float]:
        """Return every metric that a corpus metric is made of, summed over the utterances."""
        measured = self.metrics[name]
        rows = [item.metrics.get(measured.verifier, {}) for item in self.items]
        keys = (*measured.metric.numerator, measured.metric.denominator)
        return {key: sum(row.get(key, 0.0) for row in rows) for key in keys}


def paired(evaluations: Sequence[Evaluation]) -> tuple[list[Ratio], Resampling]:
    """Return each evaluation's parts of the metric that decides, on the same utterances.

    Utterances that are not in every evaluation, as when a file vanished or memory ran out, and
    those that were not measured in each are left out: there is nothing of them to draw.

    Returns:
        The parts, arrays of one length, and how to resample them.
    """
    common = set.intersection(*({item.id for item in e.items} for e in evaluations))
    kept = [
        attrs.evolve(e, items=[item for item in e.items if item.id in common]) for e in evaluations
    ]
    ratios = [e.decisive_parts for e in kept]
    measured = np.all([e.is_decided for e in kept], axis=0)
    measured &= np.any([part for ratio in ratios for part in ratio], axis=0)
    items = [
        item for item, is_measured in zip(kept[-1].items, measured, strict=True) if is_measured
    ]
    parts = [(numerator[measured], denominator[measured]) for numerator, denominator in ratios]
    return parts, Resampling([item.speaker for item in items])


def summarise(evaluation: Evaluation) -> dict[str, Any]:
    """Return an evaluation's metrics as `summary.json` holds them: rates as fractions."""
    return {
        "metric": evaluation.metric.name,
        **evaluation.values,
        "ci95": list(evaluation.interval),
        "interval": evaluation.resampling.as_mapping(),
        "n": len(evaluation.items),
        "measured": evaluation.measured,
        "cut": evaluation.cut,
        "total": evaluation.total,
        **({"style": style} if (style := evaluation.style) else {}),
        **decoded(evaluation),
        **({"counted": counted} if (counted := evaluation.counted) else {}),
        **({"by_language": by_language} if (by_language := evaluation.by_language) else {}),
    }


def decoded(evaluation: Evaluation) -> dict[str, Any]:
    """Return how an evaluation's outputs were decoded, how many ran away, and what the rest is."""
    run_away = evaluation.run_away
    return {
        "decoding": evaluation.decoding,
        **({"fell_back": evaluation.fell_back} if evaluation.decoding == WITH_FALLBACK else {}),
        "runaway": len(run_away),
        **({"without_runaway": evaluation.without(run_away).values} if run_away else {}),
    }


def compare(evaluation: Evaluation, base: Evaluation) -> dict[str, Any]:
    """Return an evaluation's metrics with the paired interval of its difference to the base."""
    interval = evaluation.difference_interval(base)
    compared = {**summarise(evaluation), "difference_ci95": list(interval)}
    if run_away := evaluation.run_away | base.run_away:
        (own, other), resampling = paired([evaluation.without(run_away), base])
        if own[1].sum() and other[1].sum():
            interval = difference_interval(own, other, resampling)
            compared["difference_ci95_without_runaway"] = list(interval)
    return compared


def merit(evaluation: Evaluation) -> float:
    """Return the metric that decides, turned so that larger is better."""
    value = evaluation.value()
    if value is None:
        return float("-inf")
    return value if evaluation.metric.higher_is_better else -value


def is_better(interval: Sequence[float], metric: CorpusMetric) -> bool:
    """Whether a whole interval of a difference lies on the better side of 0."""
    return interval[0] > 0 if metric.higher_is_better else interval[1] < 0


def is_worse(interval: Sequence[float], metric: CorpusMetric) -> bool:
    """Whether a whole interval of a difference lies on the worse side of 0."""
    return interval[1] < 0 if metric.higher_is_better else interval[0] > 0
