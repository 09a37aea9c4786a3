"""Whether a run of a group is like those before it: in all but its seed."""

from __future__ import annotations

from pathlib import Path

from attrs import evolve

from audioforge.errors import UsageError
from audioforge.run.identity.run_identity import RunIdentity


def require_alike(group: Path, now: RunIdentity) -> None:
    """Write down what the first run of a group is made with, or compare the others with that.

    Args:
        group: The folder of the group.
        now: The run as it begins or goes on.

    Raises:
        UsageError: Listing what is other than in the run before.
    """
    settings = {name: value for name, value in now.settings.items() if name != "seed"}
    # A new head is drawn by the seed, and is a part of the model.
    model = "" if settings["new_head"] else now.model
    now = evolve(now, settings=settings, model=model, accepted_changes=())
    path = group / "base" / "identity.json"
    if not path.is_file():
        path.parent.mkdir(exist_ok=True)
        now.write(path)
        return
    changes = RunIdentity.read(path).changes(now)
    if found := [*changes.unfit, *changes.knowing]:
        listed = "\n".join(f"  {line}" for line in found)
        raise UsageError(
            f"{group}: the runs of a group differ in nothing but their seeds, and since the first "
            f"began there has changed:\n{listed}\nPut it back as it was, or begin a new group."
        )
