"""What the plugin registers, without importing anything heavy."""

import pytest
import torch

from audioforge.errors import PluginError
from audioforge.find_adapter import find_adapter
from audioforge.plugins import discover
from audioforge_classification.families import FAMILIES
from audioforge_classification.plugin import CHECKPOINTS


@pytest.fixture(scope="module")
def registry():
    return discover("audioforge-classification,audioforge-whisper")


def test_the_task_chooses_between_adapters_of_one_checkpoint(registry):
    config = {"model_type": "whisper", "architectures": ["WhisperForConditionalGeneration"]}
    chosen = [
        find_adapter(registry, "openai/whisper-tiny", task, config).spec.name
        for task in ("asr", "classification")
    ]
    assert chosen == ["whisper", "classification"]
    config["architectures"] = ["WhisperForAudioClassification"]
    assert find_adapter(registry, "c", "classification", config).spec.name == "classification"
    with pytest.raises(PluginError, match="is a model for classification, not for asr"):
        find_adapter(registry, "c", "asr", config)


def test_the_names_are_those_of_transformers():
    import transformers
    from transformers.models.auto.modeling_auto import MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING_NAMES

    known = dict(MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING_NAMES)
    for family in FAMILIES:
        assert known[family.model_type] == family.classifier
        for name in family.bases:
            assert getattr(transformers, name).config_class.model_type == family.model_type


def true_config(checkpoint_id):
    """The configuration of a public checkpoint, as far as it departs from Transformers' default."""
    from transformers import ASTConfig, HubertConfig, Wav2Vec2Config

    return {
        "MIT/ast-finetuned-audioset-10-10-0.4593": ASTConfig(num_labels=527),
        "MIT/ast-finetuned-speech-commands-v2": ASTConfig(num_labels=35, max_length=128),
        "superb/wav2vec2-base-superb-ks": Wav2Vec2Config(
            num_labels=12, use_weighted_layer_sum=True
        ),
        "superb/hubert-base-superb-ks": HubertConfig(num_labels=12, use_weighted_layer_sum=True),
    }[checkpoint_id]


@pytest.mark.parametrize("checkpoint", CHECKPOINTS, ids=lambda c: c.id)
def test_parameters_of_known_checkpoints(checkpoint):
    """Counted on the true architecture, without allocating its weights."""
    from transformers import AutoModelForAudioClassification

    with torch.device("meta"):
        model = AutoModelForAudioClassification.from_config(true_config(checkpoint.id))
    assert model.num_parameters() == checkpoint.parameters
