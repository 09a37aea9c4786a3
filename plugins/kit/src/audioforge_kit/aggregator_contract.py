"""What every reward aggregator must do: `audioforge.reward.RewardAggregator` in rules."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from copy import deepcopy
from itertools import product
from numbers import Real
from typing import cast

from audioforge.reward import RewardAggregator
from audioforge.sample import Score
from audioforge_kit.contract import Contract, ContractError, expect, rule
from audioforge_kit.examples import AggregatorExample
from audioforge_kit.scores import ABSOLUTE, RELATIVE

REWARDS = (0.0, 1e-12, 0.3, 0.3, 1.0)
WEIGHTS = (1e-9, 0.5, 1.0, 1e6)
Given = tuple[Mapping[str, Score], Mapping[str, float]]


class AggregatorContract(Contract):
    """The rules of a reward aggregator."""

    kind = "aggregator"
    example_class = AggregatorExample

    @rule("Let the factory return an instance of audioforge.reward.RewardAggregator.")
    def is_an_aggregator(self) -> None:
        """The factory, called with the options, returns a RewardAggregator."""
        created = self.create()
        expect(isinstance(created, RewardAggregator), f"it returned {type(created).__name__}")

    @rule("Let `requires` be a tuple of ids of verifiers.")
    def requires_ids(self) -> None:
        """The verifiers that it requires are named as texts."""
        required = self.create().requires
        fits = isinstance(required, tuple) and all(isinstance(i, str) and i for i in required)
        expect(fits, f"requires is {required!r}")

    @rule("Clip the result, and divide by the weights that took part, not by those of all.")
    def is_a_reward(self) -> None:
        """Whatever the scores and weights, the result is in [0, 1], or None."""
        for scores, weights in self._combinations():
            self._aggregate(scores, weights)

    @rule("Let the scores decide: better ones for another reward.")
    def judges_something(self) -> None:
        """Different scores make different rewards."""
        rewards = {self._aggregate(*given) for given in self._combinations()} - {None}
        expect(len(rewards) > 1, f"every reward is {rewards or None}")

    @rule("Return None, not 0, when nothing could judge.")
    def abstains_when_nothing_judges(self) -> None:
        """When no score has a reward, neither has the hypothesis."""
        for names in ((), ("a",), ("a", "b")):
            scores = dict.fromkeys((*names, *self._required), Score(None))
            reward = self._aggregate(scores, dict.fromkeys(scores, 1.0))
            expect(reward is None, f"it gave {reward} where every score is None")

    @rule("Leave out a score whose reward is None, with its weight.")
    def abstaining_takes_no_part(self) -> None:
        """A verifier that cannot judge changes nothing."""
        for scores, weights in self._combinations():
            without = self._aggregate(scores, weights)
            abstaining = {**scores, "abstains": Score(None)}
            reward = self._aggregate(abstaining, {**weights, "abstains": 2.0})
            _expect_equal(reward, without, scores, "with a verifier that abstains", "without")

    @rule("Do not let the result depend on which verifier comes first.")
    def order_does_not_matter(self) -> None:
        """The order of the verifiers does not matter."""
        for scores, weights in self._combinations():
            backwards = (
                {n: scores[n] for n in reversed([*scores])},
                {n: weights[n] for n in reversed([*weights])},
            )
            reward = self._aggregate(*backwards)
            _expect_equal(reward, self._aggregate(scores, weights), scores, "backwards", "forwards")

    @rule("Keep nothing between calls, and draw no random numbers.")
    def is_deterministic(self) -> None:
        """The same scores give the same reward, also from a new instance."""
        other = self.create()
        for scores, weights in self._combinations():
            first = self._aggregate(scores, weights)
            again = self._aggregate(scores, weights)
            _expect_equal(again, first, scores, "the second time", "the first time")
            _expect_equal(
                other.aggregate(scores, weights), first, scores, "from a new instance", "before"
            )

    @rule(
        "Let the options class be an attrs class of plain types; raise ValueError, TypeError or "
        "ConfigError in its validators."
    )
    def refuses_bad_options(self) -> None:
        """Wrong options are a ConfigError that names them."""
        self.check_bad_options()

    @property
    def _aggregator(self) -> RewardAggregator:
        return cast("RewardAggregator", self.once("the aggregator", self.create))

    @property
    def _required(self) -> tuple[str, ...]:
        return tuple(self._aggregator.requires)

    def _aggregate(self, scores: Mapping[str, Score], weights: Mapping[str, float]) -> float | None:
        given = deepcopy((dict(scores), dict(weights)))
        reward = self._aggregator.aggregate(scores, weights)
        if (dict(scores), dict(weights)) != given:
            raise ContractError("it changed the scores or weights that it was given")
        fits = reward is None or (isinstance(reward, Real) and 0 <= reward <= 1)
        expect(fits, f"it gave {reward!r} for {_shown(scores)} with weights {dict(weights)}")
        return reward

    def _combinations(self) -> Iterator[Given]:
        """Yield scores and weights of up to three verifiers, and of those that it requires."""
        required = {name: Score(1.0, passed=True) for name in self._required}
        for count in (1, 2, 3):
            names = "abc"[:count]
            for number, rewards in enumerate(product(REWARDS, repeat=count)):
                scores = {n: Score(r, passed=r > 0.2) for n, r in zip(names, rewards, strict=True)}
                weights = {n: WEIGHTS[(number + i) % len(WEIGHTS)] for i, n in enumerate(names)}
                yield {**required, **scores}, {**dict.fromkeys(required, 0.0), **weights}
        for name in required:  # one that fails, one that cannot judge, and those alone
            weights = {**dict.fromkeys(required, 0.0), "a": 1.0}
            for score in (Score(0.0, passed=False), Score(None)):
                yield {**required, "a": Score(0.7), name: score}, weights
            yield {**required, "a": Score(None)}, weights


def _expect_equal(
    this: float | None, that: float | None, scores: Mapping[str, Score], here: str, there: str
) -> None:
    same = this is that or (
        this is not None
        and that is not None
        and math.isclose(this, that, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
    )
    expect(same, f"{here} {this}, {there} {that}, for {_shown(scores)}")


def _shown(scores: Mapping[str, Score]) -> str:
    return ", ".join(f"{name} {score.reward}" for name, score in scores.items())
