"""The small files of a checkpoint as every Transformers since 4.46 reads them, and other engines.

Transformers 5 writes the feature extractor into `processor_config.json`, which Transformers 4 does
not know, leaves out the files of the vocabulary, and gives some keys other names. So the files are
completed from what was loaded: they are the base's, whichever version wrote these.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from operator import itemgetter
from pathlib import Path
from typing import Any

CONFIG = "config.json"
GENERATION = "generation_config.json"
SUPPRESSED = ("suppress_tokens", "begin_suppress_tokens")
FEATURES = "preprocessor_config.json"
TOKENIZER = "tokenizer_config.json"
VOCABULARY = "vocab.json"

OF_THIS_MACHINE = ("backend", "is_local", "local_files_only", "name_or_path")
"""What Transformers 5 writes of how the tokenizer was loaded."""


def write_portable_files(processor: Any, folder: Path) -> None:
    """Complete what `save_pretrained` wrote of a model and its processor.

    Args:
        processor: A feature extractor, or a processor of one and a tokenizer.
        folder: Where they are written.

    Raises:
        OSError: If a file cannot be written.
    """
    _write_none_for_empty(folder / GENERATION)
    config = _read(folder / CONFIG)
    if "dtype" in config:
        _write(folder / CONFIG, {**config, "torch_dtype": config["dtype"]})  # its name before 4.56
    extractor, tokenizer = getattr(processor, "feature_extractor", None), None
    features = json.loads((extractor or processor).to_json_string())
    if extractor is not None:
        tokenizer = processor.tokenizer
        features["processor_class"] = type(processor).__name__
        (folder / "processor_config.json").unlink(missing_ok=True)
    _write(folder / FEATURES, features)
    if tokenizer is not None:
        _complete_tokenizer(tokenizer, folder)


def _write_none_for_empty(path: Path) -> None:
    """Write null for lists of no tokens: Transformers 4.46 looks for one in every list."""
    if path.is_file():
        settings = _read(path)
        empty = {key: None for key in SUPPRESSED if settings.get(key) == []}
        if empty:
            _write(path, {**settings, **empty})


def _complete_tokenizer(tokenizer: Any, folder: Path) -> None:
    """Write the vocabulary, and the special tokens as Transformers 4 has them."""
    tokenizer.save_vocabulary(str(folder))
    added = tokenizer.added_tokens_decoder
    special = [str(token) for token in getattr(tokenizer, "extra_special_tokens", ())]
    if hasattr(tokenizer, "backend_tokenizer"):  # whose tokens say by themselves what is special
        special = [token.content for _, token in sorted(added.items()) if token.special]
    settings = {k: v for k, v in _read(folder / TOKENIZER).items() if k not in OF_THIS_MACHINE}
    settings.pop("extra_special_tokens", None)  # a list here, and an object in Transformers 4
    settings["additional_special_tokens"] = special
    settings["added_tokens_decoder"] = {
        str(number): token.__getstate__() for number, token in sorted(added.items())
    }
    _write(folder / TOKENIZER, settings)
    named = {name: str(token) for name, token in tokenizer.special_tokens_map.items()}
    _write(folder / "special_tokens_map.json", {**named, "additional_special_tokens": special})
    if not (folder / VOCABULARY).is_file():  # SentencePiece has a model instead
        return
    vocabulary = _read(folder / VOCABULARY)
    if all(isinstance(number, int) for number in vocabulary.values()):  # else one a language
        # Transformers sorts by the token, and whisper.cpp's converter counts the lines.
        _write(folder / VOCABULARY, dict(sorted(vocabulary.items(), key=itemgetter(1))))
    beyond = {token.content: number for number, token in sorted(added.items())}
    numbers = {token: n for token, n in beyond.items() if token not in vocabulary}
    _write(folder / "added_tokens.json", numbers)


def _read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8")))


def _write(path: Path, content: Mapping[str, Any]) -> None:
    text = json.dumps(content, indent=2, ensure_ascii=False)
    path.write_text(f"{text}\n", encoding="utf-8")
