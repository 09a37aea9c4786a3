"""A small SpeechT5 with random weights, and texts for it to speak."""

import numpy as np
import pytest

from audioforge.model import LoadOptions
from audioforge.sample import AudioSample, Clip
from audioforge_speecht5.adapter import SpeechT5Adapter
from audioforge_speecht5.example import SMALL
from audioforge_speecht5.untrained import NANO_VOCODER, model_config, write_untrained


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """The folder of a checkpoint; tests that change it copy it."""
    folder = tmp_path_factory.mktemp("speecht5") / "checkpoint"
    write_untrained(folder, model_config(**SMALL), NANO_VOCODER)
    return folder


@pytest.fixture(scope="session")
def load():
    """A function that loads an adapter from a folder."""
    return lambda folder: SpeechT5Adapter.load(str(folder), LoadOptions())


@pytest.fixture(scope="session")
def adapter(small, load):
    """The adapter; tests that change weights load their own."""
    return load(small)


@pytest.fixture(scope="session")
def clips():
    """A function that returns a clip without a recording for each text."""

    def of(*texts, **sample):
        nothing = np.zeros(0, np.float32)
        return [Clip(AudioSample(t, reference=t, **sample), nothing, 16_000) for t in texts]

    return of
