"""What every dataset must do: `audioforge.dataset.Dataset` in rules."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any, cast

import attrs

from audioforge.audio import load_clip
from audioforge.dataset import Dataset
from audioforge.errors import AudioForgeError, DatasetError, describe
from audioforge.plugins import checked_options, import_factory
from audioforge.sample import AudioSample, Problem
from audioforge.tasks import speech_task
from audioforge_kit.contract import CannotCheck, Contract, ContractError, expect, rule
from audioforge_kit.examples import DatasetExample

DECODED = 20
"""Clips of the example that are decoded."""


class DatasetContract(Contract):
    """The rules of a dataset."""

    kind = "dataset"
    example_class = DatasetExample

    @rule("Let the factory take the request and the options, and return an audioforge Dataset.")
    def is_a_dataset(self) -> None:
        """The factory, called with a request and the options, returns a Dataset."""
        created = self.create()
        expect(isinstance(created, Dataset), f"it returned {type(created).__name__}")

    @rule("Yield an AudioSample for what can be used, and a Problem for what cannot; skip nothing.")
    def yields_samples(self) -> None:
        """The dataset yields samples and problems, and of its example at least one sample."""
        for item in self._items:
            fits = isinstance(item, AudioSample | Problem)
            expect(fits, f"it yields {type(item).__name__}")
        problems = [str(item) for item in self._items if isinstance(item, Problem)]
        expect(self._samples, f"its example has no sample; problems: {problems[:3]}")

    @rule("Make the id of what does not change: a key of the data, or the path in the dataset.")
    def ids_are_unique(self) -> None:
        """Each sample has an id of its own."""
        for sample in self._samples:
            expect(isinstance(sample.id, str) and sample.id, f"the id {sample.id!r} is no text")
        repeated = [i for i, n in Counter(s.id for s in self._samples).items() if n > 1]
        expect(not repeated, f"more than one sample has the id {', '.join(repeated[:3])}")

    @rule("Sort what a folder lists; draw nothing at random.")
    def is_stable(self) -> None:
        """Every load gives the same samples in the same order."""
        again = [_fields(item) for item in self.create().load()]
        expect(again == [_fields(item) for item in self._items], "a second load gives others")

    @rule("Do not let ids depend on where the data lies; take any path.")
    def can_lie_anywhere(self) -> None:
        """In another folder, with blanks and letters of any script in its path, ids are equal."""
        elsewhere = cast(
            "DatasetExample", self.make_example(self.folder / "élsewhere, 東京 #1" / "other")
        )
        items = self._dataset(elsewhere).load()
        ids = [item.id for item in items if isinstance(item, AudioSample)]
        expect(ids == [s.id for s in self._samples], f"there the ids are {ids[:3]}")

    @rule("Give the audio as a path, encoded bytes, or an array with its sampling rate.")
    def sound_can_be_decoded(self) -> None:
        """The audio of its example can be decoded."""
        for sample in self._samples[:DECODED]:
            if sample.audio is None and not self.example.request.needs_audio:
                continue
            try:
                clip = load_clip(sample, 16_000)
            except AudioForgeError as error:
                raise ContractError(f"{sample.id}: {error}") from error
            expect(len(clip.waveform) > 0, f"{sample.id}: no sound")

    @rule(
        "Fill in `reference` (raw: normalisation belongs to scoring) and, for classification, "
        "`labels`; or do not name the task."
    )
    def says_what_is_right(self) -> None:
        """The example has references or labels, as its tasks need them."""
        needed = {speech_task(task).reference for task in self.spec.tasks}
        known = any(getattr(sample, name) for sample in self._samples for name in needed)
        if self.example.has_references:
            expect(known, f"no sample of its example has {' or '.join(sorted(needed))}")
        for sample in self._samples:
            is_text = sample.reference is None or isinstance(sample.reference, str)
            expect(is_text, f"{sample.id}: the reference is {sample.reference!r}")
            for name in ("speaker", "language"):
                value = getattr(sample, name)
                expect(value is None or isinstance(value, str), f"{sample.id}: {name} is {value!r}")
            labels = isinstance(sample.labels, tuple) and all(
                isinstance(label, str) for label in sample.labels
            )
            expect(labels, f"{sample.id}: labels are {sample.labels!r}, not a tuple of texts")

    @rule("Read in `load`, not in the factory; raise DatasetError for what is not there.")
    def says_when_it_is_not_there(self) -> None:
        """Data that are not there are a DatasetError, raised by load."""
        given = self.example.request
        if given.data_dir is not None:
            changes: dict[str, Any] = {"data_dir": self.folder / "not-there"}
        elif self.spec.is_corpus:
            raise CannotCheck("it is a corpus that comes from no folder")
        else:
            location = Path(given.location)
            changes = {"location": str(location.with_name(f"not-there{location.suffix}"))}
        request = attrs.evolve(self.example.request, **changes)
        created = False
        try:
            dataset = self._dataset(attrs.evolve(self.example, request=request))
            created = True
            items = list(islice(dataset.load(), 1))
        except DatasetError as error:
            expect(str(error).strip(), "its message is empty")
            expect(created, "it is raised before load is called")
        except Exception as error:
            raise ContractError(f"{describe(error)} instead of a DatasetError") from error
        else:
            raise ContractError(f"there was no error, and the first item is {items!r}")

    @rule("Yield as you read, so that a million clips need little memory.")
    def can_be_left_early(self) -> None:
        """Whoever stops after the first sample can start again."""
        first = next(iter(self.create().load()))
        expect(_fields(first) == _fields(self._items[0]), "it starts with another one")

    @rule(
        "Let the options class be an attrs class of plain types; raise ValueError, TypeError or "
        "ConfigError in its validators."
    )
    def refuses_bad_options(self) -> None:
        """Wrong options are a ConfigError that names them."""
        self.check_bad_options()

    def create(self, **changes: Any) -> Any:
        """Create the dataset of the example."""
        options = {**self.example.options, **changes}
        return self._dataset(attrs.evolve(self.example, options=options))

    def _dataset(self, example: DatasetExample) -> Any:
        options = checked_options(self.provided, example.options)
        return import_factory(self.provided)(example.request, **options)

    @property
    def _items(self) -> list[AudioSample | Problem]:
        items = self.once("its samples", lambda: list(self.create().load()))
        return cast("list[AudioSample | Problem]", items)

    @property
    def _samples(self) -> list[AudioSample]:
        return [item for item in self._items if isinstance(item, AudioSample)]


def _fields(item: AudioSample | Problem) -> tuple[Any, ...]:
    """Return what must be the same in every load."""
    if isinstance(item, Problem):
        return (item.where, item.kind)
    part = (item.offset, item.channels, str(item.audio)[:200])
    return (item.id, item.reference, item.labels, item.speaker, *part)
