"""The contract of a verifier: what scores a hypothesis."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from attrs import frozen

from audioforge.model import Task
from audioforge.sample import AudioSample, Hypothesis, Score

if TYPE_CHECKING:
    from audioforge.model import ModelAdapter


@frozen
class VerifierContext:
    """What a run tells its verifiers.

    Attributes:
        task: Of the run.
        normalizer: Name of the text normaliser that the whole run uses.
        wer_threshold: The word error rate up to which a transcript passes.
        device: A torch device, for verifiers that run a model.
        load_model: `load_model(checkpoint, task)` gives any installed adapter for a checkpoint,
            loaded once per process.
    """

    task: Task
    normalizer: str
    wer_threshold: float
    device: str
    load_model: Callable[[str, Task], ModelAdapter]


@frozen
class CorpusMetric:
    """A metric of a whole corpus: summed numerators over the summed denominator.

    Attributes:
        name: Such as "wer".
        numerator: Names of metrics of a `Score` that are summed.
        denominator: Name of the metric of a `Score` that they are divided by.
        higher_is_better: True for accuracy, False for error rates.
    """

    name: str
    numerator: tuple[str, ...]
    denominator: str
    higher_is_better: bool


class Verifier(ABC):
    """Scores hypotheses. One instance serves one run in one process.

    Instances can be pickled before `setup`. A verifier that cannot judge a hypothesis returns a
    score with reward None: missing is never 0.
    """

    tasks: ClassVar[tuple[Task, ...]]
    needs_reference: ClassVar[bool] = True
    metrics: ClassVar[tuple[str, ...]] = ()
    corpus_metric: ClassVar[CorpusMetric | None] = None

    def setup(self, context: VerifierContext) -> None:  # noqa: B027
        """Get ready: load what is heavy. Called once per process, before `verify`."""

    @abstractmethod
    def verify(
        self, samples: Sequence[AudioSample], hypotheses: Sequence[Hypothesis]
    ) -> list[Score]:
        """Score hypotheses, each against the sample in the same place.

        Returns:
            One score per hypothesis, independent of the others in the call.
        """

    def close(self) -> None:  # noqa: B027
        """Let go of what `setup` took."""
