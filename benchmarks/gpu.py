r"""What a GPU does: rollout, update and a whole run against Transformers, in a few minutes.

Writes `docs/gpu.json` and its tables in `docs/performance.md`: seconds of each clip and step, peak
memory, whether greedy texts are those of the CPU, and one `audioforge train`. Untrained Whispers of
true sizes are measured, and a trained one with recordings if they are given. What does not fit the
memory is left out, and the tables say so.

    python benchmarks/gpu.py --model CHECKPOINT --data MANIFEST
    python benchmarks/gpu.py --device cpu --quick           # whether it works at all, into nothing
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from existing import existing
from performance.decoders import Task, audioforge, encoding_once, transformers
from performance.machine import ROOT, machine
from performance.material import Real, noise_clips, write_noise
from performance.measure import measure, quiet
from performance.report import tables, write_region
from performance.results import Results
from performance.subjects import Measurement, Scope
from performance.timing import Clock, Contestant, Figures, alternate, cuda_clock, shares
from performance.update import TEXT, Steps

from audioforge import AudioRAFTConfig, AudioRAFTTrainer
from audioforge.inference.processes import Processes
from audioforge.model import GREEDY, LoadOptions
from audioforge.sample import Clip
from audioforge.terminal.reporter import Reporter
from audioforge_whisper.adapter import WhisperAdapter

GIB = 2**30
K, TOKENS, ENDS_AFTER = 8, 32, 8
SECONDS, QUICK_SECONDS = 30, 3
CLIPS = {"tiny.en": 16, "small.en": 16, "large-v3": 8}
"""Clips of a rollout's batch, by size."""
STEP_CLIPS = {"tiny.en": 8, "small.en": 8, "large-v3": 2}
"""Clips of a step."""
QUICK_CLIPS = {"nano": 2}


def main() -> None:
    """Measure and publish."""
    arguments = _arguments()
    quiet()
    with tempfile.TemporaryDirectory(prefix="audioforge-gpu-") as scratch:
        scope = Scope(
            scratch=Path(scratch),
            rounds=1 if arguments.quick else 3,
            quick=arguments.quick,
            real=Real(arguments.model, arguments.data) if arguments.model else None,
        )
        gpu = Gpu(arguments.device, scope)
        folder = Path(scratch) if arguments.quick else ROOT / "docs"
        results = Results(folder / "gpu.json", gpu.machine())
        measure(results, list(gpu.measurements()), resume=arguments.resume)
        print(f"\n{tables(results.content)}")
        if not arguments.quick:
            write_region(folder / "performance.md", "gpu", tables(results.content))


class Gpu:
    """What is measured on one device.

    Args:
        device: "cuda", or "cpu" to see whether everything works.
        scope: How much is measured.
    """

    def __init__(self, device: str, scope: Scope) -> None:
        """Nothing is loaded yet."""
        self._device, self._scope = device, scope
        self._seconds = QUICK_SECONDS if scope.quick else SECONDS
        self._clock: Clock = cuda_clock if device == "cuda" else time.perf_counter

    def machine(self) -> dict[str, Any]:
        """Return the machine, its GPU among it."""
        if self._device != "cuda":
            return machine()
        found = torch.cuda.get_device_properties(0)
        return machine() | {"gpu": f"{found.name} ({found.total_memory / GIB:.0f} GiB)"}

    def measurements(self) -> Iterator[Measurement]:
        """Yield everything: the small first, so that a stop costs the large."""
        quick = self._scope.quick
        for size, clips in (QUICK_CLIPS if quick else CLIPS).items():
            name = f"{size}, {self._seconds} s, k = {K}, {clips} clips"
            yield Measurement("rollout", name, partial(self._untrained_rollout, size, clips))
        for size, clips in (QUICK_CLIPS if quick else STEP_CLIPS).items():
            name = f"{size}, full, {clips} clips"
            yield Measurement("update", name, partial(self._untrained_update, size, clips))
        if (real := self._scope.real) is not None:
            name, clips = real.model.name, 2 if quick else 16
            yield Measurement("rollout", f"{name}, k = {K}", partial(self._rollout, real, clips))
            yield Measurement("texts", name, partial(self._texts, real, clips))
        size, clips = ("nano", 2) if quick else ("tiny.en", 32)
        name = f"audioforge train, {size}, {clips} clips of {self._seconds} s"
        yield Measurement("run", name, partial(self._run, size, clips))

    def _untrained_rollout(self, size: str, clips: int) -> Figures:
        checkpoint = self._scope.checkpoints.whisper(size)
        return self._rollout_of(checkpoint, noise_clips(clips, self._seconds), TOKENS)

    def _rollout(self, real: Real, clips: int) -> Figures:
        return self._rollout_of(real.model, real.clips(clips), real.new_tokens)

    def _rollout_of(self, checkpoint: Path, clips: Sequence[Clip], tokens: int) -> Figures:
        task = Task(checkpoint=checkpoint, clips=clips, k=K, new_tokens=tokens, device=self._device)
        loaders: dict[str, Callable[[], Contestant]] = {
            "Transformers, bfloat16 weights": lambda: transformers(task, "bfloat16"),
            "Transformers, encoding once": lambda: encoding_once(task),
            "AudioForge bfloat16": lambda: audioforge(task, "bfloat16"),
            "AudioForge float32": lambda: audioforge(task, "float32"),
        }
        values: dict[str, list[float]] = {}
        peaks: dict[str, float] = {}
        missing: dict[str, str] = {}
        for name, load in loaders.items():  # one at a time: what stays loaded is not its memory
            try:
                values[name], peaks[name] = self._alone(load())
            except torch.OutOfMemoryError:
                missing[name] = "out of memory"
            _empty()
        return Figures(
            unit="s a clip",
            values=shares(values, len(clips)),
            missing=missing,
            details={"clips": len(clips), "peak GiB": peaks},
        )

    def _alone(self, contestant: Contestant) -> tuple[list[float], float]:
        """Return the seconds of a contestant's turns, and its peak memory."""
        alternate([contestant], 1, self._clock)  # compiles and captures what it will
        _forget_peak()
        (turns,) = alternate([contestant], self._scope.rounds, self._clock).values()
        return turns, _peak()

    def _untrained_update(self, size: str, clips: int) -> Figures:
        scope = self._scope
        manifests = write_noise(scope.new_folder("data"), clips, self._seconds, TEXT)
        steps = Steps(
            checkpoint=scope.checkpoints.whisper(size),
            trainable="full",
            dtype="bfloat16",
            rounds=scope.rounds,
            device=self._device,
            plain_dtype="bfloat16",
            clock=self._clock,
        )
        _forget_peak()
        try:
            own, plain = steps.take(manifests, scope.new_folder("run"))
        except Exception as error:  # AudioForge names it in an error of its own
            if "out of memory" not in str(error):
                raise
            _empty()
            reason = "out of memory with both models loaded"
            return Figures(unit="s a step", values={}, missing={size: reason})
        return Figures(
            unit="s a step",
            values={"AudioForge bfloat16": own, "Transformers, autocast bfloat16": plain},
            details={"clips": clips, "peak GiB": {"both models together": _peak()}},
        )

    def _texts(self, real: Real, clips: int) -> Figures:
        """Compare greedy texts with those that the CPU gives in float32."""
        heard = real.clips(clips)
        expected = _greedy(real.model, heard, "cpu", "float32")
        values = {}
        for dtype in ("float32", "bfloat16"):
            said = _greedy(real.model, heard, self._device, dtype)
            equal = sum(a == b for a, b in zip(said, expected, strict=True))
            values[f"AudioForge {dtype}"] = [equal / len(expected)]
        return Figures(unit="part of texts as on the CPU", values=values, details={"clips": clips})

    def _run(self, size: str, clips: int) -> Figures:
        """Train for a cycle, everything included."""
        train, heldout = write_noise(self._scope.new_folder("data"), clips, self._seconds, TEXT)
        _forget_peak()

        def work(output: Any) -> None:
            config = AudioRAFTConfig(
                model_name=str(self._scope.checkpoints.whisper(size, ENDS_AFTER)),
                dataset=str(train),
                eval_dataset=str(heldout),
                output_dir=output,
                device=self._device,
                selection="random",
                num_cycles=1,
                max_new_tokens=4 * ENDS_AFTER,
            )
            AudioRAFTTrainer(config, reporter=Reporter(quiet=True, warnings=False)).train()

        contestant = Contestant("AudioForge", work, lambda: self._scope.new_folder("run"))
        values = alternate([contestant], 1, self._clock)
        return Figures(
            unit="s", values=values, details={"clips": clips, "peak GiB": {"AudioForge": _peak()}}
        )


def _greedy(checkpoint: Path, clips: Sequence[Clip], device: str, dtype: str) -> list[str]:
    adapter = WhisperAdapter.load(str(checkpoint), LoadOptions(device=device))
    with torch.inference_mode(), Processes(device, dtype).autocast():
        rows = adapter.sample(adapter.prepare(tuple(clips)), 1, GREEDY)
    return [row[0].text or "" for row in rows]


def _forget_peak() -> None:
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def _peak() -> float:
    """Return the most GPU memory that tensors held, in GiB; 0 without a GPU."""
    return round(torch.cuda.max_memory_allocated() / GIB, 2) if torch.cuda.is_available() else 0.0


def _empty() -> None:
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--model", type=existing, help="folder of a trained Whisper")
    parser.add_argument("--data", type=existing, help="manifest of recordings for it")
    parser.add_argument("--quick", action="store_true", help="nano models, one round")
    parser.add_argument("--resume", action="store_true", help="leave out what is measured already")
    arguments = parser.parse_args()
    if (arguments.model is None) != (arguments.data is None):
        parser.error("--model and --data are given together")
    if arguments.device == "cuda" and not torch.cuda.is_available():
        parser.error("torch sees no CUDA GPU here; --device cpu --quick tries the script")
    return arguments


if __name__ == "__main__":
    main()
