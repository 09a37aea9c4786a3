"""The contract of a verifier: what scores a hypothesis."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from attrs import frozen

from audioforge.model import Task
from audioforge.sample import AudioSample, Hypothesis, Score

if TYPE_CHECKING:
    from audioforge.model import ModelAdapter


@frozen
class VerifierContext:
    """What a run tells its verifiers.

    Attributes:
        task: Task of the run.
        normalizer: Name of the text normaliser that the whole run uses.
        wer_threshold: The word error rate up to which a transcript passes.
        device: A torch device, for verifiers that run a model; or what finds it when one asks.
        labels: The known classes of a classification run; empty where none are known.
        corpus: The samples of the run, those held out included, as its datasets give them: their
            sound is not decoded. The same in every process and after a resumption; can be gone
            through again; empty where none are known.
        load_model: `load_model(checkpoint, task)` gives any installed adapter for a checkpoint,
            loaded once per process.
    """

    task: Task
    normalizer: str
    wer_threshold: float
    _device: str | Callable[[], str]
    load_model: Callable[[str, Task], ModelAdapter]
    labels: tuple[str, ...] = ()
    corpus: Iterable[AudioSample] = ()

    @property
    def device(self) -> str:
        """A torch device, for verifiers that run a model; to ask for it may import torch."""
        return self._device if isinstance(self._device, str) else self._device()


@frozen
class CorpusMetric:
    """A metric of a whole corpus: summed numerators over the summed denominator.

    Attributes:
        name: Name of the metric, such as "wer".
        numerator: Names of metrics of a `Score` that are summed.
            One that is named twice counts twice.
        denominator: Name of the metric of a `Score` that they are divided by. A score without
            one of these metrics takes no part.
        higher_is_better: True for accuracy, False for error rates; None for what is neither, such
            as a mean of letters per second: it is reported, and never decides between models. The
            name of what has a unit of its own begins with "mean_"; the others are shown in percent.
    """

    name: str
    numerator: tuple[str, ...]
    denominator: str
    higher_is_better: bool | None

    @property
    def title(self) -> str:
        """The name as tables show it.

        >>> CorpusMetric("wer", (), "", higher_is_better=False).title
        'WER'
        >>> CorpusMetric("term_recall", (), "", higher_is_better=True).title
        'term recall'
        """
        return self.name.upper() if len(self.name) <= 3 else self.name.replace("_", " ")


class Verifier(ABC):
    """Scores hypotheses. One instance serves one run in one process.

    Instances can be pickled before `setup`. A verifier that cannot judge a hypothesis returns a
    score with reward None, and leaves a metric out that it cannot compute: missing is never 0.

    Attributes:
        tasks: Tasks whose hypotheses it can score.
        needs_reference: Whether it can judge nothing without the sample's reference or label.
        needs_metadata: Keys of a sample's metadata of which it needs one, with a value other than
            None and empty text, to judge anything; empty where it needs none. It may depend on the
            options.
        scope: "hypothesis" when each is judged by itself; "rollout" when a sample's k hypotheses
            are judged against each other, which then stand side by side in one call of `verify`.
        metrics: Names of all metrics that its scores can have.
        corpus_metrics: Metrics of a whole corpus; the first is the one that stands for it.
        normalizers: Names that it knows as the context's `normalizer`, the most advisable first: a
            bad measure is measured again with each. Empty where it normalises no text.
    """

    tasks: ClassVar[tuple[Task, ...]]
    needs_reference: ClassVar[bool] = True
    needs_metadata: Sequence[str] = ()
    scope: ClassVar[Literal["hypothesis", "rollout"]] = "hypothesis"
    metrics: ClassVar[tuple[str, ...]] = ()
    corpus_metrics: ClassVar[tuple[CorpusMetric, ...]] = ()
    normalizers: ClassVar[tuple[str, ...]] = ()

    def setup(self, context: VerifierContext) -> None:  # noqa: B027
        """Get ready: load what is heavy. Called once per process, before `verify`."""

    @abstractmethod
    def verify(
        self, samples: Sequence[AudioSample], hypotheses: Sequence[Hypothesis]
    ) -> list[Score]:
        """Score hypotheses, each against the sample in the same place.

        A sample's audio may be decoded already; `audioforge.audio.load_clip` takes either. It is
        None where only texts are known.

        Args:
            samples: A tuple; those of one sample's hypotheses are the same object. Sound in memory
                cannot be written to, and what is changed in `metadata` nobody else sees.
            hypotheses: A tuple of as many.

        Returns:
            One score per hypothesis, independent of the others in the call but for those of the
            same sample where the scope is "rollout".
        """

    def compared(self, sample: AudioSample, hypothesis: Hypothesis) -> str:
        """Return what it compares of a hypothesis: equal for two that it takes for the same.

        Normalised text, where it normalises; otherwise what was said as it is.
        """
        return hypothesis.content

    def close(self) -> None:  # noqa: B027
        """Let go of what `setup` took."""
