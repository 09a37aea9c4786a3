"""Start-up: what commands cost before they have done anything, whole processes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from functools import partial

from performance.commands import AUDIOFORGE, children_clock, running
from performance.material import write_noise
from performance.subjects import Measurement, Scope
from performance.timing import Contestant, Figures, alternate

LIGHT = (
    ("--help",),
    ("--version",),
    ("train", "--help"),
    ("benchmark", "--help"),
    ("verify", "--help"),
    ("plugins", "check", "--help"),
    ("plugins", "list"),
    ("plugins", "list", "--json"),
    ("datasets",),
    ("models",),
)
"""What a user or a shell asks all the time."""
WHISPER = "from transformers import WhisperForConditionalGeneration, WhisperProcessor"


def start_ups(scope: Scope) -> Iterator[Measurement]:
    """Yield what is measured of commands."""
    for command in LIGHT[:2] if scope.quick else LIGHT:
        yield Measurement("start-up", f"audioforge {' '.join(command)}", partial(_light, *command))
    yield Measurement("start-up", "audioforge verify", partial(_verify, scope))
    yield Measurement("start-up", "audioforge train --dry-run", partial(_dry_run, scope))


def _light(*command: str) -> Figures:
    return _measure(Contestant("AudioForge", running(*AUDIOFORGE, *command)), rounds=5)


def _verify(scope: Scope) -> Figures:
    predictions = scope.new_folder("verify").with_suffix(".jsonl")
    predictions.write_text(json.dumps({"text": "one two", "pred_text": "one too"}) + "\n")
    command = running(*AUDIOFORGE, "verify", str(predictions))
    return _measure(Contestant("AudioForge", command), rounds=scope.rounds)


def _dry_run(scope: Scope) -> Figures:
    train, heldout = write_noise(scope.new_folder("dry-run"), 2, 1, "a b c")
    options = [
        *("--model", str(scope.checkpoints.whisper("nano")), "--dataset", str(train)),
        *("--eval-dataset", str(heldout), "--output", str(scope.new_folder("run"))),
    ]
    return _measure(
        Contestant("AudioForge", running(*AUDIOFORGE, "train", "--dry-run", *options)),
        Contestant("import of Transformers' Whisper", running(sys.executable, "-c", WHISPER)),
        rounds=scope.rounds,
    )


def _measure(*contestants: Contestant, rounds: int) -> Figures:
    """Measure after one turn, which fills the disk's cache and writes bytecode."""
    turns = alternate(contestants, rounds + 1, children_clock)
    return Figures(unit="CPU s", values={name: seconds[1:] for name, seconds in turns.items()})
