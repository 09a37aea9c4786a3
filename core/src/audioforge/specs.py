"""Specifications: what a plugin says about what it provides, as data only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import field, frozen, validators

from audioforge.model import KnownCheckpoint, Serves, Task
from audioforge.plugin_reference import canonical


@frozen(kw_only=True)
class Spec:
    """What every specification says.

    Attributes:
        name: Unique among specifications of its kind; lower case, digits, `-`, `_`.
        summary: One line for listings.
        factory: "package.module:Class", imported when it is asked for.
        options: "package.module:Class" of an attrs class with the options the factory takes as
            keyword arguments; None when it takes none.
        example: "package.module:function" that says what to check it with, for the contract tests:
            given a new folder, it returns the example of `audioforge_kit` for its kind. A model
            adapter, a dataset and an exporter need one; the others do if they need options.
    """

    name: str
    summary: str
    factory: str
    options: str | None = None
    example: str | None = None


@frozen(eq=False)
class Limits:
    """What a checkpoint can take, as its small files say: nothing is loaded.

    Attributes:
        max_seconds: The longest clip that is not cut; None for any length.
        labels: The classes of a classifier; None for other models, and for one that names none.
        unknown_characters: Counts the characters of a transcript that the model cannot write; None
            where it can write any.
    """

    max_seconds: float | None = None
    labels: tuple[str, ...] | None = None
    unknown_characters: Callable[[str], Mapping[str, int]] | None = None


@frozen(kw_only=True)
class ModelSpec(Spec):
    """A model adapter; the factory is a subclass of `audioforge.model.ModelAdapter`.

    Attributes:
        serves: The kinds of checkpoints it takes.
        checkpoints: Public checkpoints known to work.
        temperature: At which training draws hypotheses unless the user says otherwise: hot enough
            that they differ, and so cool that the best of a few is better than greedy decoding.
        limits: "package.module:function" that says what a checkpoint can take without loading it,
            for `audioforge datasets show --model`: given the content of its config.json and the
            folder of its other small files, it returns `audioforge.specs.Limits`. It must import
            nothing heavy. None where nobody knows before the checkpoint is loaded.
    """

    serves: tuple[Serves, ...]
    checkpoints: tuple[KnownCheckpoint, ...] = ()
    temperature: float = field(default=1.0, validator=validators.gt(0))
    limits: str | None = None


@frozen(kw_only=True)
class VerifierSpec(Spec):
    """A verifier; the factory returns an `audioforge.verifier.Verifier`.

    Attributes:
        tasks: Tasks whose hypotheses it can score.
    """

    tasks: tuple[Task, ...]


@frozen(kw_only=True)
class DatasetSpec(Spec):
    """A dataset; the factory takes a `DatasetRequest` and returns a `Dataset`.

    A specification with suffixes, markers or holds is a format: it serves the paths that fit,
    whatever they are called. One without is a named corpus.

    Attributes:
        tasks: Tasks that its references are good for.
        suffixes: Endings of the files it reads, such as ".jsonl".
        markers: Glob patterns; a folder in which one matches is read by this format.
        holds: Endings of files; a folder that holds one at any depth is read by this format, if
            no marker fits and no file in it says what is in the others.
        hub: Whether it serves dataset ids of the Hugging Face hub.
        size: Hours and gigabytes, for people.
        licence: Licence of the data.
    """

    tasks: tuple[Task, ...]
    suffixes: tuple[str, ...] = ()
    markers: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    hub: bool = False
    size: str = ""
    licence: str = ""

    @property
    def is_corpus(self) -> bool:
        """Whether it is asked for by its name, not by a path or hub id."""
        return not (self.suffixes or self.markers or self.holds or self.hub)

    @property
    def reads(self) -> list[str]:
        """The files and folders that it reads, as people write them."""
        files, marked = (f"*{s}" for s in self.suffixes), (f"folder/{m}" for m in self.markers)
        return [*files, *marked, *(f"folder/…/*{ending}" for ending in self.holds)]


@frozen(kw_only=True)
class AggregatorSpec(Spec):
    """A reward aggregator; the factory returns an `audioforge.reward.RewardAggregator`."""


@frozen(kw_only=True)
class SelectionSpec(Spec):
    """A selection; the factory returns an `audioforge.selection.Selection`."""


@frozen(kw_only=True)
class AugmentationSpec(Spec):
    """An augmentation; the factory returns an `audioforge.augmentation.Augmentation`.

    Attributes:
        tasks: Tasks whose training clips it may change.
    """

    tasks: tuple[Task, ...]


@frozen(kw_only=True)
class TrackerSpec(Spec):
    """A tracker; the factory returns an `audioforge.tracker.Tracker`."""


@frozen(kw_only=True)
class ExecutorSpec(Spec):
    """An executor; the factory returns an `audioforge.executor.Executor`."""


@frozen(kw_only=True)
class ExporterSpec(Spec):
    """An exporter; the factory returns an `audioforge.exporter.Exporter`.

    Attributes:
        tasks: Tasks of the checkpoints it takes.
    """

    tasks: tuple[Task, ...]


KINDS: dict[str, type[Spec]] = {
    "models": ModelSpec,
    "verifiers": VerifierSpec,
    "datasets": DatasetSpec,
    "aggregators": AggregatorSpec,
    "selections": SelectionSpec,
    "trackers": TrackerSpec,
    "executors": ExecutorSpec,
    "exporters": ExporterSpec,
    "augmentations": AugmentationSpec,
}
"""The kinds of things a plugin provides, and the specification of each."""


@frozen
class Provided:
    """A specification with its origin.

    Attributes:
        spec: The specification.
        distribution: The installed distribution whose plugin registered it.
        given: What is called in place of the factory that the specification names, where somebody
            gave it in Python; None where it is imported.
    """

    spec: Spec
    distribution: str = field()
    given: Callable[..., Any] | None = None

    @property
    def full_name(self) -> str:
        """`distribution/name`, which is always unambiguous."""
        return f"{self.distribution}/{self.spec.name}"

    def is_called(self, name: str) -> bool:
        """Whether `name` is the plain or the full name, however the distribution is spelt."""
        distribution, slash, plain = name.rpartition("/")
        mine = not slash or canonical(distribution) == canonical(self.distribution)
        return mine and plain == self.spec.name
