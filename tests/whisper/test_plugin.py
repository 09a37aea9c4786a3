"""The known checkpoints are as large as the plugin says."""

import pytest
import torch
from transformers import WhisperForConditionalGeneration

from audioforge_whisper.plugin import CHECKPOINTS
from audioforge_whisper.untrained import SIZES, model_config


@pytest.mark.parametrize("checkpoint", CHECKPOINTS, ids=lambda c: c.id)
def test_parameters_of_known_checkpoints(checkpoint):
    """Counted on the true architecture, without allocating its weights."""
    size = checkpoint.id.removeprefix("openai/whisper-")
    with torch.device("meta"):
        model = WhisperForConditionalGeneration(model_config(SIZES[size]))
    assert model.num_parameters() == checkpoint.parameters
    assert ("128 mels" in checkpoint.note) == (model.config.num_mel_bins == 128)
