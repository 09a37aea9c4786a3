"""The demo model's tokenizer and feature extractor."""

import json
import random

import digits
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import WhisperFeatureExtractor, WhisperProcessor, WhisperTokenizer

WINDOW_S = 5
HOP = 320  # Samples; half Whisper's frame rate, and so half the encoder's work.
END = "<|endoftext|>"
PROMPT = ("<|startoftranscript|>", "<|notimestamps|>")  # English-only: no language, no task.
SPECIAL = (
    "<|startoftranscript|>",
    "<|translate|>",
    "<|transcribe|>",
    "<|startoflm|>",
    "<|startofprev|>",
    "<|nospeech|>",
    "<|notimestamps|>",
)


def _byte_pairs() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Train byte-level BPE on digit sentences until every word is one token."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=512, initial_alphabet=alphabet, show_progress=False)
    bpe.train_from_iterator(digits.draw(1_000, random.Random(0), exclude=set()), trainer)
    state = json.loads(bpe.to_str())["model"]
    return state["vocab"], [(left, right) for left, right in state["merges"]]


def tokenizer() -> WhisperTokenizer:
    """An English-only Whisper tokenizer in which each digit word is one token.

    The prefix space makes the first word of a sentence the same token as the others.
    """
    vocab, merges = _byte_pairs()
    vocab |= {token: len(vocab) + index for index, token in enumerate((END, *SPECIAL))}
    return WhisperTokenizer(
        vocab=vocab,
        merges=merges,
        add_prefix_space=True,
        pad_token=END,
        additional_special_tokens=list(SPECIAL),
    )


def processor() -> WhisperProcessor:
    """The tokenizer together with log-mel features of a short window."""
    features = WhisperFeatureExtractor(feature_size=80, hop_length=HOP, chunk_length=WINDOW_S)
    return WhisperProcessor(features, tokenizer())
