"""What every selection must do: `audioforge.selection.Selection` in rules."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from numbers import Real
from typing import Any, cast

import numpy as np
import torch
from attrs import evolve

from audioforge import keyed_random
from audioforge.isolation.global_state import of_python, of_torch
from audioforge.model import TASKS, Task
from audioforge.sample import AudioSample, Hypothesis, Rollout, Score, ScoredHypothesis
from audioforge.selection import (
    DIVISORS,
    REFERENCE,
    Kept,
    Loss,
    Selected,
    Selection,
    SelectionContext,
)
from audioforge.tasks import SpeechTask, speech_task
from audioforge_kit.contract import Contract, ContractError, expect, rule
from audioforge_kit.examples import SelectionExample

REWARDS = (
    *((1.0, 0.4, 0.0, 0.9), (0.2, 0.2, 0.1, 0.3), (0.7, 0.7, 1.0, 1.0), (0.5, 0.5, 0.5, 0.5)),
    *((None, 0.8, None, 0.6), (None, None, None, None), (0.0, 0.0, 0.0, 0.0)),
    *((1.0, 1.0, 1.0, 1.0), (0.0, 0.0, 0.0, 1.0), (0.6, 0.1, 0.9, None)),
)
"""The rewards of a general cycle: clips that are easy, hard and in between, with ties, and some
without rewards."""

ROUNDING = 1e-9
"""How far a weight may differ, relatively, when it was added up in another order."""

Chosen = list[tuple[str, int, float]]
"""Sample, hypothesis and weight of each item, sorted."""


class SelectionContract(Contract):
    """The rules of a selection."""

    kind = "selection"
    example_class = SelectionExample

    @rule("Let the factory return an instance of audioforge.selection.Selection.")
    def is_a_selection(self) -> None:
        """The factory, called with the options, returns a Selection."""
        created = self.create()
        expect(isinstance(created, Selection), f"it returned {type(created).__name__}")
        learns = created.learns_from_references
        expect(isinstance(learns, bool), f"learns_from_references is {learns!r}, not a bool")
        quotes = created.quotes_references
        expect(isinstance(quotes, bool), f"quotes_references is {quotes!r}, not a bool")
        least = created.least_hypotheses
        expect(isinstance(least, int) and least > 0, f"least_hypotheses is {least!r}")
        has = created.has_loss
        expect(isinstance(has, bool), f"has_loss is {has!r}, not a bool")

    @rule("Give the specification an example with rollouts of which it keeps some.")
    def keeps_something(self) -> None:
        """Of its example the selection keeps something, with a weight that is not 0."""
        for task in TASKS:
            kept = self._select(self._rollouts(task), task)
            expect(any(weight for _, _, weight in kept), f"of the cycle for {task} it keeps 0")

    @rule(
        "Return the samples and hypotheses that you were given, themselves; or a sample's own "
        "reference, of index REFERENCE."
    )
    def keeps_what_was_sampled(self) -> None:
        """Each item is a sample of the cycle with one of its hypotheses, or its reference."""
        for task in TASKS:
            self._select(self._rollouts(task), task)

    @rule(
        "Return Selected, with a finite weight for each item, from 0 unless has_loss, and a "
        "divisor of DIVISORS."
    )
    def says_weights_and_divisor(self) -> None:
        """Weights are finite, negative for a loss of its own alone, and the divisor is a known one.

        One that has a loss returns it, with the divisor "clips".
        """
        for rollouts in (self._rollouts("asr"), self._unjudged()):
            self._select(rollouts)

    @rule("Return a scalar tensor from of_clip, finite, that says which way to push each target.")
    def its_loss_teaches(self) -> None:
        """A loss of its own is a finite scalar with finite gradients, some of which are not 0."""
        selection = self._selection
        if not selection.has_loss:
            return
        rollouts, pushed = self._rollouts("asr"), False
        selected = selection.select(iter(rollouts), _context("asr"))
        items = sorted(selected.items, key=lambda item: (item.sample.id, item.target.index))
        for _, group in groupby(items, key=lambda item: item.sample.id):
            targets = list(group)
            said = [-1.0 if t.target.logprob is None else t.target.logprob for t in targets]
            logprobs = torch.tensor(said, requires_grad=True)
            loss = cast("Loss", selected.loss).of_clip(targets, logprobs, torch.ones(len(targets)))
            expect(loss.ndim == 0, f"the loss has the shape {tuple(loss.shape)}")
            (gradient,) = torch.autograd.grad(loss, logprobs)
            finite = bool(loss.isfinite()) and bool(gradient.isfinite().all())
            expect(finite, f"the loss is {loss.item()}, its gradients {gradient.tolist()}")
            pushed |= bool(gradient.any())
        expect(pushed, "no target is made likelier or less likely")

    @rule("Let nothing depend on which rollout comes first; key draws by the sample's id.")
    def order_does_not_matter(self) -> None:
        """What is kept is the same in whatever order the rollouts come."""
        rollouts = self._rollouts("asr")
        first = self._select(rollouts)
        for order in (rollouts[::-1], rollouts[3:] + rollouts[:3]):
            _expect_same(self._select(order), first, "in another order")

    @rule("Hold nothing from one cycle to the next: begin anew in each call of select.")
    def holds_nothing(self) -> None:
        """A second call, after one for another cycle, keeps the same; so does a new instance."""
        rollouts = self._rollouts("asr")
        first = self._select(rollouts)
        others = [evolve(rollout, cycle=2) for rollout in rollouts[: len(rollouts) // 2]]
        self._select(others)
        _expect_same(self._select(rollouts), first, "after another cycle")
        fresh = cast("Selection", self.create())
        _expect_same(self._select(rollouts, selection=fresh), first, "from a new instance")

    @rule("Draw random numbers from audioforge.keyed_random, keyed by the seed, cycle and sample.")
    def is_deterministic(self) -> None:
        """What is kept does not depend on the global generators of random numbers."""
        rollouts = self._rollouts("asr")
        kept = []
        for seed in (1, 2):
            with _generators_seeded(seed):
                kept.append(self._select(rollouts))
        _expect_same(kept[1], kept[0], "with other global random numbers")

    @rule("Go through the rollouts once: they come from disk, one by one.")
    def reads_its_input_once(self) -> None:
        """The rollouts are read once, as they come."""
        self._select(self._rollouts("asr"))

    @rule("Change nothing of a rollout: copy its list of hypotheses before you sort it.")
    def leaves_its_input_alone(self) -> None:
        """The selection does not change the rollouts that it is given."""
        for task in TASKS:
            rollouts = self._rollouts(task)
            before = [_fields(rollout) for rollout in rollouts]
            self._select(rollouts, task)
            for rollout, fields in zip(rollouts, before, strict=True):
                same = _fields(rollout) == fields
                expect(same, f"it changed the rollout of {rollout.sample.id}")

    @rule("Expect rewards that are None: leave those hypotheses out, or the clip.")
    def takes_unjudged_rollouts(self) -> None:
        """Rollouts without any reward raise nothing, alone and among others."""
        self._select(self._unjudged())
        self._select(self._rollouts("asr") + self._unjudged())

    @rule("Return Selected(()) for no rollouts.")
    def takes_an_empty_cycle(self) -> None:
        """Of an empty cycle the selection keeps nothing."""
        kept = self._select([])
        expect(not kept, f"it keeps {len(kept)} items of no rollouts")

    @rule(
        "Let the options class be an attrs class of plain types; raise ValueError, TypeError or "
        "ConfigError in its validators."
    )
    def refuses_bad_options(self) -> None:
        """Wrong options are a ConfigError that names them."""
        self.check_bad_options()

    @property
    def _selection(self) -> Selection:
        return cast("Selection", self.once("the selection", self.create))

    def _rollouts(self, task: Task) -> list[Rollout]:
        """Return the cycle of the example, or a general one of a task."""
        own = cast("SelectionExample", self.example).rollouts
        return list(own) or self._general(task, REWARDS)

    def _unjudged(self) -> list[Rollout]:
        nothing: list[tuple[float | None, ...]] = [(None,) * len(REWARDS[0])] * 3
        return self._general("asr", nothing, "unjudged")

    def _general(
        self, task: Task, rewards: Sequence[Sequence[float | None]], name: str = "clip"
    ) -> list[Rollout]:
        """Return a rollout for each row of rewards, with as many hypotheses as are needed."""
        rows = [tuple(row) for row in rewards]
        if self._selection.learns_from_references:
            rows = [row[:1] for row in rows]
        else:
            times = math.ceil(self._selection.least_hypotheses / len(rows[0]))
            rows = [row * times for row in rows]
        return [_rollout(f"{name}-{number}", task, row) for number, row in enumerate(rows)]

    def _select(
        self, rollouts: Sequence[Rollout], task: Task = "asr", selection: Selection | None = None
    ) -> Chosen:
        """Have a selection choose, and check that what it returns is a choice of the rollouts."""
        chooses = selection or self._selection
        selected = chooses.select(_Once(rollouts), _context(task))
        expect(isinstance(selected, Selected), f"select returned {type(selected).__name__}")
        if chooses.has_loss:
            expect(isinstance(selected.loss, Loss), f"has_loss, and the loss is {selected.loss!r}")
            expect(selected.divisor == "clips", f"has_loss, and divides by {selected.divisor!r}")
        else:
            expect(selected.loss is None, f"it has no loss, and returned {selected.loss!r}")
        divisor = selected.divisor
        expect(divisor in DIVISORS, f"the divisor is {divisor!r}, not one of {', '.join(DIVISORS)}")
        given = {rollout.sample.id: rollout for rollout in rollouts}
        return sorted(_chosen(item, given, signed=chooses.has_loss) for item in selected.items)


def _context(task: Task) -> SelectionContext:
    return SelectionContext(task=task, seed=1, threshold=0.5, keep_top_percent=50.0)


class _Once:
    """Rollouts that can be gone through once.

    Args:
        rollouts: The rollouts.
    """

    def __init__(self, rollouts: Sequence[Rollout]) -> None:
        self._rest: Sequence[Rollout] | None = rollouts

    def __iter__(self) -> Iterator[Rollout]:
        if self._rest is None:
            raise ContractError("it goes through the rollouts a second time")
        rest, self._rest = self._rest, None
        yield from rest


def _chosen(item: object, given: dict[str, Rollout], *, signed: bool) -> tuple[str, int, float]:
    """Return sample, hypothesis and weight of an item, which must be of the given rollouts."""
    expect(isinstance(item, Kept), f"an item is {type(item).__name__}, not Kept")
    kept = cast("Kept", item)
    rollout = given.get(kept.sample.id)
    if rollout is None or kept.sample is not rollout.sample:
        raise ContractError(f"{kept.sample.id!r} is no sample of the cycle, or a copy of one")
    own = [scored.hypothesis for scored in rollout.hypotheses]
    mine = kept.target.index == REFERENCE or any(kept.target is h for h in own)
    expect(mine, f"the target for {kept.sample.id} is none of its hypotheses")
    weight = kept.weight
    finite = isinstance(weight, Real) and math.isfinite(weight)
    expect(finite and (signed or weight >= 0), f"the weight for {kept.sample.id} is {weight!r}")
    return kept.sample.id, kept.target.index, float(weight)


def _expect_same(these: Chosen, those: Chosen, when: str) -> None:
    same = [item[:2] for item in these] == [item[:2] for item in those]
    expect(same, f"{when} it keeps {_shown(these)} instead of {_shown(those)}")
    for this, that in zip(these, those, strict=True):
        near = math.isclose(this[2], that[2], rel_tol=ROUNDING)
        expect(near, f"{when} the weight for {this[0]} is {this[2]} instead of {that[2]}")


def _shown(chosen: Chosen) -> str:
    return ", ".join(f"{sample}/{index}" for sample, index, _ in chosen) or "nothing"


def _rollout(identity: str, task: Task, rewards: Sequence[float | None]) -> Rollout:
    kind = speech_task(task)
    sample = kind.with_reference(AudioSample(identity), "said 0")
    hypotheses = [
        ScoredHypothesis(_hypothesis(kind, i), {"judge": _score(reward)}, reward)
        for i, reward in enumerate(rewards)
    ]
    return Rollout(sample, 1, hypotheses)


def _score(reward: float | None) -> Score:
    """Return a score with the word errors that go with a reward, which some selections ask for."""
    if reward is None:
        return Score(None)
    errors = {"substitutions": 10 * (1 - reward), "insertions": 0.0, "deletions": 0.0}
    return Score(reward, metrics=errors)


def _hypothesis(task: SpeechTask, index: int) -> Hypothesis:
    if task.generates_speech:
        sound = np.full(80, 0.01 * index, np.float32)
        return Hypothesis(index, audio=sound, sampling_rate=8000)
    said = task.hypothesis(f"said {index}")
    return evolve(said, index=index, logprob=-1.0 - index, tokens=1)


def _fields(rollout: Rollout) -> tuple[Any, ...]:
    """Return what must be the same afterwards; objects by identity."""
    scored = [
        (id(h), id(h.hypothesis), h.reward, [(name, id(s)) for name, s in h.scores.items()])
        for h in rollout.hypotheses
    ]
    return id(rollout.sample), rollout.cycle, scored, dict(rollout.sample.metadata)


@contextmanager
def _generators_seeded(seed: int) -> Iterator[None]:
    """Give the global generators of random numbers another state, and put theirs back."""
    generators = [*of_python.generators(), *of_torch.generators()]
    states = [generator.read() for generator in generators]
    for generator in generators:
        generator.seed(int(keyed_random.generator("contract", seed).integers(2**32)))
    try:
        yield
    finally:
        for generator, state in zip(generators, states, strict=True):
            generator.write(state)
