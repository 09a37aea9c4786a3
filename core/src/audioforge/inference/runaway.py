"""Run-away transcripts: a model repeats itself, or finds no end.

One such clip can decide a rate: what is made up has no limit, what can be missed has. So they are
counted wherever a rate is told.
"""

from __future__ import annotations

import zlib

from audioforge.sample import Hypothesis

MOST_COMPRESSION = 2.4
"""Compression ratio beyond which a transcript repeats itself (Radford et al. 2022, section 4.5)."""


def compression_ratio(text: str) -> float:
    """Return the letters of a text over the bytes that zlib makes of it.

    For ASCII it is OpenAI's ratio (`whisper/utils.py`), which counts bytes before, too: but where a
    letter takes three of them, an ordinary text of 400 letters is beyond `MOST_COMPRESSION`. What
    is short hardly shrinks, so that a few words never are.
    """
    return len(text) / len(zlib.compress(text.encode(errors="surrogatepass")))


def repeats_itself(text: str) -> bool:
    """Whether a text is a loop by its compression ratio.

    >>> repeats_itself("I'm sorry. " * 20), repeats_itself("I'm sorry. I'm sorry.")
    (True, False)
    """
    return compression_ratio(text) > MOST_COMPRESSION


def runs_away(hypothesis: Hypothesis) -> bool:
    """Whether an output is a run-away: it repeats itself, or a length limit ended it."""
    return hypothesis.cut or (hypothesis.text is not None and repeats_itself(hypothesis.text))
