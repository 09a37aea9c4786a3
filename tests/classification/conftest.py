"""Checkpoints and clips: the trained nano classifier from ../shared, tiny untrained ones."""

import json

import numpy as np
import pytest
import torch

from audioforge.audio import load_clip
from audioforge.model import LoadOptions
from audioforge.sample import AudioSample, Clip
from audioforge_classification.adapter import AudioClassifierAdapter

WORDS = ("yes", "no", "up", "down")

TRANSFORMER = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
}
WAVEFORM = {
    **TRANSFORMER,
    "conv_dim": (16,) * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
    "classifier_proj_size": 24,
    "apply_spec_augment": True,
    "mask_time_prob": 0.5,
    "mask_time_length": 2,
    "layerdrop": 0.0,
    "hidden_dropout": 0.0,
    "attention_dropout": 0.0,
    "activation_dropout": 0.0,
    "feat_proj_dropout": 0.0,
    "final_dropout": 0.0,
    "vocab_size": 32,
}
LAYER_NORM = {"feat_extract_norm": "layer", "conv_bias": True, "do_stable_layer_norm": True}
WHISPER = {
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 48,
    "max_source_positions": 50,
    "vocab_size": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 3,
    "classifier_proj_size": 24,
}
AST = {**TRANSFORMER, "max_length": 128, "num_mel_bins": 32, "frequency_stride": 16}
FAMILIES = {
    "whisper": ("whisper", WHISPER),
    "ast": ("audio-spectrogram-transformer", AST),
    "wav2vec2": ("wav2vec2", WAVEFORM),
    "wav2vec2-layer": ("wav2vec2", {**WAVEFORM, **LAYER_NORM}),
    "wav2vec2-mixed": ("wav2vec2", {**WAVEFORM, "use_weighted_layer_sum": True}),
    "hubert": ("hubert", WAVEFORM),
    "wavlm": ("wavlm", {**WAVEFORM, "num_buckets": 16, "max_bucket_distance": 40}),
    "data2vec-audio": (
        "data2vec-audio",
        {**WAVEFORM, "num_conv_pos_embeddings": 2, "conv_pos_kernel_size": 5},
    ),
    "unispeech": ("unispeech", {**WAVEFORM, "num_ctc_classes": 32}),
    "unispeech-sat": ("unispeech-sat", WAVEFORM),
    "wav2vec2-bert": (
        "wav2vec2-bert",
        {
            **TRANSFORMER,
            "feature_projection_input_dim": 160,
            "layerdrop": 0.0,
            "conformer_conv_dropout": 0.0,
            "final_dropout": 0.0,
            "classifier_proj_size": 24,
            "mask_time_prob": 0.5,
            "mask_time_length": 2,
            "vocab_size": 32,
        },
    ),
}
"""Names of tiny architectures: model type and settings."""


def extractor_of(model_type, settings):
    from transformers import (
        ASTFeatureExtractor,
        SeamlessM4TFeatureExtractor,
        Wav2Vec2FeatureExtractor,
        WhisperFeatureExtractor,
    )

    if model_type == "whisper":
        return WhisperFeatureExtractor(feature_size=80, chunk_length=1)
    if model_type == "audio-spectrogram-transformer":
        return ASTFeatureExtractor(num_mel_bins=32, max_length=128)
    if model_type == "wav2vec2-bert":
        return SeamlessM4TFeatureExtractor(feature_size=80, num_mel_bins=80, stride=2)
    masked = settings.get("feat_extract_norm") == "layer"
    return Wav2Vec2FeatureExtractor(return_attention_mask=masked)


def build(name, architecture=None, labels=WORDS, seed=0, **changes):
    """Return an untrained model of a tiny architecture."""
    import transformers

    model_type, settings = FAMILIES[name]
    settings = {**settings, **changes}
    config = transformers.AutoConfig.for_model(model_type, **settings)
    if labels is not None:
        config.id2label = dict(enumerate(labels))
        config.label2id = {label: i for i, label in enumerate(labels)}
    torch.manual_seed(seed)
    if architecture is None:
        return transformers.AutoModelForAudioClassification.from_config(config)
    return getattr(transformers, architecture)(config)


@pytest.fixture(scope="session")
def untrained(tmp_path_factory):
    """A function that writes an untrained checkpoint and returns its folder.

    Its weights are larger than at the start of a training, so that labels differ in probability.
    """
    folders = {}

    def write(name, architecture=None, labels=WORDS, **changes):
        key = (name, architecture, labels, tuple(changes.items()))
        if key not in folders:
            folder = tmp_path_factory.mktemp(name)
            model = build(name, architecture, labels, **changes)
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter.mul_(2)
            model.save_pretrained(folder)
            extractor_of(*FAMILIES[name]).save_pretrained(folder)
            folders[key] = folder
        return folders[key]

    return write


@pytest.fixture(scope="session")
def load():
    """A function that loads an adapter from a folder."""

    def load_adapter(folder, **options):
        return AudioClassifierAdapter.load(str(folder), LoadOptions(**options))

    return load_adapter


@pytest.fixture(scope="session")
def clips():
    """A function that returns clips of noise of different loudness and colour."""

    def make(count, seconds=1.0):
        random = np.random.default_rng(1)
        lengths = [seconds] * count if isinstance(seconds, float) else seconds
        made = []
        for i, length in zip(range(count), lengths, strict=True):
            noise = random.normal(0, 0.01 * (i + 1), int(16_000 * length))
            smooth = np.convolve(noise, np.ones(1 + 3 * i) / (1 + 3 * i), mode="same")
            sample = AudioSample(id=f"noise-{i}", labels=(WORDS[i % len(WORDS)],))
            made.append(Clip(sample, smooth.astype(np.float32), 16_000))
        return made

    return make


@pytest.fixture(scope="session")
def nano_folder(shared):
    return shared / "models/nano-digit-classifier"


@pytest.fixture(scope="session")
def digit_clips(shared):
    """A function that returns clips of a single-digit manifest."""
    digits = shared / "data/digits_cls"

    def read(manifest, count=None, every=1):
        lines = (digits / manifest).read_text(encoding="utf-8").splitlines()[:count:every]
        return [
            load_clip(
                AudioSample(
                    id=record["audio_filepath"],
                    audio=digits / record["audio_filepath"],
                    labels=(record["label"],),
                ),
                16_000,
            )
            for record in map(json.loads, lines)
        ]

    return read


@pytest.fixture(scope="session")
def plain_answers():
    """A function that gives the labels of plain Transformers' pipeline, most likely first."""

    def classify(folder, clips):
        from transformers import pipeline

        classifier = pipeline("audio-classification", str(folder), device="cpu", top_k=None)
        inputs = [{"raw": c.waveform.copy(), "sampling_rate": 16_000} for c in clips]
        return [classifier(one) for one in inputs]

    return classify
