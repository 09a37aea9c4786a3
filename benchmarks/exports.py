"""Measures and times each export beside its checkpoint, on the same clips.

    OMP_NUM_THREADS=1 python benchmarks/exports.py --model CHECKPOINT --dataset clips.jsonl

Each engine transcribes all clips greedily, as `audioforge export` measures it. Seconds are CPU
seconds of the engine and of its spectrograms, without reading files, and without what the first
call prepares; on one thread they are what a core that is free would take.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from audioforge.api.loaded import LoadedModel, load
from audioforge.api.measure import score
from audioforge.audio import load_clip
from audioforge.dataset import DatasetRequest
from audioforge.exporter import Exporter, Transcribe
from audioforge.find_dataset import open_dataset
from audioforge.plugins import discover
from audioforge.sample import AudioSample, Clip

FORMATS: tuple[tuple[str, str | None], ...] = (
    ("ctranslate2", None),
    ("ctranslate2", "int8"),
    ("onnx", None),
    ("onnx", "int8"),
    ("ggml", None),
    ("ggml", "int8"),
)
AS_IT_IS = {"ctranslate2": "float32", "onnx": "float32", "ggml": "float16"}
"""The weights of each format without `quantize`."""

BATCH = 8
"""Clips that are transcribed at a time."""


def main() -> None:
    """Print a row for the checkpoint and for each export."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, type=Path)
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--clips", type=int, default=40)
    parser.add_argument("--formats", nargs="+", default=list(AS_IT_IS), choices=list(AS_IT_IS))
    given = parser.parse_args()
    registry, model = discover(), load(given.model, device="cpu")
    clips = read_clips(given.dataset, given.clips, model)
    print(f"{len(clips)} clips, {sum(clip.seconds for clip in clips):.1f} s\n")
    print("| engine | weights | size | WER | other texts | CPU seconds |")
    print("| --- | --- | --- | --- | --- | --- |")
    expected = timed(by_model(model), clips)
    print_row("the checkpoint", "float32", given.model, expected, expected, clips)
    for name, quantize in FORMATS:
        if name not in given.formats:
            continue
        exporter: Exporter = registry.create("exporters", name, quantize=quantize)
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            exporter.export(given.model, folder)
            transcribe = exporter.load(folder)
            assert transcribe is not None
            said = timed(transcribe, clips)
            print_row(name, quantize or AS_IT_IS[name], folder, said, expected, clips)


def read_clips(dataset: str, count: int, model: LoadedModel) -> list[Clip]:
    """Return the first clips of a dataset, decoded."""
    items = open_dataset(discover(), dataset, DatasetRequest("")).load()
    samples = [item for item in items if isinstance(item, AudioSample)][:count]
    return [load_clip(sample, model.adapter.sampling_rate) for sample in samples]


def by_model(model: LoadedModel) -> Transcribe:
    """Return the checkpoint as an engine."""
    rate = model.adapter.sampling_rate
    return lambda clips: [str(s) for s in model.transcribe([c.waveform for c in clips], rate)]


def timed(transcribe: Transcribe, clips: Sequence[Clip]) -> tuple[list[str], float]:
    """Return what an engine says of clips, and the CPU seconds that it took."""
    transcribe(clips[:1])
    said: list[str] = []
    start = time.process_time()
    for first in range(0, len(clips), BATCH):
        said += transcribe(clips[first : first + BATCH])
    return said, time.process_time() - start


def print_row(
    name: str,
    weights: str,
    folder: Path,
    said: tuple[list[str], float],
    expected: tuple[list[str], float],
    clips: Sequence[Clip],
) -> None:
    """Print what was measured of one engine."""
    rows = [
        {"id": clip.sample.id, "text": clip.sample.reference, "pred_text": text}
        for clip, text in zip(clips, said[0], strict=True)
    ]
    wer = score(rows, language="en").as_mapping()["metrics"]["wer"]
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 10**6
    other = sum(a != b for a, b in zip(said[0], expected[0], strict=True))
    cells = [name, weights, f"{size:.1f} MB", f"{100 * wer:.2f} %", str(other), f"{said[1]:.1f}"]
    print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
