"""Time to draw k hypotheses per clip, against Transformers' `generate` in the same process.

An untrained Whisper is measured, and before it a trained one with recordings if they are given.
Transformers is called as `generate(do_sample=True, num_return_sequences=k, top_k=0,
temperature=1.0)` on the same features with the same limit on new tokens. The two take turns; the
median of the repeats counts, and the ratio is Transformers' time over AudioForge's. Run it from the
repository:

    python benchmarks/whisper_sampling.py
    python benchmarks/whisper_sampling.py --model CHECKPOINT --data MANIFEST
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from attrs import frozen
from existing import existing

from audioforge.audio import load_clip
from audioforge.model import LoadOptions, SamplingParams
from audioforge.sample import AudioSample, Clip
from audioforge_whisper.adapter import WhisperAdapter, WhisperBatch
from audioforge_whisper.untrained import SIZES, write_untrained


@frozen(eq=False)
class Subject:
    """A Whisper, loaded twice, and clips.

    Attributes:
        name: What the table calls it.
        adapter: In AudioForge.
        plain: In Transformers.
        batch: Clips, prepared.
    """

    name: str
    adapter: WhisperAdapter
    plain: Any
    batch: WhisperBatch


def main() -> None:
    """Measure and print one line per model and k."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=existing, help="folder of a trained Whisper")
    parser.add_argument("--data", type=existing, help="manifest of recordings for it")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--size", default="tiny.en", choices=SIZES, help="untrained Whisper")
    parser.add_argument("--clips", type=int, default=4, help="30 s clips for the untrained one")
    parser.add_argument("--new-tokens", type=int, default=32, help="for the untrained one")
    args = parser.parse_args()
    if (args.model is None) != (args.data is None):
        parser.error("--model and --data are given together")
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {args.device}")
    print("model            clips  k  tokens  Transformers s  AudioForge s  ratio")
    if args.model is not None:
        adapter = WhisperAdapter.load(str(args.model), LoadOptions(device=args.device))
        plain = _plain_model(args.model, args.device)
        batch = adapter.prepare(_recordings(args.data, adapter, 32))
        for k in (4, 8):
            _compare(Subject(args.model.name[:16], adapter, plain, batch), k, 16, args.repeats)
    with tempfile.TemporaryDirectory() as folder:
        write_untrained(Path(folder), SIZES[args.size])
        adapter = WhisperAdapter.load(folder, LoadOptions(device=args.device))
        plain = _plain_model(Path(folder), args.device)
    batch = adapter.prepare(_noise_clips(args.clips))
    for k in (4, 8):
        _compare(Subject(args.size, adapter, plain, batch), k, args.new_tokens, args.repeats)


def _plain_model(folder: Path, device: str) -> Any:
    # Imported late: audioforge_whisper first hides a broken torchaudio from Transformers.
    from transformers import WhisperForConditionalGeneration

    model: Any = WhisperForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
    return model.to(device).eval()


def _recordings(manifest: Path, adapter: WhisperAdapter, count: int) -> list[Clip]:
    lines = manifest.read_text(encoding="utf-8").splitlines()[:count]
    paths = [manifest.parent / json.loads(line)["audio_filepath"] for line in lines]
    return [load_clip(AudioSample(id=p.name, audio=p), adapter.sampling_rate) for p in paths]


def _noise_clips(count: int) -> list[Clip]:
    noise = np.random.default_rng(0).normal(0, 0.1, (count, 30 * 16_000)).astype(np.float32)
    return [Clip(AudioSample(id=str(i)), wave, 16_000) for i, wave in enumerate(noise)]


def _compare(subject: Subject, k: int, new_tokens: int, repeats: int) -> None:
    params = SamplingParams(max_new_tokens=new_tokens)

    def theirs() -> None:
        subject.plain.generate(
            subject.batch.features,
            do_sample=True,
            num_return_sequences=k,
            top_k=0,
            temperature=1.0,
            max_new_tokens=new_tokens,
        )

    def ours() -> None:
        subject.adapter.sample(subject.batch, k, params)

    times: list[tuple[float, float]] = [
        (_seconds(theirs), _seconds(ours)) for _ in range(repeats + 1)
    ][1:]  # the first warms up
    peer, own = (statistics.median(column) for column in zip(*times, strict=True))
    clips = len(subject.batch.samples)
    print(
        f"{subject.name:<16} {clips:5d} {k:2d} {new_tokens:7d} {peer:15.3f} {own:13.3f} "
        f"{peer / own:6.2f}"
    )


def _seconds(work: Callable[[], None]) -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
