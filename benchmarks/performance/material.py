"""What is measured on: checkpoints of any size, and clips."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from attrs import evolve, frozen

from audioforge.audio import load_clip
from audioforge.sample import AudioSample, Clip
from audioforge_whisper.untrained import SIZES, Architecture, write_untrained

RATE = 16_000

NANO = evolve(
    SIZES["tiny.en"],
    width=64,
    heads=2,
    encoder_layers=1,
    decoder_layers=1,
    text_tokens=300,
    timestamps=1,
    window_seconds=4,
    positions=128,
)
"""Not a size of OpenAI's: for a quick look at whether everything works."""

ARCHITECTURES = {**SIZES, "nano": NANO}


@frozen
class Real:
    """A trained checkpoint and recordings for it.

    Attributes:
        model: Folder of a Whisper.
        data: Manifest whose paths are relative to it.
    """

    model: Path
    data: Path

    @property
    def new_tokens(self) -> int:
        """The most tokens of an answer; most end by themselves long before."""
        config = json.loads((self.model / "config.json").read_text())
        return min(64, int(config["max_target_positions"]) // 2)

    def lines(self, count: int) -> list[dict[str, Any]]:
        """Return the first lines of the manifest, with absolute paths."""
        lines = self.data.read_text(encoding="utf-8").splitlines()[:count]
        found = [json.loads(line) for line in lines]
        folder = self.data.parent.absolute()
        return [line | {"audio_filepath": str(folder / line["audio_filepath"])} for line in found]

    def clips(self, count: int) -> list[Clip]:
        """Return the first recordings, decoded."""
        paths = [Path(line["audio_filepath"]) for line in self.lines(count)]
        return [load_clip(AudioSample(id=path.name, audio=path), RATE) for path in paths]


@frozen
class Checkpoints:
    """Untrained checkpoints, written when they are first asked for.

    Attributes:
        root: Where they are written.
    """

    root: Path

    def whisper(self, size: str, ends_after: int | None = None) -> Path:
        """Return the folder of a Whisper of a size in `ARCHITECTURES`.

        Args:
            size: Its size.
            ends_after: About how many tokens it says; None to leave that to limits: nothing is
                learnt from what they cut.
        """
        folder = self.root / (size if ends_after is None else f"{size}-{ends_after}")
        if not folder.exists():
            write_untrained(folder, ARCHITECTURES[size], ends_after=ends_after)
        return folder

    def ctranslate2(self, checkpoint: Path) -> Path:
        """Return the folder of a Whisper converted for CTranslate2.

        Raises:
            ImportError: If CTranslate2 is not installed.
        """
        from ctranslate2.converters import TransformersConverter

        folder = self.root / f"{checkpoint.name}-ctranslate2"
        if not folder.exists():
            TransformersConverter(str(checkpoint)).convert(str(folder))
        return folder


def noise_clips(count: int, seconds: float) -> list[Clip]:
    """Return clips of noise: what an untrained model hears does not matter."""
    waves = enumerate(_noise(count, seconds))
    return [Clip(AudioSample(id=f"noise-{number}"), wave, RATE) for number, wave in waves]


def write_noise(
    folder: Path, count: int, seconds: float, text: str, held_out: int | None = None
) -> list[Path]:
    """Write clips of noise and two manifests of them.

    Args:
        folder: Created.
        count: Number of clips to train on.
        seconds: Length of each.
        text: The transcript of each.
        held_out: Number of clips to measure on; None for as many again.

    Returns:
        The manifest to train on and the one to measure on.
    """
    folder.mkdir(parents=True)
    waves = _noise(count + (count if held_out is None else held_out), seconds)
    lines = []
    for number, wave in enumerate(waves):
        soundfile.write(folder / f"{number}.wav", wave, RATE)
        lines.append({"audio_filepath": f"{number}.wav", "duration": seconds, "text": text})
    manifests = [folder / "train.jsonl", folder / "heldout.jsonl"]
    for manifest, part in zip(manifests, (lines[:count], lines[count:]), strict=True):
        write_manifest(manifest, part)
    return manifests


def write_manifest(path: Path, lines: Sequence[dict[str, Any]]) -> None:
    """Write a manifest."""
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def architecture_of(checkpoint: Path) -> Architecture:
    """Return the shape of any Whisper checkpoint, as far as its matrix products go by it."""
    config = json.loads((checkpoint / "config.json").read_text())
    return Architecture(
        width=config["d_model"],
        heads=config["encoder_attention_heads"],
        encoder_layers=config["encoder_layers"],
        decoder_layers=config["decoder_layers"],
        mels=config["num_mel_bins"],
        text_tokens=config["vocab_size"],  # all of them
        timestamps=0,
        window_seconds=config["max_source_positions"],
        hop_length=8_000,  # a position a second: only their number counts
        positions=config["max_target_positions"],
    )


def _noise(count: int, seconds: float) -> Iterator[np.ndarray[Any, np.dtype[np.float32]]]:
    draw = np.random.default_rng(0)
    for _ in range(count):
        yield 0.1 * draw.standard_normal(round(seconds * RATE), dtype=np.float32)
