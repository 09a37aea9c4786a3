"""Memory and time of a training cycle for each size of Whisper, on this machine.

Each size is a checkpoint of the true architecture with random weights. One cycle of
`audioforge train` runs in a process of its own on 30-second clips, and its peak memory is read from
the operating system. Sizes that do not fit are printed as estimates:

    memory = 16 bytes × weights (float32 weights, gradients, two moments of AdamW)
           + activations per clip × batch size + what Python and torch take

where the last two terms are fitted to the sizes that were measured.

    python benchmarks/training_cycle.py --sizes tiny base small
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from audioforge_whisper.plugin import CHECKPOINTS

SECONDS, RATE = 30, 16_000
CLIPS, HYPOTHESES, STEPS, BATCH, NEW_TOKENS = 4, 4, 2, 2, 32
GIB = 2**30


def main() -> None:
    """Measure the sizes that were asked for, and print the table."""
    parser = argparse.ArgumentParser(description="Memory and time of a training cycle")
    parser.add_argument("--sizes", nargs="+", default=["tiny", "base", "small"])
    parser.add_argument("--trainable", default="full", choices=["full", "frozen-encoder", "lora"])
    arguments = parser.parse_args()
    print(
        f"{CLIPS} clips of {SECONDS} s, {HYPOTHESES} hypotheses of {NEW_TOKENS} tokens, batch "
        f"{BATCH}, {STEPS} steps, {arguments.trainable}, {os.cpu_count()} cores"
    )
    print("| size | weights | 16 B × weights | peak memory | sample, s a clip | update, s a step |")
    print("| --- | --- | --- | --- | --- | --- |")
    for size in arguments.sizes:
        with tempfile.TemporaryDirectory() as folder:
            print(_row(size, _measure(Path(folder), size, arguments.trainable)), flush=True)


def _row(size: str, measured: dict[str, Any]) -> str:
    weights = next(c.parameters for c in CHECKPOINTS if c.id == f"openai/whisper-{size}")
    return (
        f"| {size} | {weights / 1e6:.0f} M | {16 * weights / GIB:.1f} GiB "
        f"| {measured['peak'] / GIB:.1f} GiB | {measured['rollout'] / CLIPS:.1f} "
        f"| {measured['update'] / STEPS:.1f} |"
    )


def _measure(folder: Path, size: str, trainable: str) -> dict[str, Any]:
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
        *("--batch-size", str(BATCH), "--max-new-tokens", str(NEW_TOKENS)),
        *("--language", "en", "--trainable", trainable),
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
