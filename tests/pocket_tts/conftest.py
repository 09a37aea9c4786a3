"""A small Pocket TTS with random weights, and texts for it to speak."""

import numpy as np
import pytest

from audioforge.model import LoadOptions
from audioforge.sample import AudioSample, Clip
from audioforge_pocket_tts.adapter import PocketTTSAdapter
from audioforge_pocket_tts.untrained import (
    NANO,
    NANO_CODEC,
    NANO_DECODING,
    model_config,
    write_untrained,
)


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """The folder of a checkpoint; tests that change it copy it."""
    folder = tmp_path_factory.mktemp("pocket_tts") / "checkpoint"
    write_untrained(folder, model_config(**NANO), NANO_CODEC, decoding=NANO_DECODING)
    return folder


@pytest.fixture(scope="session")
def load():
    """A function that loads an adapter from a folder."""
    return lambda folder: PocketTTSAdapter.load(str(folder), LoadOptions())


@pytest.fixture(scope="session")
def adapter(small, load):
    """The adapter; tests that change weights load their own."""
    return load(small)


@pytest.fixture(scope="session")
def clips():
    """A function that returns a clip without a recording for each text."""

    def of(*texts, **sample):
        nothing = np.zeros(0, np.float32)
        return [Clip(AudioSample(t, reference=t, **sample), nothing, 24_000) for t in texts]

    return of


@pytest.fixture(scope="session")
def asked():
    """A function that returns what plain Transformers makes of a text for an adapter's model."""

    def of(adapter, text, **latents):
        processor = adapter._checkpoint.processor
        items = [{"type": "audio"}, {"type": "text", "text": text}]
        conversation = [{"role": "user", "content": items}]
        if "labels" in latents:
            conversation.append({"role": "assistant", "content": [{"type": "audio"}]})
        prompt = processor.apply_chat_template(conversation)
        return processor(text=[prompt], return_tensors="pt", **latents)

    return of
