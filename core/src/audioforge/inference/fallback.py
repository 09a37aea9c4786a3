"""Temperature fallback: a greedy transcript that looks wrong is drawn again, hotter each time.

The rule and its numbers are OpenAI's (`decode_with_fallback` of whisper's `transcribe.py`):

- A transcript is doubtful that repeats itself (compression ratio of its text over 2.4), or of which
  the mean log-probability of a token, the end among them, is under −1.
- It is drawn again at 0.2, 0.4 and so on up to 1, until one is not doubtful; the last one stays.
- Where it is that unlikely and the model hears no speech (a probability over 0.6), the clip is
  taken for silent: the transcript is empty, and nothing more is drawn.

Transformers takes the compression ratio of token numbers, which shrink less and need another
threshold; that of the text is the same for every tokenizer, and for what other systems wrote. In
two things this is not OpenAI's: what a text shrinks from is counted in letters (see `runaway`), and
log-probabilities are of the model with nothing left out, so that they are a little lower, by what
it gives to tokens that are never written.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any

from attrs import evolve

from audioforge.errors import ConfigError
from audioforge.inference.runaway import repeats_itself
from audioforge.model import ModelAdapter, SamplingParams
from audioforge.sample import Hypothesis

WITHOUT_FALLBACK, WITH_FALLBACK = "greedy", "greedy with temperature fallback"
"""What results call the two ways to decode."""

TEMPERATURES = (0.2, 0.4, 0.6, 0.8, 1.0)
LEAST_LOGPROB = -1.0
"""Mean natural log-probability of a token from which a transcript is not doubtful."""
MOST_NO_SPEECH = 0.6
"""Probability of no speech up to which a clip is not taken for silent."""


def check_falls_back(adapter: ModelAdapter) -> None:
    """Refuse a model that temperature fallback is not for.

    Raises:
        ConfigError: If it does not write token by token.
    """
    if not adapter.autoregressive:
        raise ConfigError(
            [
                f"temperature_fallback: it is for models that write a transcript token by token, "
                f"such as Whisper; {type(adapter).__name__} does not, and cannot repeat itself. "
                f"Leave --temperature-fallback out"
            ]
        )


def decode_with_fallback(
    adapter: ModelAdapter, batch: Any, params: SamplingParams
) -> list[list[Hypothesis]]:
    """Decode a batch greedily, and draw again what is doubtful.

    A redraw is keyed by its number and the sample's id: it is the same in every evaluation.

    Args:
        adapter: The model.
        batch: What it prepared.
        params: How to decode, at temperature 0.

    Returns:
        A list with one hypothesis for each clip, which says at which temperature it was drawn.
    """
    outputs = [output for (output,) in adapter.sample(batch, 1, params)]
    doubtful = [row for row, output in enumerate(outputs) if _is_doubtful(output)]
    silent = _silent(adapter, batch, doubtful) if doubtful else set()
    for number, temperature in enumerate(TEMPERATURES, 1):
        doubtful = _settle(outputs, doubtful, silent)
        if not doubtful:
            break
        part, places = _part(adapter, batch, doubtful)
        hotter = evolve(params, temperature=temperature, seed=number)
        drawn = adapter.sample(part, 1, hotter)
        for row, place in zip(doubtful, places, strict=True):
            outputs[row] = evolve(drawn[place][0], redrawn_at=temperature)
    _settle(outputs, doubtful, silent)
    return [[output] for output in outputs]


def _settle(outputs: list[Hypothesis], rows: Sequence[int], silent: Set[int]) -> list[int]:
    """Empty what is said of silence, and return the rows that are still doubtful."""
    for row in rows:
        if row in silent and _is_unlikely(outputs[row]):
            outputs[row] = evolve(outputs[row], text="", cut=False, no_speech=True)
    return [row for row in rows if not outputs[row].no_speech and _is_doubtful(outputs[row])]


def _is_doubtful(output: Hypothesis) -> bool:
    """Whether another transcript is wanted."""
    return _is_unlikely(output) or repeats_itself(output.text or "")


def _is_unlikely(output: Hypothesis) -> bool:
    """Whether the model finds its own output unlikely; not where it does not say."""
    if output.logprob is None or not output.tokens:
        return False
    return output.logprob / output.tokens < LEAST_LOGPROB


def _silent(adapter: ModelAdapter, batch: Any, rows: Sequence[int]) -> set[int]:
    """Return those of some rows in which the model hears no speech; none where it cannot tell."""
    part, places = _part(adapter, batch, rows)
    heard = adapter.no_speech_probabilities(part)
    if heard is None:
        return set()
    return {row for row, at in zip(rows, places, strict=True) if heard[at] > MOST_NO_SPEECH}


def _part(adapter: ModelAdapter, batch: Any, rows: Sequence[int]) -> tuple[Any, Sequence[int]]:
    """Return a batch that has some rows of another, and where they are in it."""
    part = adapter.part(batch, rows)
    return (batch, rows) if part is None else (part, range(len(rows)))
