"""Models say the test texts, as files: one draw, or the one of k that earns most."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch

import audioforge
from audioforge.files.atomic import write_jsonl
from audioforge.find_adapter import load_adapter
from audioforge.model import GREEDY, LoadOptions, SamplingParams
from audioforge.plugins import discover
from audioforge.sample import AudioSample, Clip

BATCH = 20


def speak(model: Path, texts: Sequence[Mapping[str, str]], folder: Path) -> Path:
    """Have a model say each text once, and return the manifest of what it said."""
    return _speak(model, texts, folder, 1, GREEDY)


def speak_best(
    model: Path,
    texts: Sequence[Mapping[str, str]],
    folder: Path,
    drawn: tuple[int, float],
    rewards: Mapping[str, Any],
) -> Path:
    """Have a model say each text k times, and keep what earns most.

    Args:
        model: Its checkpoint.
        texts: Lines with `id` and `text`.
        folder: Where the sound goes.
        drawn: k, and the temperature.
        rewards: The settings of a run that say what is rewarded.

    Returns:
        The manifest of what was kept.
    """
    k, temperature = drawn
    every = _speak(model, texts, folder, k, SamplingParams(temperature=temperature))
    said = read_lines(every)
    scored = audioforge.score(every, task="tts", **rewards)
    rewarded = list(zip(said, (line["reward"] for line in scored), strict=True))
    rows = [rewarded[place : place + k] for place in range(0, len(rewarded), k)]
    best = folder / "best.jsonl"
    write_jsonl(best, (max(row, key=lambda pair: pair[1])[0] for row in rows))
    return best


def read_lines(manifest: Path) -> list[dict[str, str]]:
    """Return the lines of a manifest."""
    return [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]


def _speak(
    model: Path, texts: Sequence[Mapping[str, str]], folder: Path, k: int, params: SamplingParams
) -> Path:
    manifest = folder / "said.jsonl"
    if manifest.is_file():
        return manifest
    folder.mkdir(parents=True, exist_ok=True)
    adapter = load_adapter(discover(), str(model), "tts", LoadOptions())
    nothing = np.zeros(0, np.float32)
    lines = []
    for start in range(0, len(texts), BATCH):
        some = texts[start : start + BATCH]
        clips = [
            Clip(AudioSample(line["id"], reference=line["text"]), nothing, adapter.sampling_rate)
            for line in some
        ]
        with torch.inference_mode():
            said = adapter.sample(adapter.prepare(clips), k, params)
        for line, own in zip(some, said, strict=True):
            for hypothesis in own:
                name = f"{line['id']}-{hypothesis.index}.flac"
                soundfile.write(folder / name, hypothesis.audio, adapter.sampling_rate)
                lines.append({"id": line["id"], "text": line["text"], "pred_audio": name})
    write_jsonl(manifest, lines)
    return manifest
