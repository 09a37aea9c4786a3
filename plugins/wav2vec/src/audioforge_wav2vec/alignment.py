"""When each word was said: forced alignment through torchaudio, an optional extra.

The most likely of the paths that collapse to the transcript says in which frames each character
stands (Kürzinger et al. 2020 align with CTC models in this way).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from audioforge.errors import ConfigError
from audioforge.torch_companions import hide_broken_companions
from audioforge.transcript import WordTime
from audioforge_wav2vec.likelihood import frames_needed
from audioforge_wav2vec.vocabulary import Vocabulary


def align_words(
    log_probabilities: torch.Tensor,
    words: Sequence[tuple[str, Sequence[int]]],
    vocabulary: Vocabulary,
    seconds_per_frame: float,
) -> list[WordTime]:
    """Return when each word of a clip was said.

    A word starts with the first frame of its first character and ends after the last frame of its
    last one. CTC models are peaky: a character stands in few frames, and a word's end comes early.

    Args:
        log_probabilities: Log-probabilities of the clip's own frames, shape (frames, tokens).
        words: Each word with its tokens, at least one.
        vocabulary: Gives the blank and the word delimiter.
        seconds_per_frame: Time between frames.

    Returns:
        One entry per word; none where the clip has too few frames for the words.

    Raises:
        ConfigError: If torchaudio is not there or does not work.
    """
    functional = _torchaudio_functional()
    between = [] if vocabulary.delimiter is None else [vocabulary.delimiter]
    tokens = [t for _, word_tokens in words for t in [*between, *word_tokens]][len(between) :]
    # Without a frame for each token no path spells the words, and torchaudio would raise.
    if not tokens or frames_needed(tokens) > len(log_probabilities):
        return []
    path, scores = functional.forced_align(
        log_probabilities[None],
        torch.tensor([tokens], dtype=torch.int32, device=log_probabilities.device),
        blank=vocabulary.blank,
    )
    spans = functional.merge_tokens(path[0], scores[0], blank=vocabulary.blank)
    # One span a token; the delimiter's, between words, belongs to neither.
    times, position = [], 0
    for word, word_tokens in words:
        first, last = spans[position], spans[position + len(word_tokens) - 1]
        start, end = first.start * seconds_per_frame, last.end * seconds_per_frame
        times.append(WordTime(word, start, end))
        position += len(word_tokens) + len(between)
    return times


def _torchaudio_functional() -> Any:
    broken = hide_broken_companions().get("torchaudio")
    if broken is None:
        try:
            import torchaudio.functional
        except ImportError as error:
            raise _unavailable("torchaudio is not installed") from error
        return torchaudio.functional
    raise _unavailable(f"torchaudio does not work with this torch ({broken})")


def _unavailable(why: str) -> ConfigError:
    return ConfigError(
        [
            f"word_times: {why}; alignment needs it: pip install 'audioforge-wav2vec[align]'. "
            f"`audioforge doctor` names the version that fits your torch."
        ]
    )
