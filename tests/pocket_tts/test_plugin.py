"""The known checkpoint is as large as the plugin says."""

import torch
from transformers import PocketTTSForConditionalGeneration

from audioforge_pocket_tts.plugin import CHECKPOINTS
from audioforge_pocket_tts.untrained import model_config


def test_parameters_of_the_published_checkpoint():
    """Counted on the true architecture, without allocating its weights."""
    with torch.device("meta"):
        model = PocketTTSForConditionalGeneration(model_config())
    assert [c.parameters for c in CHECKPOINTS] == [model.num_parameters()]
