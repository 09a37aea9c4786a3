"""The known checkpoint is as large as the plugin says."""

import torch
from transformers import SpeechT5ForTextToSpeech

from audioforge_speecht5.plugin import CHECKPOINTS
from audioforge_speecht5.untrained import model_config


def test_parameters_of_the_published_checkpoint():
    """Counted on the true architecture, without allocating its weights."""
    with torch.device("meta"):
        model = SpeechT5ForTextToSpeech(model_config())
    assert [c.parameters for c in CHECKPOINTS] == [model.num_parameters()]
