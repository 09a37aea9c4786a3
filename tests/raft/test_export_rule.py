"""Which model is exported."""

import numpy as np
import pytest

from audioforge.measuring.corpus_metrics import MeasuredMetric
from audioforge.measuring.evaluation import EvaluatedItem, Evaluation
from audioforge.raft.export_rule import Candidate, best_cycle, choose
from audioforge.verifier import CorpusMetric

WER = CorpusMetric("wer", ("errors",), "words", higher_is_better=False)
ACCURACY = CorpusMetric("accuracy", ("errors",), "words", higher_is_better=True)


def evaluation(errors, metric=WER) -> Evaluation:
    items = [
        EvaluatedItem({"id": f"{i:03d}"}, {"v": {"errors": float(e), "words": 10.0}}, 1.0)
        for i, e in enumerate(errors)
    ]
    return Evaluation("set", items, {metric.name: MeasuredMetric("v", metric)}, 1.0)


def errors(mean: float, seed: int = 0) -> np.ndarray:
    """Errors of 100 utterances of 10 words."""
    return np.random.default_rng(seed).binomial(10, mean, 100)


def candidate(held_out, cycle=1, alpha=1.0, metric=WER, **retention) -> Candidate:
    sets = {name: evaluation(row, metric) for name, row in retention.items()}
    return Candidate(cycle, alpha, evaluation(held_out, metric), sets)


def test_a_clear_gain_is_exported():
    base, tuned = candidate(errors(0.5), 0, 0.0), candidate(errors(0.2))
    choice = choose(base, [tuned], [tuned])
    assert (choice.winner, choice.improved) == (tuned, True)
    assert choice.difference[0] < choice.difference[1] < 0
    assert "WER is better than the base's outside the 95 % interval" in choice.reason


def test_no_gain_leaves_the_base():
    base = candidate(errors(0.3), 0, 0.0)
    cycles = [candidate(errors(0.3, seed), seed) for seed in range(1, 4)]
    choice = choose(base, cycles, [best_cycle(cycles)])
    assert choice.improved is False
    assert choice.difference[1] >= 0
    assert "the base model stays" in choice.reason


def test_a_loss_is_never_exported():
    base, worse = candidate(errors(0.2), 0, 0.0), candidate(errors(0.5))
    choice = choose(base, [worse], [worse])
    assert choice.improved is False
    assert choice.difference[0] > 0


def test_where_higher_is_better_the_rule_turns_round():
    base = candidate(errors(0.5), 0, 0.0, ACCURACY, old=errors(0.8, 9))
    better = candidate(errors(0.8), 1, 1.0, ACCURACY, old=errors(0.8, 9))
    assert choose(base, [better], [better]).improved is True
    worse = candidate(errors(0.2), 1, 1.0, ACCURACY, old=errors(0.8, 9))
    assert choose(base, [worse], [worse]).improved is False
    forgets = candidate(errors(0.9), 1, 1.0, ACCURACY, old=errors(0.4, 9))
    assert forgets.lost(base) == ["old"]
    assert choose(base, [forgets], [forgets]).winner is None


def test_what_forgets_outside_the_interval_is_passed_over():
    old = errors(0.2, 5)
    base = candidate(errors(0.5), 0, 0.0, old=old)
    half = candidate(errors(0.3), 1, 0.5, old=old)
    full = candidate(errors(0.1), 1, 1.0, old=errors(0.4, 6))
    choice = choose(base, [full], [half, full])
    assert (choice.winner, choice.improved) == (half, True)
    described = full.describe(base)
    assert (described["lost"], described["admissible"]) == (["old"], False)
    assert described["retention"]["old"]["difference_ci95"][0] > 0
    assert half.describe(base)["admissible"] is True


def test_a_loss_inside_the_interval_is_no_loss():
    old = errors(0.2, 5)
    slightly = old.copy()
    slightly[:2] += 1
    base = candidate(errors(0.5), 0, 0.0, old=old)
    tuned = candidate(errors(0.2), 1, 1.0, old=slightly)
    assert tuned.evaluation.value() < base.evaluation.value()
    assert tuned.lost(base) == []
    assert choose(base, [tuned], [tuned]).improved is True


def test_every_retention_set_counts():
    old = errors(0.2, 5)
    base = candidate(errors(0.5), 0, 0.0, first=old, second=old)
    tuned = candidate(errors(0.1), first=old, second=errors(0.5, 6))
    choice = choose(base, [tuned], [tuned])
    assert (choice.winner, choice.improved) == (None, False)
    assert choice.reason.startswith("every candidate is worse than the base on second:")


def test_of_equal_candidates_the_larger_alpha_wins():
    base = candidate(errors(0.5), 0, 0.0)
    line = [candidate(errors(0.2), 3, alpha) for alpha in (0.25, 0.75, 1.0, 0.5)]
    assert choose(base, [line[2]], line).winner.alpha == 1.0


def test_the_best_cycle_is_the_earliest_of_the_best():
    cycles = [candidate(errors(rate), n) for n, rate in enumerate((0.4, 0.2, 0.2, 0.3), 1)]
    assert best_cycle(cycles).cycle == 2


def test_the_choice_among_cycles_makes_the_interval_wider_than_no_choice():
    draw = np.random.default_rng(3)
    base_errors = errors(0.5)
    base = candidate(base_errors, 0, 0.0)
    cycles = [
        candidate(np.clip(base_errors + draw.integers(-2, 2, 100), 0, 10), n) for n in range(1, 7)
    ]
    best = best_cycle(cycles)
    among_all = choose(base, cycles, [best])
    alone = choose(base, [best], [best])
    assert among_all.winner is alone.winner
    assert among_all.difference[1] > alone.difference[1]


@pytest.mark.parametrize("gain", [0, 1])
def test_a_candidate_knows_its_difference_to_the_base(gain):
    base = candidate(errors(0.5) + gain, 0, 0.0)
    described = candidate(errors(0.5)).describe(base)
    assert described["difference_ci95"] == pytest.approx([-gain / 10] * 2)
    assert described["n"] == 100
