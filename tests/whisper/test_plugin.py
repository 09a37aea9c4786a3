"""What the plugin registers, without importing anything heavy."""

import pytest
import torch
from transformers import WhisperForConditionalGeneration

from audioforge.plugins import discover, import_factory
from audioforge_whisper.plugin import CHECKPOINTS
from audioforge_whisper.untrained import SIZES, model_config


def test_the_registry_finds_the_adapter():
    provided = discover("audioforge-whisper").find("models", "whisper")
    assert import_factory(provided).__name__ == "WhisperAdapter"
    [serves] = provided.spec.serves
    assert (serves.task, serves.model_type) == ("asr", "whisper")
    assert serves.architectures == ("WhisperForConditionalGeneration",)


@pytest.mark.parametrize("checkpoint", CHECKPOINTS, ids=lambda c: c.id)
def test_parameters_of_known_checkpoints(checkpoint):
    """Counted on the true architecture, without allocating its weights."""
    size = checkpoint.id.removeprefix("openai/whisper-")
    with torch.device("meta"):
        model = WhisperForConditionalGeneration(model_config(SIZES[size]))
    assert model.num_parameters() == checkpoint.parameters
    assert ("128 mels" in checkpoint.note) == (model.config.num_mel_bins == 128)
