"""One small run of each task, all of whose sound comes as bytes.

Whisper with all its weights and with LoRA, CTC, classification, and text to speech through a plugin
of one file.

Every role is a Parquet file of its own. The training and the held-out clips have ids, the same ones
for other sound; those of the retention and the test set are known by their rows only, which have
the same numbers. What is in them is the demo's; the synthesiser's is made here.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import soundfile
import torch
from interrupted_runs import Recipe
from pyarrow import parquet
from safetensors.torch import save_file

import audioforge_classification.adapter  # noqa: F401  imported here, so that a fork need not
import audioforge_wav2vec.adapter  # noqa: F401
import audioforge_whisper.adapter  # noqa: F401
from audioforge_demo import assets
from audioforge_wav2vec.example import SMALL
from audioforge_wav2vec.untrained import model_config, write_untrained

PLUGIN = Path(__file__).resolve().parent / "tone_speech_file.py"
SOUND = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
ROLES = {"dataset": 40, "eval_dataset": 32, "retention_dataset": 20, "test_dataset": 20}
"""Clips of each role: enough held-out ones for an export."""
SHORT = {"dataset": 8, "eval_dataset": 20, "retention_dataset": 4, "test_dataset": 4}
WITH_IDS = ("dataset", "eval_dataset")
NAMES = ("whisper", "whisper-lora", "ctc", "classification", "text-to-speech")

Row = Mapping[str, Any]


def write_runs(folder: Path, *, short: bool) -> dict[str, Recipe]:
    """Write models and data, and return a recipe for each task.

    Args:
        folder: Where to write; must be there.
        short: With the fewest clips.
    """
    sizes = SHORT if short else ROLES
    speech = _write_roles(folder / "speech", sizes, _demo("target"), _demo("source"))
    commands = _write_roles(folder / "commands", sizes, _demo("commands"), _demo("commands"))
    tones = _write_roles(folder / "tones", sizes, _tones, _tones)
    # A recipe for each way to learn: weights whole and low-rank, CTC, a head, generated speech.
    whisper = {**speech, "model_name": str(assets.model()), "learning_rate": 5e-4}
    return {
        "whisper": Recipe(_settings(whisper)),
        "whisper-lora": Recipe(_settings({**whisper, "trainable": "lora", "lora_rank": 2})),
        "ctc": Recipe(
            _settings(
                {
                    **speech,
                    "model_name": str(_ctc_model(folder)),
                    "verifier": ["cer"],
                    "learning_rate": 1e-3,
                }
            )
        ),
        "classification": Recipe(
            _settings(
                {
                    **commands,
                    "task": "classification",
                    "model_name": str(assets.commands_model()),
                    "learning_rate": 3e-4,
                }
            )
        ),
        "text-to-speech": Recipe(
            _settings(
                {
                    **tones,
                    "task": "tts",
                    "model_name": str(_synthesiser(folder)),
                    "verifier": ["pitch"],
                    "learning_rate": 0.02,
                }
            ),
            PLUGIN,
        ),
    }


def _settings(own: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings under which every stage is there, and every step may be resumed."""
    return {
        "normalizer": "none",
        "num_cycles": 2,
        "samples_per_prompt": 3,
        "reward_threshold": 0.0,
        "steps_per_cycle": 10,
        "batch_size": 4,
        "interpolate": [0.5, 1.0],
        "device": "cpu",
        "save_every": 0.0,
        **own,
    }


def _write_roles(
    folder: Path,
    sizes: Mapping[str, int],
    learnt: Callable[[str], Iterator[Row]],
    kept: Callable[[str], Iterator[Row]],
) -> dict[str, Any]:
    """Write a Parquet file for each role, and return the settings that name them."""
    folder.mkdir()
    sources = {
        "dataset": learnt("train"),
        "eval_dataset": learnt("heldout"),
        "retention_dataset": (rest := kept("source")),
        "test_dataset": rest,  # what follows, so that no clip is in both
    }
    named: dict[str, Any] = {}
    for role, rows in sources.items():
        path = folder / f"{role}.parquet"
        table = list(islice(rows, sizes[role]))
        if role in WITH_IDS:
            table = [{"id": f"clip-{number:03d}", **row} for number, row in enumerate(table)]
        columns = {name: [row[name] for row in table] for name in table[0]}
        columns["audio"] = pa.array(columns["audio"], SOUND)
        parquet.write_table(pa.table(columns), path)
        named[role] = [str(path)] if role == "retention_dataset" else str(path)
    return named


def _demo(corpus: str) -> Callable[[str], Iterator[Row]]:
    """Return what reads a part of a corpus of the demo."""

    def rows(part: str) -> Iterator[Row]:
        name = "heldout" if corpus == "source" else part
        manifest = assets.ASSETS / corpus / f"{name}.jsonl"
        for line in map(json.loads, manifest.read_text().splitlines()):
            sound = (manifest.parent / line["audio_filepath"]).read_bytes()
            says = {key: line[key] for key in ("text", "label") if key in line}
            yield {"audio": {"bytes": sound, "path": None}, **says}

    return rows


def _tones(part: str) -> Iterator[Row]:
    """Yield texts of four words, each with a recording in a voice of its own."""
    draw = np.random.default_rng(list(part.encode()))
    while True:
        text = " ".join(f"p{word:02d}" for word in draw.integers(100, size=4))
        sound = io.BytesIO()
        soundfile.write(sound, draw.normal(0, 0.1, 1600), 8000, format="WAV")
        yield {"audio": {"bytes": sound.getvalue(), "path": None}, "text": text}


def _ctc_model(folder: Path) -> Path:
    path = folder / "ctc-model"
    write_untrained(path, model_config("wav2vec2", **SMALL), "|etaonihsrdlumwcfgypbvk'xjqz")
    return path


def _synthesiser(folder: Path) -> Path:
    """Write a model that speaks every word a third of an octave off, up or down."""
    path = folder / "synthesiser"
    path.mkdir()
    right = 1 + 2.5 * torch.arange(100) / 100
    off = torch.where(torch.arange(100) % 2 == 0, -1 / 3, 1 / 3)
    save_file({"octaves": right + off}, path / "model.safetensors")
    config = {"model_type": "tone-speech", "architectures": ["ToneSpeech"]}
    (path / "config.json").write_text(json.dumps(config))
    return path
