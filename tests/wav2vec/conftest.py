"""Checkpoints and clips: the trained nano model from ../shared, small untrained ones."""

import json

import numpy as np
import pytest
import torch

from audioforge.audio import load_clip
from audioforge.model import LoadOptions
from audioforge.sample import AudioSample, Clip
from audioforge_wav2vec.adapter import Wav2VecAdapter
from audioforge_wav2vec.example import SMALL
from audioforge_wav2vec.families import FAMILIES
from audioforge_wav2vec.untrained import model_config, write_untrained


@pytest.fixture(scope="session")
def nano_folder(shared):
    return shared / "models/nano-wav2vec2-digits"


@pytest.fixture
def load():
    """A function that loads an adapter from a folder."""
    return lambda folder: Wav2VecAdapter.load(str(folder), LoadOptions())


@pytest.fixture(scope="session")
def nano(nano_folder):
    """The trained nano model; tests that change weights load their own."""
    return Wav2VecAdapter.load(str(nano_folder), LoadOptions())


@pytest.fixture(scope="session")
def digit_clips(shared):
    """A function that returns the first clips of a digits manifest."""
    digits = shared / "data/digits_asr"

    def read(count, manifest="heldout.jsonl"):
        lines = (digits / manifest).read_text(encoding="utf-8").splitlines()[:count]
        return [
            load_clip(
                AudioSample(
                    id=record["audio_filepath"],
                    audio=digits / record["audio_filepath"],
                    reference=record["text"],
                ),
                16_000,
            )
            for record in map(json.loads, lines)
        ]

    return read


@pytest.fixture(scope="session")
def noise_clip():
    """A function that returns a clip of noise with so many samples, keyed by its id."""

    def make(samples, name="noise"):
        random = np.random.default_rng(len(name) + samples)
        waveform = random.normal(0, 0.1, samples).astype(np.float32)
        return Clip(AudioSample(id=name, audio=waveform, sampling_rate=16_000), waveform, 16_000)

    return make


@pytest.fixture(scope="session")
def untrained(tmp_path_factory):
    """A function that returns the folder of a small untrained checkpoint of a family."""
    folders = {}

    def write(model_type, **settings):
        key = (model_type, str(settings))
        if key not in folders:
            folders[key] = tmp_path_factory.mktemp(model_type)
            shape = {**SMALL, **{k: v for k, v in settings.items() if k != "characters"}}
            characters = {k: v for k, v in settings.items() if k == "characters"}
            write_untrained(folders[key], model_config(model_type, **shape), **characters)
        return folders[key]

    return write


@pytest.fixture(scope="session")
def plain():
    """A function that loads model and processor by Transformers alone."""
    from transformers import AutoModelForCTC, AutoProcessor

    def load_plain(folder):
        model = AutoModelForCTC.from_pretrained(folder, dtype=torch.float32).eval()
        return model, AutoProcessor.from_pretrained(folder)

    return load_plain


@pytest.fixture(params=list(FAMILIES))
def family(request):
    return request.param
