"""What the plugin registers, without importing anything heavy."""

import pytest
import torch
import transformers

from audioforge.plugins import discover, import_factory
from audioforge_wav2vec.families import FAMILIES
from audioforge_wav2vec.plugin import CHECKPOINTS
from audioforge_wav2vec.untrained import SIZES, model_config


def test_the_registry_finds_the_adapter():
    provided = discover("audioforge-wav2vec").find("models", "wav2vec")
    assert import_factory(provided).__name__ == "Wav2VecAdapter"
    served = {(s.task, s.model_type, s.architectures) for s in provided.spec.serves}
    assert served == {("asr", kind, (name,)) for kind, name in FAMILIES.items()}
    assert len(served) == 4


@pytest.mark.parametrize("checkpoint", CHECKPOINTS, ids=lambda c: c.id)
def test_parameters_of_known_checkpoints(checkpoint):
    """Counted on the true architecture, without allocating its weights."""
    kind, settings = SIZES[checkpoint.id]
    with torch.device("meta"):
        model = getattr(transformers, FAMILIES[kind])(model_config(kind, **settings))
    assert model.num_parameters() == checkpoint.parameters
