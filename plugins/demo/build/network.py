"""The demo's Whisper: 64 wide, two layers on each side, English-only."""

from processing import END, HOP, PROMPT, WINDOW_S
from transformers import (
    GenerationConfig,
    WhisperConfig,
    WhisperForConditionalGeneration,
    WhisperTokenizer,
)
from voices import RATE_HZ

WIDTH = 64
ENCODER_POSITIONS = WINDOW_S * RATE_HZ // HOP // 2  # The second convolution halves the frames.
MAX_TOKENS = 16  # Prompt, six digits and the end take nine.


def build(tokenizer: WhisperTokenizer) -> WhisperForConditionalGeneration:
    """Make the model with random weights.

    Args:
        tokenizer: Decides the vocabulary's size and the special tokens.

    Returns:
        The model, ready to train and to generate.
    """
    # The prompt and the end are all that the network knows of Whisper's special tokens.
    end, start, plain = (tokenizer.vocab[token] for token in (END, *PROMPT))
    config = WhisperConfig(
        vocab_size=len(tokenizer),
        d_model=WIDTH,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=4 * WIDTH,
        decoder_ffn_dim=4 * WIDTH,
        max_source_positions=ENCODER_POSITIONS,
        max_target_positions=2 * MAX_TOKENS,
        dropout=0.0,
        decoder_start_token_id=start,
        suppress_tokens=None,
        begin_suppress_tokens=None,
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
    )
    model = WhisperForConditionalGeneration(config)
    # Generation has a file of its own: nothing is suppressed, since the vocabulary is the digits'.
    model.generation_config = GenerationConfig(
        decoder_start_token_id=start,
        no_timestamps_token_id=plain,
        is_multilingual=False,
        return_timestamps=False,
        max_length=MAX_TOKENS,
        suppress_tokens=[],
        begin_suppress_tokens=[],
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
    )
    return model
