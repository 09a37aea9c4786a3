"""Special tokens of models in transcripts, which a model would learn to spell letter by letter."""

from __future__ import annotations

import re

from audioforge.sample import AudioSample, Problem

_TOKEN = re.compile(r"<\|[^<|>]{1,40}\|>")
"""As Whisper and its kin write them: <|en|>, <|startoftranscript|>, <|0.00|>."""


def special_tokens_problem(sample: AudioSample) -> Problem | None:
    """Return that a transcript holds special tokens, and which; None where it holds none.

    A model adds its own when it learns. Those of a transcript are text to it: taught as letters,
    and without a trace in an error rate whose normaliser takes them for notes.
    """
    found = dict.fromkeys(_TOKEN.findall(sample.reference or ""))
    if not found:
        return None
    reason = (
        f"the transcript holds special tokens of a model, which would be learnt as letters: "
        f"{' '.join(list(found)[:3])}; take them out of the text"
    )
    return Problem(sample.place, reason, "special tokens")
