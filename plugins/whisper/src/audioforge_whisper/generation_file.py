"""What a Whisper's `generation_config.json` may say: prompt, limits, special tokens."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers.models.whisper.tokenization_whisper import TO_LANGUAGE_CODE

from audioforge.files.checkpoint_files import MAX_JSON_BYTES, read_object
from audioforge.huggingface.schema import (
    FLAG,
    TEXT,
    Table,
    Value,
    either,
    list_of,
    map_of,
    number,
    one_of,
    optional,
    problems,
    refuse,
    whole,
)

FILE = "generation_config.json"

TOKEN_OF = {
    "decoder_start_token_id": "<|startoftranscript|>",
    "no_timestamps_token_id": "<|notimestamps|>",
    "prev_sot_token_id": "<|startofprev|>",
}
"""The special tokens that keys stand for."""

PAIRS = list_of(
    Value(
        "a pair of whole numbers, the second perhaps null",
        lambda v: (
            isinstance(v, list)
            and len(v) == 2
            and all(type(n) is int and n >= 0 for n in (v[0], v[1] or 0))
        ),
    )
)


def check_generation_file(folder: Path, vocabulary: Mapping[str, int], vocab_size: int) -> None:
    """Check the file, if it is there, against the tokenizer.

    Args:
        folder: The checkpoint's folder.
        vocabulary: The tokens with their numbers.
        vocab_size: Outputs of the model, which may be more than there are tokens.

    Raises:
        CheckpointError: Naming the file and all its keys that are wrong.
    """
    path = folder / FILE
    if not path.is_file():
        return
    content = read_object(path, MAX_JSON_BYTES)
    refuse(path, problems(content, _table(vocab_size)) or _other_tokens(content, vocabulary))


def _table(vocab_size: int) -> Table:
    token = whole(0, vocab_size - 1)
    tokens = optional(list_of(token))
    count = optional(whole(1, 1_000_000))
    return {
        **dict.fromkeys(("decoder_start_token_id", "no_timestamps_token_id"), optional(token)),
        **dict.fromkeys(("prev_sot_token_id", "bos_token_id", "pad_token_id"), optional(token)),
        "eos_token_id": optional(either(token, list_of(token, 1))),
        **dict.fromkeys(("suppress_tokens", "begin_suppress_tokens"), tokens),
        **dict.fromkeys(("max_length", "max_new_tokens", "num_beams"), count),
        **dict.fromkeys(("is_multilingual", "return_timestamps", "do_sample"), optional(FLAG)),
        **dict.fromkeys(("lang_to_id", "task_to_id"), optional(map_of(token))),
        "language": optional(TEXT),
        "task": optional(one_of("transcribe", "translate")),
        **dict.fromkeys(("alignment_heads", "forced_decoder_ids"), optional(PAIRS)),
        "max_initial_timestamp_index": optional(whole(0, vocab_size)),
        **dict.fromkeys(("temperature", "top_p", "length_penalty"), optional(number(-100, 100))),
        **dict.fromkeys(("top_k", "num_return_sequences"), optional(whole(0, 10_000_000))),
        "early_stopping": optional(either(FLAG, one_of("never"))),
    }


def _other_tokens(content: Mapping[str, Any], vocabulary: Mapping[str, int]) -> list[str]:
    """Say which tokens have another number in the tokenizer, and what else it does not know."""
    expected = [(key, token, content.get(key)) for key, token in TOKEN_OF.items()]
    ends = content.get("eos_token_id")
    end = ends[0] if isinstance(ends, list) else ends
    expected.append(("eos_token_id", "<|endoftext|>", end))
    languages, tasks = content.get("lang_to_id") or {}, content.get("task_to_id") or {}
    expected += [(f"lang_to_id {name!r:.40}", name, number) for name, number in languages.items()]
    expected += [(f"task_to_id {name!r:.40}", f"<|{name}|>", n) for name, n in tasks.items()]
    found = [
        f"{key}: {number} is not the number of {token:.40} in the tokenizer, "
        f"{vocabulary.get(token, 'which has none')}"
        for key, token, number in expected
        if number is not None and vocabulary.get(token) != number
    ]
    if tasks and "transcribe" not in tasks:
        found.append("task_to_id: it lacks transcribe")
    language = content.get("language")
    if language is not None and not _known(language):
        found.append(f"language: {language!r:.40} is not one that Whisper knows")
    return found


def _known(language: str) -> bool:
    name = language.strip().lower().removeprefix("<|").removesuffix("|>")
    return name in TO_LANGUAGE_CODE or name in TO_LANGUAGE_CODE.values()
