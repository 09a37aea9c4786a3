"""What a voice's tokenizer would pass over in a text."""

from __future__ import annotations

from transformers import PreTrainedTokenizerBase


def unspoken(tokenizer: PreTrainedTokenizerBase, text: str) -> str | None:
    """Say what of a text is not spoken, such as figures where there are only letters.

    Args:
        tokenizer: The voice's.
        text: What is to be spoken.

    Returns:
        What is wrong and what to do, or None. Where the text has marks of the tokenizer's own,
        such as `</s>`, those are named, and other characters are not looked for.
    """
    found = _marks(tokenizer, text) or _unknown(tokenizer, text)
    if not found:
        return None
    return f"the model has no token for {', '.join(map(repr, found))}; write it in letters"


def _marks(tokenizer: PreTrainedTokenizerBase, text: str) -> list[str]:
    return [mark for mark in tokenizer.all_special_tokens if mark in text]


def _unknown(tokenizer: PreTrainedTokenizerBase, text: str) -> list[str]:
    unknown, characters = tokenizer.unk_token_id, sorted(set(text) - set(" \t\n"))
    if unknown is None or unknown not in tokenizer(text).input_ids:
        return []
    return [c for c in characters if unknown in tokenizer(c).input_ids]
