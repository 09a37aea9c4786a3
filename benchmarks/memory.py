"""Memory of `audioforge train` over a long streamed dataset, phase by phase.

The demo's spoken commands stand in Parquet shards, again and again under ids of their own, and a
hub on the loopback address serves them to `audioforge train --streaming` in a process of its own.
One cycle samples every clip, selects, learns a few steps and evaluates. Meanwhile the resident
memory of the process is read from the operating system twice a second, and what it is doing from
its run folder.

Warm-up is over when 5,000 clips (a twentieth) are sampled: by then every clip is known to the run
as a sample without sound. What a sample costs shows while the stream is read.

    python benchmarks/memory.py
    python benchmarks/memory.py --clips 10000
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from attrs import define, field

from audioforge.run.folder import RunFolder
from audioforge_demo import assets

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "datasets"))
from hub_server import serve_hub

REPOSITORY = "demo/commands"
SHARDS, ROWS_PER_GROUP = 20, 100
INTERVAL_SECONDS = 0.5
WARM_SHARE = 0.05
MOST_GROWTH_MB = 200
MB = 1e6
PHASES = ("load", "read", "base", "sample", "probe", "select", "update", "evaluate", "export")
CARD = """---
configs:
- config_name: default
  data_files:
  - split: train
    path: train-*.parquet
dataset_info:
  features:
  - {name: id, dtype: string}
  - {name: audio, dtype: audio}
  - {name: label, dtype: string}
---
"""


def main() -> int:
    """Run, print the table, and return 1 if memory grew by more than it may."""
    parser = argparse.ArgumentParser(description="Memory over a long streamed dataset")
    parser.add_argument("--clips", type=int, default=100_000)
    parser.add_argument("--batch-size", type=int, default=64)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        _write_repository(folder / "repository", arguments.clips)
        started = time.monotonic()
        with serve_hub({REPOSITORY: folder / "repository"}) as hub:
            watch = _train(folder, hub.endpoint, arguments.clips, arguments.batch_size)
        seconds = time.monotonic() - started
        summary = json.loads((folder / "run" / "summary.json").read_text())
    print(f"{arguments.clips:,} clips × 2 hypotheses: {seconds:.0f} s; {_counts(summary)}")
    print("| phase | measurements | resident memory, MB: first | last | largest |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for phase in PHASES:
        if resident := watch.by_phase.get(phase):
            ends = " | ".join(f"{v / MB:.0f}" for v in (resident[0], resident[-1], max(resident)))
            print(f"| {phase} | {len(resident)} | {ends} |")
    growth = (max(watch.later) - watch.warm) / MB
    print(f"after warm-up: {watch.warm / MB:.0f} MB; largest afterwards: {growth:+.0f} MB")
    return 0 if growth <= MOST_GROWTH_MB else 1


def _counts(summary: dict[str, list[dict[str, object]]]) -> str:
    (cycle,) = summary["cycles"]
    return ", ".join(f"{name} {cycle[name]}" for name in ("hypotheses", "unscored", "kept"))


def _write_repository(folder: Path, clips: int) -> None:
    """Write the shards and the card of a dataset of commands."""
    import pyarrow
    from pyarrow import parquet

    manifest = assets.commands_train()
    lines = [json.loads(line) for line in manifest.read_text().splitlines()]
    sounds = [(manifest.parent / line["audio_filepath"]).read_bytes() for line in lines]
    folder.mkdir()
    (folder / "README.md").write_text(CARD)
    rows = (
        {
            "id": f"clip-{number:06d}",
            "audio": {"bytes": sounds[number % len(lines)], "path": f"{number}.ogg"},
            "label": lines[number % len(lines)]["label"],
        }
        for number in range(clips)
    )
    per_shard = -(-clips // SHARDS)
    for shard in range(SHARDS):
        own = [row for _, row in zip(range(per_shard), rows, strict=False)]
        path = folder / f"train-{shard:05d}-of-{SHARDS:05d}.parquet"
        parquet.write_table(
            pyarrow.Table.from_pylist(own), path, row_group_size=ROWS_PER_GROUP, compression="none"
        )


def _train(folder: Path, endpoint: str, clips: int, batch_size: int) -> _Watch:
    """Run one cycle in a process of its own, and watch it."""
    command = [
        *(sys.executable, "-m", "audioforge", "train", "--task", "classification"),
        *("--model", str(assets.commands_model()), "--dataset", REPOSITORY, "--streaming"),
        *("--eval-dataset", "demo:split=commands-heldout", "--output", str(folder / "run")),
        *("--cycles", "1", "--samples-per-prompt", "2", "--steps-per-cycle", "20"),
        *("--batch-size", str(batch_size), "--learning-rate", "3e-4", "--device", "cpu"),
    ]
    environment = {
        **os.environ,
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(folder / "cache"),
        "NO_PROXY": "127.0.0.1",
    }
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    watch = _Watch(folder / "run", clips)
    while process.poll() is None:
        watch.look(process.pid)
        time.sleep(INTERVAL_SECONDS)
    if process.returncode != 0:
        raise SystemExit((folder / "log").read_text())
    return watch


@define
class _Watch:
    """Resident memory, by what the run was doing.

    Attributes:
        run: The run folder.
        clips: Clips of the dataset.
        by_phase: Every measurement in bytes.
        warm: When warm-up was over, in bytes; 0 before.
        later: Everything after it, in bytes.
    """

    run: Path
    clips: int
    by_phase: dict[str, list[int]] = field(factory=dict)
    warm: int = 0
    later: list[int] = field(factory=list)
    _sampled: int = 0
    _read_to: int = 0
    _first_file: int | None = None

    def look(self, process: int) -> None:
        """Take one measurement."""
        try:
            status = Path(f"/proc/{process}/status").read_text()
        except OSError:  # it just ended
            return
        lines = dict(line.split(":", 1) for line in status.splitlines())
        if "VmRSS" not in lines:
            return
        resident = int(lines["VmRSS"].split()[0]) * 1024
        self.by_phase.setdefault(self._phase(), []).append(resident)
        if self.warm:
            self.later.append(resident)
        elif self._sampled >= WARM_SHARE * self.clips:
            self.warm = resident

    def _phase(self) -> str:
        """Return what the run is doing, from what is in its folder."""
        folder = RunFolder(self.run)
        if not folder.identity.is_file():
            return "read" if folder.clips.is_dir() else "load"
        if not (self.run / "cycle-00" / "metrics.json").is_file():
            return "base"
        if (self.run / "cycle-01" / "metrics.json").is_file():
            return "export"
        if self._count_rollouts() < self.clips:
            return "sample"
        if not (folder.state / "learnability.json").is_file():
            return "probe"
        if self._rollouts.stat().st_ino == self._first_file:  # selection writes it anew
            return "select"
        return "evaluate" if (folder.state / "point.json").is_file() else "update"

    @property
    def _rollouts(self) -> Path:
        return self.run / "cycle-01" / "rollouts-00000.jsonl"

    def _count_rollouts(self) -> int:
        if self._sampled < self.clips:
            with suppress(FileNotFoundError), self._rollouts.open("rb") as file:
                self._first_file = os.fstat(file.fileno()).st_ino
                file.seek(self._read_to)
                new = file.read()
                self._sampled += new.count(b"\n")
                self._read_to += len(new)
        return self._sampled


if __name__ == "__main__":
    raise SystemExit(main())
