"""Around the loop: the run folder is opened, or left with a word about what is in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from audioforge.errors import AudioForgeError, TrainingError
from audioforge.files.journal import RANK, mend
from audioforge.inference.out_of_memory import is_out_of_memory
from audioforge.inference.stop import Interrupted
from audioforge.isolation.copies import LentSamples
from audioforge.run.identity.same_run import check_same_run
from audioforge.run.parent import describe_parent, learnt_before, parent_line
from audioforge.run.run import Run
from audioforge.run.trackers import Trackers
from audioforge.tracker import TrackedRun

FAILURE = "failure"
"""Under which name `state/` holds what ended a run, until it goes on."""


def begin(run: Run, module: torch.nn.Module, *, accept_changes: bool) -> Sequence[str]:
    """Begin the run folder, or read what is in it, and let trackers hear from now on.

    Args:
        run: The run, ready.
        module: The base model, as it was loaded.
        accept_changes: Whether it goes on with what is other than when it began.

    Returns:
        What changed since it began, and was accepted.

    Raises:
        UsageError: If it is another run than the one that began.
    """
    if not run.stop.can_be_heard:
        run.events.warn(
            "Ctrl-C and SIGTERM are not answered here: the run is not in the main thread. "
            "What it has written stays, and --resume goes on from there"
        )
    folder, processes = run.folder, run.processes
    if processes.is_main and not run.resumes:
        parent = None if run.config.parent is None else _parent_of(run, run.config.parent)
        folder.write_config(run.config.as_mapping(), run.registry, processes.count, parent)
        folder.remember_findings(run.findings)
    if run.resumes:
        folder.read_skipped(run.data.skips)
    if processes.is_main and run.shared_base is not None:
        for path in run.shared_base.glob(f"*-{RANK}.jsonl"):
            mend(path)  # which a kill of another run of the group can have torn
    processes.wait()
    accepted = processes.from_main(lambda: check_same_run(run, module, accept=accept_changes))
    run.is_under_way = True
    if processes.is_main:
        folder.forget(FAILURE)
    if run.trackers:
        held_out = LentSamples(run.data.held_out.samples)
        told = TrackedRun(
            folder=folder.root,
            settings=run.config.as_mapping(),
            resumes=run.resumes,
            held_out={sample.id: sample for sample in held_out},
        )
        run.events.listeners.append(Trackers(run.trackers, told, run.reporter))
    return accepted


def _parent_of(run: Run, folder: Path) -> dict[str, Any]:
    """Return and say what a run goes on from, and what that has learnt of its measured sets."""
    parent = describe_parent(folder)
    run.events.say(parent_line(parent))
    measured = [("held-out", run.data.held_out), *(("test", t) for t in (run.data.test,) if t)]
    for role, dataset in measured:
        if count := learnt_before(folder, dataset):
            run.events.warn(
                f"{count} of {len(dataset.samples)} clips of the {role} set {dataset.name} were "
                f"learnt from in {parent['run']}: figures measured on them flatter the model"
            )
    return parent


@contextmanager
def breaking_off(run: Run) -> Iterator[None]:
    """Say what an unfinished run leaves behind, whatever ends it early.

    Raises:
        TrainingError: In place of errors of the disk and of memory, saying what to do.
    """
    try:
        yield
    except BaseException as error:  # trackers are to hear the end of it, whatever it is
        _leave(run, error)
        if isinstance(error, OSError | SafetensorError):
            raise TrainingError(f"{_what_failed(error)}. Mend that, and go on.") from error
        if isinstance(error, RuntimeError | MemoryError) and is_out_of_memory(error):
            said = str(error).splitlines()[0] if str(error) else "of the machine"
            raise TrainingError(f"out of memory: {said}") from error
        raise


def _leave(run: Run, error: BaseException) -> None:
    """Say what is left behind, and write which clips were left out until then, and what failed."""
    if not run.processes.is_main:
        return
    run.events.end(None)
    folder = run.folder
    try:
        if not folder.has_begun:
            return
        folder.write_skipped(run.data.skips)
        if run.is_under_way and not isinstance(error, Interrupted | KeyboardInterrupt):
            folder.remember(FAILURE, {"error": str(error) or type(error).__name__})
    except OSError as full:  # the disk may be what failed
        run.events.warn(f"{full.filename or folder.root}: {full.strerror}")
    text = f"What was written stays in {folder.root}"
    cycle = _best_so_far(run)
    if cycle is not None:
        text += f"; the best cycle so far is {folder.checkpoint(cycle)}"
    run.events.say(
        f"{text}. Go on with it: audioforge train --resume {folder.group or folder.root}"
    )


def _best_so_far(run: Run) -> int | None:
    """Return the finished cycle with the best held-out metric, the earliest of equal ones.

    None where there is none, or where the folder cannot be read: that may be what went wrong.
    """
    metric = run.evaluator.decisive_metric.metric
    sign = 1 if metric.higher_is_better else -1
    try:
        values = {cycle: row[metric.name] for cycle, row in run.folder.finished_cycles()}
    except AudioForgeError:
        return None
    return max(values, key=lambda cycle: (sign * values[cycle], -cycle), default=None)


def _what_failed(error: Exception) -> str:
    """Return the file and the reason of a failed write or read."""
    if isinstance(error, OSError):
        names = " → ".join(str(n) for n in (error.filename, error.filename2) if n)
        reason = error.strerror or str(error)
        return f"{names}: {reason}" if names else reason
    return str(error)
