"""What the engine itself registers, through the same hooks as anybody's plugin."""

from __future__ import annotations

from audioforge.hookspecs import hookimpl
from audioforge.specs import ExecutorSpec, SelectionSpec

AUDIOFORGE_API = 3


@hookimpl
def register_selections() -> list[SelectionSpec]:
    """Return the selection of RAFT, one among all clips, and the controls."""
    return [
        SelectionSpec(
            name="best",
            summary="each clip's best hypothesis, from the threshold on (RAFT)",
            factory="audioforge.raft.selections:Best",
        ),
        SelectionSpec(
            name="top-percent",
            summary="the best percent of all hypotheses of all clips",
            factory="audioforge.raft.selections:TopPercent",
        ),
        SelectionSpec(
            name="random",
            summary="a random hypothesis of each clip: a control of equal compute",
            factory="audioforge.raft.selections:Random",
        ),
        SelectionSpec(
            name="reference",
            summary="each clip's reference, nothing sampled: supervised fine-tuning",
            factory="audioforge.raft.selections:Reference",
        ),
    ]


@hookimpl
def register_executors() -> list[ExecutorSpec]:
    """Return what runs on this machine."""
    return [
        ExecutorSpec(
            name="processes",
            summary="this process, or those that torchrun started",
            factory="audioforge.inference.own_executor:ProcessesExecutor",
        )
    ]
