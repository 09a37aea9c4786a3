"""The demo's classifier: the encoder of a Whisper 64 wide, and its feature extractor."""

import commands
from command_clips import WINDOW_S
from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperForAudioClassification
from voices import RATE_HZ

WIDTH = 64
HOP = 320  # Samples; half Whisper's frame rate, and so half the encoder's work.


def extractor() -> WhisperFeatureExtractor:
    """Log-mel features of a window that holds one word."""
    return WhisperFeatureExtractor(feature_size=80, hop_length=HOP, chunk_length=int(WINDOW_S))


def build() -> WhisperForAudioClassification:
    """Make the model with random weights."""
    config = WhisperConfig(
        vocab_size=1,  # There is no decoder; these three only have to be valid.
        pad_token_id=0,
        decoder_start_token_id=0,
        bos_token_id=0,
        eos_token_id=0,
        suppress_tokens=None,
        begin_suppress_tokens=None,
        d_model=WIDTH,
        encoder_layers=2,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=4 * WIDTH,
        decoder_ffn_dim=4 * WIDTH,
        max_source_positions=int(WINDOW_S) * RATE_HZ // HOP // 2,  # A convolution halves them.
        classifier_proj_size=WIDTH,
        dropout=0.0,
        id2label=dict(enumerate(commands.WORDS)),
        label2id={word: index for index, word in enumerate(commands.WORDS)},
    )
    return WhisperForAudioClassification(config)
