"""Rollout: k hypotheses of each clip; and greedy decoding, as evaluations do it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from attrs import frozen

from performance import floor
from performance.decoders import Task, line_up
from performance.machine import lacks_bf16
from performance.material import Checkpoints, Real, architecture_of, noise_clips
from performance.subjects import Measurement, Scope
from performance.timing import Figures, alternate, shares

PROMPT = 2
"""Tokens before the text of an English-only checkpoint."""


@frozen
class Case:
    """One batch of clips of noise through an untrained model.

    Attributes:
        size: Of the Whisper.
        seconds: Length of the clips.
        k: Hypotheses per clip; 1 is greedy.
        clips: In the batch.
        tokens: Of each hypothesis.
    """

    size: str
    seconds: float
    k: int
    clips: int
    tokens: int = 32


CASES = (
    Case("tiny.en", 30, 8, 4),
    Case("tiny.en", 30, 16, 2),
    Case("tiny.en", 10, 8, 2),
    Case("tiny.en", 3, 8, 2),
    Case("base.en", 30, 8, 2),
    Case("base.en", 10, 8, 1),
    Case("base.en", 3, 8, 1),
)
GREEDY_CASES = (Case("tiny.en", 30, 1, 4), Case("base.en", 30, 1, 2))
QUICK_CASES = (Case("nano", 3, 4, 2, tokens=4),)
QUICK_GREEDY_CASES = (Case("nano", 3, 1, 2, tokens=4),)


def rollouts(scope: Scope) -> Iterator[Measurement]:
    """Yield what is measured of sampling."""
    for case in QUICK_CASES if scope.quick else CASES:
        name = f"{case.size}, {case.seconds:g} s, k = {case.k}"
        yield Measurement("rollout", name, partial(_untrained, scope, case))
    if scope.real is not None:
        name = f"{scope.real.model.name}, its own answers, k = 8"
        yield Measurement("rollout", name, partial(_trained, scope, scope.real, 8))


def evaluations(scope: Scope) -> Iterator[Measurement]:
    """Yield what is measured of greedy decoding."""
    for case in QUICK_GREEDY_CASES if scope.quick else GREEDY_CASES:
        name = f"{case.size}, {case.seconds:g} s"
        yield Measurement("evaluation", name, partial(_untrained, scope, case))
    if scope.real is not None:
        name = f"{scope.real.model.name}, its own answers"
        yield Measurement("evaluation", name, partial(_trained, scope, scope.real, 1))


def _untrained(scope: Scope, case: Case) -> Figures:
    task = Task(
        checkpoint=scope.checkpoints.whisper(case.size),
        clips=noise_clips(case.clips, case.seconds),
        k=case.k,
        new_tokens=case.tokens,
    )
    return _measure(task, scope.checkpoints, scope.rounds)


def _trained(scope: Scope, real: Real, k: int) -> Figures:
    clips = real.clips(2 if scope.quick else 8)
    task = Task(checkpoint=real.model, clips=clips, k=k, new_tokens=real.new_tokens)
    return _measure(task, scope.checkpoints, scope.rounds, ends_by_itself=True)


def _measure(
    task: Task, checkpoints: Checkpoints, rounds: int, *, ends_by_itself: bool = False
) -> Figures:
    """Let everybody take turns, and the arithmetic too; the floor needs the number of tokens."""
    line, shape = line_up(task, checkpoints), architecture_of(task.checkpoint)
    probes = list(floor.probes(shape, len(task.clips), bf16=lacks_bf16() is None))
    seconds = alternate([*line.contestants, *(p.contestant for p in probes)], rounds)
    rates = floor.rates_of(probes, seconds)
    details: dict[str, object] = {
        "clips": len(task.clips),
        "tokens": task.new_tokens,
        "gigaflops": floor.gigaflops(rates),
    }
    values = shares(seconds, len(task.clips))
    if not ends_by_itself:
        work = floor.Work(
            clips=len(task.clips), hypotheses=task.k, tokens=task.new_tokens, prompt=PROMPT
        )
        operations = floor.rollout_operations(shape, work) / len(task.clips)
        values["floor"] = [operations / floor.fastest_float32(rates)]
        details["gigaflop a clip"] = round(operations / 1e9, 2)
    return Figures(unit="CPU s a clip", values=values, missing=line.missing, details=details)
