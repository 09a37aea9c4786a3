"""The datasets of a run: read, parted by role, and looked at for what would spoil a figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import attrs
from attrs import define, field

from audioforge.config import AudioRAFTConfig, DatasetSettings
from audioforge.dataset import DatasetRequest
from audioforge.errors import listed
from audioforge.inference.skip_log import SkipLog
from audioforge.judging.needs import Needs, unready_verifier
from audioforge.measuring.deciding_metric import deciding_needs, own_needs
from audioforge.measuring.enough_utterances import size_problem
from audioforge.measuring.evaluation import EvaluationSet
from audioforge.measuring.shared_clips import Overlap
from audioforge.plugins import Registry
from audioforge.run.data.contradictions import warn_of_contradictions
from audioforge.run.data.hold_out import hold_out
from audioforge.run.data.languages import SpokenLanguages
from audioforge.run.data.overlap import find_overlaps
from audioforge.run.data.samples import Wanted, labels_of, load_samples
from audioforge.run.data.spool import Spool
from audioforge.selection import Selection
from audioforge.tasks import SpeechTask, speech_task
from audioforge.terminal.reporter import Reporter


@define(eq=False)
class RunData:
    """The data sets of a run.

    Attributes:
        train: Sampled from and learnt from.
        held_out: Evaluated every cycle; decides.
        retention: Evaluated every cycle; must not get worse.
        test: Evaluated once at the end; None when there is none.
        split: What was held out of the training data and why, in a sentence; None where the
            held-out set is a dataset of its own.
        overlaps: What a set that is measured on shares with one that it should not.
        languages: Which languages each dataset is in, once that is settled.
    """

    train: EvaluationSet
    held_out: EvaluationSet
    retention: list[EvaluationSet]
    test: EvaluationSet | None
    split: str | None = None
    overlaps: list[Overlap] = field(factory=list)
    languages: list[SpokenLanguages] = field(factory=list)

    @property
    def all(self) -> list[EvaluationSet]:
        """Every set."""
        return [self.train, self.held_out, *self.retention, *([self.test] if self.test else [])]

    @property
    def has_independent_test(self) -> bool:
        """Whether there is a test set, with no clip that was learnt from or chose the model."""
        return self.test is not None and not self.test_overlaps

    @property
    def test_overlaps(self) -> list[Overlap]:
        """What the test set shares with the others."""
        return [overlap for overlap in self.overlaps if overlap.measured_role == "test"]

    @property
    def by_role(self) -> list[tuple[str, EvaluationSet]]:
        """Every set with its role and name, such as "train: clips.jsonl"."""
        roles = ["train", "held out", *("retention" for _ in self.retention), "test"]
        return [(f"{r}: {d.name}", d) for r, d in zip(roles, self.all, strict=False)]

    @property
    def by_dataset(self) -> list[tuple[str, list[EvaluationSet]]]:
        """Every dataset with the sets that it was parted into, by role and name of the first."""
        (name, train), (held_out_name, held_out), *others = self.by_role
        alone = [(role, [dataset]) for role, dataset in others]
        if self.split is not None:
            return [(name, [train, held_out]), *alone]
        return [(name, [train]), (held_out_name, [held_out]), *alone]

    @property
    def skips(self) -> dict[str, SkipLog]:
        """What was left out, by the role of the set and its name."""
        return {role: dataset.skips for role, dataset in self.by_role}


def data_request(config: DatasetSettings) -> DatasetRequest:
    """Return the request for the data that a configuration's split and folder belong to."""
    return attrs.evolve(
        columns_request(config),
        split=config.split,
        data_dir=config.data_dir,
        streaming=config.streaming,
    )


def columns_request(config: DatasetSettings) -> DatasetRequest:
    """Return the request for any other data of the run: the columns are called the same."""
    return DatasetRequest(
        "",
        audio_column=config.audio_column,
        text_column=config.text_column,
        label_column=config.label_column,
        speaker_column=config.speaker_column,
        audio_root=config.audio_root,
        needs_audio=not speech_task(config.task).generates_speech,
    )


def read_run_data(
    registry: Registry,
    config: AudioRAFTConfig,
    selection: Selection,
    reporter: Reporter,
    spool: Spool | None,
) -> RunData:
    """Read every dataset, and hold part of the training data out if there is no other.

    Args:
        registry: The plugins to use.
        config: The settings of the run.
        selection: What a cycle learns from.
        reporter: Hears what is wrong with the data; nothing of it stops the run.
        spool: Where sound goes that comes without a file; None to hold it in memory.

    Raises:
        DatasetError: If a dataset cannot be read, or nothing in it can be used.
    """
    columns, request = columns_request(config), data_request(config)
    measured = deciding_needs(registry, config)

    def read(
        location: str,
        request: DatasetRequest = columns,
        limit: int | None = None,
        needs: Sequence[Needs] = (measured,),
    ) -> EvaluationSet:
        wanted = Wanted(task=measured.task, needs=needs, on_error=config.on_error, limit=limit)
        loaded = load_samples(registry, location, request, wanted, spool, reporter)
        skipped = loaded.skips.describe(loaded.total)
        if skipped:
            reporter.warn(f"{location}: {skipped}")
        warn_of_contradictions(loaded, speech_task(config.task), reporter)
        return loaded

    # What is learnt from needs what rewards it, and what is measured on what decides.
    rewarded = _rewarded_needs(registry, config, selection)
    train = read(cast("str", config.dataset), request, config.limit, rewarded)
    account = None
    if config.eval_dataset is None:
        held_out, account = _hold_out(train, config, measured, reporter)
    else:
        held_out = read(config.eval_dataset)
    kept = [measured, own_needs(config)]  # which need not be labelled alike
    retention = [read(name, needs=kept) for name in config.retention_dataset]
    test = read(config.test_dataset) if config.test_dataset else None
    data = RunData(train, held_out, retention, test, account)
    # What would spoil a figure is said now: after hours of training it would be too late.
    data.overlaps = _overlaps(data, speech_task(config.task), reporter)
    _warn_of_small_sets(data, reporter)
    if speech_task(config.task).has_classes:
        _warn_of_labels_not_learnt(data, reporter)
    return data


def _rewarded_needs(
    registry: Registry, config: AudioRAFTConfig, selection: Selection
) -> list[Needs]:
    """Return what a training clip must say: what one of the verifiers that reward it needs."""
    task = speech_task(config.task)
    if selection.learns_from_references:
        return [Needs(task)]
    rewarding = [setting for setting in config.verifiers if setting.weight > 0]
    return [Needs.of(unready_verifier(registry, setting), task) for setting in rewarding]


def _warn_of_labels_not_learnt(data: RunData, reporter: Reporter) -> None:
    """Say when the held-out data ask for a class of which there is nothing to learn."""
    learnt = labels_of(data.train.samples)
    missing = [label for label in labels_of(data.held_out.samples) if label not in learnt]
    if missing:
        reporter.warn(
            f"no clip of the training set {data.train.name} has the label {listed(missing)}, which "
            f"clips of the held-out set {data.held_out.name} have"
        )


def _warn_of_small_sets(data: RunData, reporter: Reporter) -> None:
    """Say when a set is too small for what is to be measured on it."""
    sets = [("held-out", data.held_out), *(("retention", d) for d in data.retention)]
    if data.test is not None:
        sets.append(("test", data.test))
    for role, dataset in sets:
        problem = size_problem(role, dataset.name, len(dataset.samples))
        if problem is not None:
            reporter.warn(problem)


def _hold_out(
    train: EvaluationSet, config: AudioRAFTConfig, measured: Needs, reporter: Reporter
) -> tuple[EvaluationSet, str]:
    """Take the held-out set out of the training set; return it, and how that was done."""
    seed = config.seed if config.split_seed is None else config.split_seed
    split = hold_out(train.samples, config.eval_fraction, seed, measured)
    train.samples = split.train
    tell = reporter.info if split.parts_voices else reporter.warn
    tell(split.account)
    held_out = EvaluationSet(f"{train.name} (held out)", split.held_out, SkipLog(config.on_error))
    return held_out, split.account


def _overlaps(data: RunData, task: SpeechTask, reporter: Reporter) -> list[Overlap]:
    """Say when a figure would be measured on what was learnt from, or on what chose the model."""
    train, held_out = ("training", data.train), ("held-out", data.held_out)
    retention = [("retention", dataset) for dataset in data.retention]
    pairs = [(measured, train) for measured in (held_out, *retention)]
    if data.test is not None:
        pairs += [(("test", data.test), used) for used in (train, held_out, *retention)]
    found = find_overlaps(pairs, task, reporter)
    for overlap in found:
        reporter.warn(str(overlap))
    return found
