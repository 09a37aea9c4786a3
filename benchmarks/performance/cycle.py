"""A whole cycle: an `audioforge train` process, and the plain script's (`plain_cycle.py`)."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from attrs import frozen

from performance.commands import AUDIOFORGE, children_clock, running
from performance.machine import lacks_bf16
from performance.material import write_manifest, write_noise
from performance.subjects import Measurement, Scope
from performance.timing import Contestant, Figures, alternate

SCRIPT = Path(__file__).parents[1] / "plain_cycle.py"
TEXT = "thirty-two bytes for each target"
STEPS = 3
ENDS_AFTER = 8
"""Tokens of an untrained model's hypothesis, whose text is five times as many tokens of bytes."""
MOST_ROUNDS = 2
"""A round takes minutes, and a whole cycle is many turns by itself."""


@frozen(kw_only=True)
class Case:
    """One cycle.

    Attributes:
        checkpoint: Folder of a Whisper.
        manifests: What is learnt, and what is held out.
        selection: "best", or "random" for a model that knows nothing.
        trainable: What is trained.
        new_tokens: The most of a hypothesis.
        steps: Of the optimiser.
        batch: Clips at once.
        k: Hypotheses per clip.
    """

    checkpoint: Path
    manifests: Sequence[Path]
    selection: str
    trainable: str
    new_tokens: int
    steps: int
    batch: int = 8
    k: int = 4


def cycles(scope: Scope) -> Iterator[Measurement]:
    """Yield what is measured of whole cycles."""
    for trainable in ("full",) if scope.quick else ("full", "frozen-encoder"):
        if scope.real is not None:
            name = f"{scope.real.model.name}, {trainable}, its recordings"
            yield Measurement("cycle", name, partial(_trained, scope, trainable))
        else:
            name = f"{'nano' if scope.quick else 'tiny.en'}, {trainable}"
            yield Measurement("cycle", name, partial(_untrained, scope, trainable))


def _untrained(scope: Scope, trainable: str) -> Figures:
    count, seconds = (2, 3) if scope.quick else (12, 30)
    case = Case(
        checkpoint=scope.checkpoints.whisper("nano" if scope.quick else "tiny.en", ENDS_AFTER),
        manifests=write_noise(scope.new_folder("data"), count, seconds, TEXT),
        selection="random",
        trainable=trainable,
        new_tokens=4 * ENDS_AFTER,
        steps=1 if scope.quick else STEPS,
    )
    return _measure(scope, case, count)


def _trained(scope: Scope, trainable: str) -> Figures:
    assert scope.real is not None
    count = 4 if scope.quick else 24
    lines, folder = scope.real.lines(2 * count), scope.new_folder("data")
    folder.mkdir()
    manifests = [folder / "train.jsonl", folder / "heldout.jsonl"]
    for manifest, part in zip(manifests, (lines[:count], lines[count:]), strict=True):
        write_manifest(manifest, part)
    case = Case(
        checkpoint=scope.real.model,
        manifests=manifests,
        selection="random" if scope.quick else "best",
        trainable=trainable,
        new_tokens=scope.real.new_tokens,
        steps=1 if scope.quick else STEPS,
    )
    return _measure(scope, case, count)


def _measure(scope: Scope, case: Case, count: int) -> Figures:
    contestants = [
        Contestant("plain script", running(sys.executable, str(SCRIPT), *_plain(case))),
        _audioforge(scope, case, "float32"),
    ]
    missing = {}
    if (problem := lacks_bf16()) is None:
        contestants.append(_audioforge(scope, case, "bfloat16"))
    else:
        missing["AudioForge bfloat16"] = problem
    rounds = min(scope.rounds, MOST_ROUNDS)
    values = alternate(contestants, rounds, children_clock)
    details = {"clips": count, "held out": count, "k": case.k, "steps": case.steps}
    return Figures(unit="CPU s", values=values, missing=missing, details=details)


def _plain(case: Case) -> list[str]:
    return [
        *("--model", str(case.checkpoint), "--trainable", case.trainable),
        *("--train", str(case.manifests[0]), "--heldout", str(case.manifests[1])),
        *("--selection", case.selection, "--k", str(case.k), "--steps", str(case.steps)),
        *("--batch-size", str(case.batch), "--max-new-tokens", str(case.new_tokens)),
    ]


def _audioforge(scope: Scope, case: Case, dtype: str) -> Contestant:
    options = [
        *("--model", str(case.checkpoint), "--trainable", case.trainable, "--dtype", dtype),
        *("--dataset", str(case.manifests[0]), "--eval-dataset", str(case.manifests[1])),
        *("--selection", case.selection, "--samples-per-prompt", str(case.k)),
        *("--steps-per-cycle", str(case.steps), "--batch-size", str(case.batch)),
        *("--max-new-tokens", str(case.new_tokens), "--cycles", "1", "--device", "cpu"),
    ]

    def work(output: Any) -> None:
        running(*AUDIOFORGE, "train", *options, "--output", str(output))(None)

    return Contestant(f"AudioForge {dtype}", work, lambda: scope.new_folder("run"))
