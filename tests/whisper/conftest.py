"""Checkpoints and clips: trained ones from ../shared, small untrained ones."""

import json

import numpy as np
import pytest
import torch

from audioforge.audio import load_clip
from audioforge.model import LoadOptions
from audioforge.sample import AudioSample, Clip
from audioforge_whisper.adapter import WhisperAdapter
from audioforge_whisper.untrained import Architecture, write_untrained

SMALL = {
    "width": 64,
    "heads": 2,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "text_tokens": 300,
    "timestamps": 0,
    "window_seconds": 2,
    "positions": 40,
}
ARCHITECTURES = {
    "english": Architecture(**SMALL, languages=()),
    "multilingual": Architecture(**SMALL, languages=("en", "fr", "zh")),
    "mels-128": Architecture(**SMALL, languages=("en", "de", "yue"), mels=128),
    "tiny": Architecture(width=384, heads=6, encoder_layers=4, decoder_layers=4),
}


@pytest.fixture(scope="session")
def nano_folder(shared):
    return shared / "models/nano-whisper-digits"


@pytest.fixture(scope="session")
def digit_clips(shared):
    """A function that returns the first clips of a digits manifest."""
    digits = shared / "data/digits_asr"

    def load(count, manifest="heldout.jsonl"):
        lines = (digits / manifest).read_text(encoding="utf-8").splitlines()[:count]
        records = [json.loads(line) for line in lines]
        return [
            load_clip(
                AudioSample(
                    id=record["audio_filepath"],
                    audio=digits / record["audio_filepath"],
                    reference=record["text"],
                ),
                16_000,
            )
            for record in records
        ]

    return load


@pytest.fixture(scope="session")
def noise_clips():
    """A function that returns clips of noise of different loudness, keyed by their number."""

    def make(count, seconds=1.5, language=None):
        random = np.random.default_rng(1)
        return [
            Clip(
                AudioSample(id=f"noise-{i}", language=language),
                random.normal(0, 0.01 * (i + 1), int(16_000 * seconds)).astype(np.float32),
                16_000,
            )
            for i in range(count)
        ]

    return make


@pytest.fixture(scope="session")
def untrained(tmp_path_factory):
    """A function that returns the folder of an untrained checkpoint by the architecture's name.

    The weights are larger than at the start of a training, so that tokens differ in probability.
    """
    folders = {}

    def write(name, seed=0):
        if (name, seed) not in folders:
            folder = tmp_path_factory.mktemp(f"whisper-{name}")
            write_untrained(folder, ARCHITECTURES[name], seed)
            if name != "tiny":
                model = plain_whisper(folder)
                with torch.no_grad():
                    for parameter in model.model.parameters():
                        parameter.mul_(3)
                model.save_pretrained(folder)
            folders[name, seed] = folder
        return folders[name, seed]

    return write


def plain_whisper(folder):
    """Load a checkpoint by Transformers alone."""
    # Imported late: audioforge_whisper first hides a broken torchaudio from Transformers.
    from transformers import WhisperForConditionalGeneration

    return WhisperForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()


@pytest.fixture(scope="session")
def plain():
    return plain_whisper


@pytest.fixture
def load():
    """A function that loads an adapter from a folder."""

    def load_adapter(folder, language=None):
        return WhisperAdapter.load(str(folder), LoadOptions(language=language))

    return load_adapter


@pytest.fixture(scope="session")
def nano(nano_folder):
    """The trained nano model; tests that change weights load their own."""
    return WhisperAdapter.load(str(nano_folder), LoadOptions())
