"""The known checkpoints are as large as the plugin says."""

import pytest
import torch
import transformers

from audioforge_wav2vec.families import FAMILIES
from audioforge_wav2vec.plugin import CHECKPOINTS
from audioforge_wav2vec.untrained import SIZES, model_config


@pytest.mark.parametrize("checkpoint", CHECKPOINTS, ids=lambda c: c.id)
def test_parameters_of_known_checkpoints(checkpoint):
    """Counted on the true architecture, without allocating its weights."""
    kind, settings = SIZES[checkpoint.id]
    with torch.device("meta"):
        model = getattr(transformers, FAMILIES[kind])(model_config(kind, **settings))
    assert model.num_parameters() == checkpoint.parameters
