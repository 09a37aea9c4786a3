"""Small untrained checkpoints of each family."""

import pytest
import torch
from transformers import (
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForAudioClassification,
)

from audioforge.model import LoadOptions
from audioforge_classification.adapter import AudioClassifierAdapter
from audioforge_wav2vec.adapter import Wav2VecAdapter
from audioforge_wav2vec.example import SMALL
from audioforge_wav2vec.untrained import model_config
from audioforge_wav2vec.untrained import write_untrained as write_ctc
from audioforge_whisper.adapter import WhisperAdapter
from audioforge_whisper.untrained import Architecture, write_untrained

WHISPER = Architecture(
    width=32,
    heads=2,
    encoder_layers=1,
    decoder_layers=1,
    text_tokens=300,
    timestamps=4,
    window_seconds=1,
    positions=40,
    languages=("en", "fr"),
)


def _classifier(folder):
    torch.manual_seed(0)
    config = WhisperConfig(
        d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, max_source_positions=50,
        vocab_size=64, pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=3,
        classifier_proj_size=8, id2label={0: "yes", 1: "no"}, label2id={"yes": 0, "no": 1},
    )  # fmt: skip
    WhisperForAudioClassification(config).save_pretrained(folder)
    WhisperFeatureExtractor(chunk_length=1).save_pretrained(folder)


@pytest.fixture
def checkpoint(tmp_path):
    """`checkpoint(family)` is the folder of one, and the class of its adapter."""

    def make(family):
        folder = tmp_path / f"base-{family}"
        folder.mkdir()
        if family == "whisper":
            write_untrained(folder, WHISPER, 0)
            return folder, WhisperAdapter
        if family == "ctc":
            write_ctc(folder, model_config("wav2vec2", **SMALL))
            return folder, Wav2VecAdapter
        _classifier(folder)
        return folder, AudioClassifierAdapter

    return make


@pytest.fixture
def saved(checkpoint, tmp_path):
    """`saved(family)` is the folder of a base and that of what its adapter saved."""

    def make(family):
        base, adapter = checkpoint(family)
        folder = tmp_path / f"saved-{family}"
        adapter.load(str(base), LoadOptions()).save(folder)
        return base, folder

    return make
