"""What `audioforge train --dry-run` says: everything is checked, and nothing is written."""

from __future__ import annotations

from collections.abc import Sequence

from audioforge.long_recordings import count_longer, describe_longer
from audioforge.measuring.style import describe_style
from audioforge.model import ModelAdapter
from audioforge.raft.step_loss import check_can_learn
from audioforge.run.data.languages import spoken
from audioforge.run.disk_space import DiskSpace, disk_space
from audioforge.run.prepare import closing_executor, plan_of
from audioforge.run.run import Run
from audioforge.run.style import decoded_style, style_of_transcripts, warn_of_style
from audioforge.seeds import SeedGroup
from audioforge.terminal.console import print_json, print_line
from audioforge.terminal.escapes import one_line
from audioforge.trainer import AudioRAFTTrainer
from audioforge.trial import Trial, trial

NAMED = 5
"""Held-out clips and speakers that are named; the JSON names all clips."""


def show_plan(runs: AudioRAFTTrainer | SeedGroup, *, as_json: bool) -> None:
    """Prepare a run, of several seeds the next one, and say what would run.

    Raises:
        AudioForgeError: If something does not allow it.
    """
    trainer = runs.next_trainer() if isinstance(runs, SeedGroup) else runs
    run = trainer.prepare()
    with closing_executor(run.executor, run.reporter):
        adapter = run.load_to_train()
        check_can_learn(run, adapter)
        if run.processes.is_main:
            warn_of_style(run, decoded_style(run, adapter), "a few training clips")
        space = disk_space(run, adapter)
        adapter.make_trainable(run.train_options)
        if run.processes.is_main:
            space.check(run.reporter)
        tried = trial(run, adapter)
        if run.processes.is_main:
            if isinstance(runs, SeedGroup) and not as_json:
                print_line(runs.describe())
            _print_plan(run, adapter, space, tried, as_json=as_json)


def _print_plan(
    run: Run, adapter: ModelAdapter, space: DiskSpace, tried: Trial | None, *, as_json: bool
) -> None:
    """Say what would run."""
    held_out = [sample.id for sample in run.data.held_out.samples]
    longer = _longer_than_window(run, adapter)
    parameters = list(adapter.module.parameters())
    weights = sum(p.numel() for p in parameters)
    trained = sum(p.numel() for p in parameters if p.requires_grad)
    if as_json:
        plan = {
            "settings": run.config.as_mapping(),
            "samples": {role: len(dataset.samples) for role, dataset in run.data.by_role},
            "longer_than_window": longer,
            "split": run.data.split,
            "held_out": held_out,
            "languages": spoken(run.data.languages),
            "style": style_of_transcripts(run),
            "overlaps": [str(overlap) for overlap in run.data.overlaps],
            "adapter": type(adapter).__name__,
            "weights": weights,
            "trained_weights": trained,
            "disk_bytes": {
                "weights": space.weights,
                "results": space.results,
                "speech": space.speech,
                "sound": space.sound,
                "cache": space.cache,
                "free": space.free,
            },
            "expected": tried and tried.as_mapping(),
        }
        print_json(plan)
        return
    for line in plan_of(run):
        print_line(line)
    for role, dataset in run.data.by_role:
        if longer[role] and adapter.max_seconds is not None:
            told = describe_longer(longer[role], len(dataset.samples), adapter.max_seconds)
            print_line(one_line(f"{role}: {told}"), style="yellow")
    if style := style_of_transcripts(run):
        print_line(f"style of the transcripts: {describe_style(style)}")
    print_line(
        f"adapter: {type(adapter).__name__}, {weights:,} weights, {trained:,} of them trained"
    )
    speakers = {sample.speaker for sample in run.data.held_out.samples if sample.speaker}
    print_line(f"held-out clips: {_named(held_out)}")
    if speakers:
        print_line(f"held-out speakers: {_named(sorted(speakers))}")
    print_line(space.describe())
    for line in tried.describe() if tried else ["expected time: not known: no clip can be used"]:
        print_line(line)
    print_line("nothing was run")


def _longer_than_window(run: Run, adapter: ModelAdapter) -> dict[str, int]:
    """Count for each role the clips that the model cannot take."""
    followed = run.reporter.count
    return {
        role: count_longer(followed(dataset.samples, f"Lengths of {role}"), adapter.max_seconds)
        for role, dataset in run.data.by_role
    }


def _named(names: Sequence[str]) -> str:
    """Return a few names, and how many more there are."""
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return one_line(", ".join(names[:NAMED])) + more
