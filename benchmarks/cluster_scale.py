"""What the driver of a cluster needs for a million clips: memory, and batches a second.

A manifest names so many clips: hard links of one short sound, under a path, an id and a text each.
A run is made ready and begun as `audioforge train` does, and collects the rollouts of one cycle:
what the driver does of that is real (batches cut and given out by the pool, results taken in,
counted and journalled), and the workers do nothing but answer. Each size has a process of its own,
whose resident memory is read after each phase.

With `--ray` the workers are actors of a local cluster and the batches and answers travel; without
it they answer in the driver's process, so that all that counts is the driver's own work.

    python benchmarks/cluster_scale.py
    python benchmarks/cluster_scale.py --clips 10000 --ray 2
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from attrs import define, field

from audioforge import AudioRAFTConfig
from audioforge.inference.own_executor import ProcessesExecutor
from audioforge.plugins import discover
from audioforge.raft.collect import collect
from audioforge.raft.selection import mark_kept, select
from audioforge.run.begin import begin
from audioforge.run.folder import RunFolder
from audioforge.run.folder_claim import FolderClaim
from audioforge.run.prepare import prepare
from audioforge.run.scored_batch import ScoredBatch
from audioforge.sample import AudioSample, Hypothesis, Rollout, Score, ScoredHypothesis
from audioforge.terminal.reporter import Reporter
from audioforge_demo import assets
from audioforge_ray import group
from audioforge_ray.events import Done, Event, Here
from audioforge_ray.packing import packed, unpacked
from audioforge_ray.pool import Limits, Pool
from audioforge_ray.worker import Answer, Errand, Worker

PER_FOLDER = 1000
HYPOTHESES = 4
WORKERS = 8
MB = 1e6


def main() -> None:
    """Measure each size, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clips", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--ray", type=int, default=0, metavar="WORKERS")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(_measure(arguments.clips[0], arguments.batch_size, arguments.ray)))
        return
    measured = [_in_process_of_its_own(clips, arguments) for clips in arguments.clips]
    print("| clips | phase | CPU seconds | resident, MB | bytes a clip more than before the data |")
    print("| ---: | --- | ---: | ---: | ---: |")
    for clips, phases in zip(arguments.clips, measured, strict=True):
        before = phases[0]["resident"]
        for phase in phases:
            more = (phase["resident"] - before) / clips
            seconds, resident = phase["seconds"], phase["resident"] / MB
            name = phase["name"]
            print(f"| {clips:,} | {name} | {seconds:.1f} | {resident:.0f} | {more:.0f} |")
        batches = -(-clips // arguments.batch_size)
        (collected,) = (p for p in phases if p["name"] == "collected")
        each = collected["seconds"] / batches
        print(f"| {clips:,} | a batch of {arguments.batch_size}: {1000 * each:.2f} ms | | | |")


def _in_process_of_its_own(clips: int, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    command = [sys.executable, __file__, "--child", "--clips", str(clips)]
    command += ["--batch-size", str(arguments.batch_size), "--ray", str(arguments.ray)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return list(json.loads(done.stdout.splitlines()[-1]))


@define
class _Watch:
    """Takes the time and the memory of phase after phase."""

    phases: list[dict[str, Any]] = field(factory=list)
    _since: float = field(factory=time.process_time)
    _began: float = field(factory=time.perf_counter)

    def end(self, name: str) -> None:
        """Write down a phase that has ended."""
        status = Path("/proc/self/status").read_text().splitlines()
        kilobytes = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
        seconds, elapsed = time.process_time() - self._since, time.perf_counter() - self._began
        phase: dict[str, Any] = {
            "name": name,
            "seconds": seconds,
            "elapsed": elapsed,
            "resident": 1024 * kilobytes,
        }
        self.phases.append(phase)
        resident = f"{phase['resident'] / MB:.0f} MB"
        print(f"{name}: {seconds:.1f} s of {elapsed:.1f}, {resident}", file=sys.stderr)
        self._since, self._began = time.process_time(), time.perf_counter()


def _measure(clips: int, batch_size: int, ray_workers: int) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        folder = Path(temporary)
        manifest = _write_manifest(folder, clips)
        config = AudioRAFTConfig(
            model_name=str(assets.model()),
            dataset=str(manifest),
            eval_dataset="demo:split=heldout",
            output_dir=folder / "run",
            num_cycles=1,
            samples_per_prompt=HYPOTHESES,
            batch_size=batch_size,
            device="cpu",
            executor=_executor(ray_workers),
        )
        registry, reporter = discover(), Reporter(quiet=True)
        watch = _Watch()
        watch.end("before the data")
        claim = FolderClaim(RunFolder(folder / "run"), resumes=False)
        stack.callback(claim.release)
        run = prepare(config, registry, reporter, claim=claim)
        stack.callback(run.executor.close)
        watch.end("read")
        adapter = run.load_to_train()
        begin(run, adapter.module, accept_changes=False)
        watch.end("begun")
        if not ray_workers:
            run.executor = _Idle()
        collect(run, adapter, cycle=1)
        watch.end("collected")
        chosen = select(run, adapter, cycle=1)
        mark_kept(run, 1, chosen.selected)
        watch.end("selected")
    return watch.phases


def _write_manifest(folder: Path, clips: int) -> Path:
    """Write a manifest whose clips have paths of their own; there are few files behind them."""
    source = assets.target_train()
    first = json.loads(source.read_text().splitlines()[0])
    sound, real = source.parent / first["audio_filepath"], folder / "sound"
    real.mkdir()
    (real / "clip.ogg").write_bytes(sound.read_bytes())
    for number in range(min(PER_FOLDER, clips)):
        os.link(real / "clip.ogg", real / f"clip-{number:03d}.ogg")
    for number in range(-(-clips // PER_FOLDER)):
        (folder / f"part-{number:05d}").symlink_to(real)
    manifest = folder / "clips.jsonl"
    with manifest.open("w") as file:
        for number in range(clips):
            part, clip = divmod(number, PER_FOLDER)
            line = {
                "audio_filepath": f"part-{part:05d}/clip-{clip:03d}.ogg",
                "id": f"corpus-{number:08d}",
                "text": f"{first['text']} this is utterance {number} of a long corpus",
                "duration": first["duration"],
                "speaker": f"speaker-{number % 2000:04d}",
                "language": "en",
            }
            file.write(json.dumps(line) + "\n")
    return manifest


def _answer(batch: Sequence[AudioSample]) -> list[ScoredBatch]:
    """Return what a worker makes of a batch, made up."""
    return [ScoredBatch([_rollout(sample) for sample in batch], {}, {"rollout": 0.0}, [])]


def _rollout(sample: AudioSample) -> Rollout:
    words = sample.reference or ""
    score = Score(1.0, passed=True, metrics={"wer": 0.0, "reference_words": 9.0, "hits": 9.0})
    scored = [
        ScoredHypothesis(Hypothesis(i, words, logprob=-3.5, tokens=12), {"wer": score}, 1.0)
        for i in range(HYPOTHESES)
    ]
    return Rollout(sample, 1, scored)


class _Crew:
    """Workers that answer at once, in this process."""

    lacks_scorers = False  # nothing is left to be scored

    def __init__(self) -> None:
        """All are there."""
        self._came: list[Event] = [Here(number, f"node-{number % 2}") for number in range(WORKERS)]

    def give(self, worker: int, number: int, batch: Sequence[AudioSample]) -> None:
        """Answer."""
        self._came.append(Done(worker, number, packed(_answer(batch), batch), 0.001))

    def take_back(self, worker: int, number: int) -> None:
        """It is done already."""

    def end(self, worker: int) -> None:
        """None is ever stuck."""

    def events(self, seconds: float) -> Sequence[Event]:
        """Return what came since the last time."""
        came, self._came = self._came, []
        return came


class _Idle(ProcessesExecutor):
    """The executor's own way of sharing, with workers that do nothing."""

    def __init__(self) -> None:
        """Hire them."""
        super().__init__()
        self.join("cpu", "float32")
        self._pool = Pool(_Crew(), Limits(), lambda _: None)

    def share(self, job: Any, batches: Any) -> Iterator[Any]:
        """Yield made-up results."""
        for batch, content in self._pool.share(batches):
            yield from unpacked(content, batch)


class _IdleWorker(Worker):
    """An actor that answers at once."""

    def do(self, errand: Errand, batch: Sequence[AudioSample]) -> Answer:
        """Return made-up results."""
        return Answer(results=packed(_answer(batch), batch))


def _executor(ray_workers: int) -> str:
    if not ray_workers:
        return "processes"
    group.Worker = _IdleWorker  # type: ignore[attr-defined]
    return f"ray:rollout_workers={ray_workers},cpus_per_worker=0.5"


if __name__ == "__main__":
    main()
