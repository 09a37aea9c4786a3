"""Memory and time of a training cycle for each size of Whisper, on this machine.

Each size is a checkpoint of the true architecture with random weights. One cycle of
`audioforge train` runs in a process of its own on 30-second clips, and its peak memory is read from
the operating system.

    python benchmarks/training_cycle.py --sizes tiny base small
    python benchmarks/training_cycle.py --sizes small medium --thrifty
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from audioforge_whisper.plugin import CHECKPOINTS

SECONDS, RATE = 30, 16_000
CLIPS, HYPOTHESES, STEPS, NEW_TOKENS = 4, 4, 2, 32
THRIFTY = ("--trainable", "lora", "--gradient-checkpointing", "--batch-size", "1")
"""What needs the least memory."""

GIB = 2**30


def main() -> None:
    """Measure the sizes that were asked for, and print the table."""
    parser = argparse.ArgumentParser(description="Memory and time of a training cycle")
    parser.add_argument("--sizes", nargs="+", default=["tiny", "base", "small"])
    parser.add_argument("--batch-size", type=int, default=2)
    parser.add_argument("--thrifty", action="store_true", help=" ".join(THRIFTY))
    arguments = parser.parse_args()
    flags = THRIFTY if arguments.thrifty else ("--batch-size", str(arguments.batch_size))
    print(
        f"{CLIPS} clips of {SECONDS} s, {HYPOTHESES} hypotheses of {NEW_TOKENS} tokens, {STEPS} "
        f"steps, {' '.join(flags)}, {os.cpu_count()} cores"
    )
    print("| size | weights | 16 B × weights | peak memory | sample, s a clip | update, s a step |")
    print("| --- | --- | --- | --- | --- | --- |")
    for size in arguments.sizes:
        with tempfile.TemporaryDirectory() as folder:
            print(_row(size, _measure(Path(folder), size, flags)), flush=True)


def _row(size: str, measured: dict[str, Any]) -> str:
    weights = next(c.parameters for c in CHECKPOINTS if c.id == f"openai/whisper-{size}")
    return (
        f"| {size} | {weights / 1e6:.0f} M | {16 * weights / GIB:.1f} GiB "
        f"| {measured['peak'] / GIB:.1f} GiB | {measured['rollout'] / CLIPS:.1f} "
        f"| {measured['update'] / STEPS:.1f} |"
    )


def _measure(folder: Path, size: str, flags: Sequence[str]) -> dict[str, Any]:
    """Run one cycle in a process of its own."""
    _in_child(_write_checkpoint, folder / "model", size)
    draw = np.random.default_rng(0)
    lines = []
    for index in range(CLIPS + 1):
        path = folder / f"{index}.wav"
        soundfile.write(path, 0.1 * draw.standard_normal(SECONDS * RATE), RATE)
        lines.append({"audio_filepath": path.name, "text": "a b c", "duration": SECONDS})
    for name, part in (("train.jsonl", lines[:CLIPS]), ("heldout.jsonl", lines[CLIPS:])):
        (folder / name).write_text("".join(json.dumps(line) + "\n" for line in part))
    command = [
        *(sys.executable, "-m", "audioforge", "train", "--model", str(folder / "model")),
        *("--dataset", str(folder / "train.jsonl")),
        *("--eval-dataset", str(folder / "heldout.jsonl")),
        *("--output", str(folder / "run"), "--selection", "random", "--cycles", "1"),
        *("--samples-per-prompt", str(HYPOTHESES), "--steps-per-cycle", str(STEPS)),
        *("--max-new-tokens", str(NEW_TOKENS), "--language", "en", *flags),
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    messages = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"{size}: the run failed (status {status})\n{messages}")
    summary = json.loads((folder / "run" / "summary.json").read_text())
    return {"peak": usage.ru_maxrss * 1024, **summary["cycles"][0]["seconds"]}


def _write_checkpoint(folder: Path, size: str) -> None:
    from audioforge_whisper.untrained import SIZES, write_untrained

    write_untrained(folder, SIZES[size])


def _in_child(function: Any, *arguments: Any) -> None:
    """Call a function in a process of its own, so that its memory is not counted."""
    import multiprocessing

    process = multiprocessing.get_context("spawn").Process(target=function, args=arguments)
    process.start()
    process.join()
    if process.exitcode != 0:
        raise SystemExit(f"{function.__name__} failed")


if __name__ == "__main__":
    main()
