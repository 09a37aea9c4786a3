"""What a CTC checkpoint can take, without loading it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from audioforge.files.checkpoint_files import MAX_JSON_BYTES, read_object
from audioforge.specs import Limits
from audioforge_wav2vec.spelling import Spelling

MAX_SECONDS = 120.0
"""The network has no window, and its attention grows with the square."""

MARKS = {
    "pad_token": "<pad>",
    "word_delimiter_token": "|",
    "unk_token": "<unk>",
    "bos_token": "<s>",
    "eos_token": "</s>",
}
"""Tokens that are no characters, and what Wav2Vec2CTCTokenizer calls them by default."""


def limits(config: Mapping[str, Any], folder: Path) -> Limits:
    """Return the longest clip, and what tells which characters the model cannot write.

    Args:
        config: Content of its config.json.
        folder: Where its vocab.json and tokenizer_config.json are.

    Raises:
        CheckpointError: If these cannot be read.
    """
    del config
    path = folder / "tokenizer_config.json"
    tokenizer = read_object(path, MAX_JSON_BYTES) if path.is_file() else {}
    vocabulary = read_object(folder / "vocab.json", MAX_JSON_BYTES)
    language = str(tokenizer.get("target_lang"))
    if isinstance(vocabulary.get(language), dict):  # one vocabulary for each of many languages
        vocabulary = vocabulary[language]
    marks = {_mark(tokenizer.get(name, default)) for name, default in MARKS.items()}
    characters = {t: n for t, n in vocabulary.items() if len(t) == 1 and t not in marks}
    return Limits(MAX_SECONDS, unknown_characters=Spelling(characters).unknown_characters)


def _mark(stated: Any) -> str:
    """Return a token of tokenizer_config.json, which may be an object that describes it."""
    return str(stated.get("content") if isinstance(stated, dict) else stated)
