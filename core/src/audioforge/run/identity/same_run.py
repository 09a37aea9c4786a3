"""Whether the run that goes on is the run that began: compared, refused, or accepted knowingly."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from attrs import evolve

from audioforge.errors import UsageError
from audioforge.files import atomic
from audioforge.run.environment import library_versions
from audioforge.run.folder import RunFolder
from audioforge.run.identity.ingredients import ingredients
from audioforge.run.identity.run_identity import Changes, RunIdentity
from audioforge.run.identity.same_group import require_alike
from audioforge.run.identity.sound import write_sound
from audioforge.run.run import Run


def check_same_run(run: Run, module: torch.nn.Module, *, accept: bool) -> Sequence[str]:
    """Write down what a run begins with, or compare it with what is written. For one process.

    Args:
        run: The run, ready.
        module: The base model, as it was loaded.
        accept: Whether to go on in spite of changes that the run's files can go on with.

    Returns:
        All changes that were accepted since the run began, a sentence each.

    Raises:
        UsageError: Listing everything that changed.
    """
    folder, stop = run.folder, run.stop
    used = ingredients(run)
    now = RunIdentity.of(run.config, module, run.read_sound, used.files, used.code)
    if folder.group is not None:
        require_alike(folder.group, now)
    if not folder.identity.is_file():
        with atomic.new_file(folder.sound) as new:
            write_sound(new, run.read_sound, None, stop.check)
        now.write(folder.identity)  # last: it says that the sound is written too
        return now.accepted_changes
    then = RunIdentity.read(folder.identity)
    changes = then.changes(now)
    with atomic.new_file(folder.sound) as new:
        if not changes.unfit:  # else there need not be the same clips
            begun = folder.sound if then.is_whole else None
            changes.knowing += write_sound(new, run.read_sound, begun, stop.check)
        _refuse(changes, folder, accept=accept)
        _tell(run, folder, then, changes)
        now = evolve(now, accepted_changes=[*then.accepted_changes, *changes.knowing])
        now.write(folder.identity)
    return now.accepted_changes


def _refuse(changes: Changes, folder: RunFolder, *, accept: bool) -> None:
    """Refuse to go on with what changed, unless that is accepted and possible."""
    if not changes.unfit and (accept or not changes.knowing):
        return
    listed = "\n".join(f"  {line}" for line in [*changes.unfit, *changes.knowing])
    if changes.unfit:
        mend = (
            "What the run has written does not fit other settings, base weights or clips, so that "
            "--accept-changes cannot go on with them. Put them back as they were, or start a new "
            "run with another --output."
        )
    else:
        mend = (
            "Put it back as it was, or start a new run with another --output. --accept-changes "
            "goes on all the same: what is finished then stays as it is, the rest is made with "
            "what is there now, and summary.json says so."
        )
    raise UsageError(
        f"--resume {folder.root}: what the run began with has changed:\n{listed}\n{mend}"
    )


def _tell(run: Run, folder: RunFolder, then: RunIdentity, changes: Changes) -> None:
    """Say what was accepted, what cannot be compared, and which libraries are others."""
    for line in changes.knowing:
        run.events.warn(f"accepted, since the run began: {line}")
    if not then.is_whole:
        run.events.warn(
            f"{folder.root}: AudioForge {folder.read_version()} began this run, and wrote down "
            f"settings, base weights, ids and texts only: whether the checkpoint's other files, "
            f"files of options, plugins or sound have changed since cannot be told"
        )
    before, libraries = folder.read_versions(), library_versions()
    changed = [f"{n} {before.get(n)} → {v}" for n, v in libraries.items() if before.get(n) != v]
    if changed:
        run.events.warn(f"{', '.join(changed)} since the run began: results can differ by rounding")
