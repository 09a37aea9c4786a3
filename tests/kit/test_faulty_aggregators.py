"""The contract tests find what is wrong in aggregators that are right but for one thing."""

import pytest


@pytest.mark.sweep(4)
@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("            return None", "            return 0.0", {"abstains_when_nothing_judges"}),
        (
            "sum(weight for _, weight in judged)",
            "sum(weights.values())",
            {"abstaining_takes_no_part"},
        ),
        ("min(1.0, total", "(2 * total", {"is_a_reward"}),
        (
            "return min(1.0, total",
            "return judged[0][0] or min(1.0, total",
            {"order_does_not_matter"},
        ),
        (
            "return min(1.0, total",
            "self._calls = getattr(self, '_calls', 0) + 1\n"
            "        return min(1.0, 1 / self._calls * total",
            {"is_deterministic"},
        ),
        (
            "        if not judged:",
            "        weights.clear()\n        if not judged:",
            {"is_a_reward"},
        ),
        ("(RewardAggregator):", "(RewardAggregator):\n    requires = 'wer'\n", {"requires_ids"}),
        (
            "        if not judged:",
            "        sum(scores[name].reward for name in scores)\n        if not judged:",
            {"abstaining_takes_no_part", "abstains_when_nothing_judges"},
        ),
        ("return min(1.0, total", "return 0.5 or min(1.0, total", {"judges_something"}),
        (
            "        if not judged:",
            "        for score in scores.values():\n            score.metrics['seen'] = 1.0\n"
            "        if not judged:",
            {"is_a_reward"},
        ),
        ("(RewardAggregator):", ":\n    requires = ()\n", {"is_an_aggregator"}),
        (
            "validator=[ge(0), le(1)]",
            "validator=lambda i, a, v: None if 0 <= v <= 1 else {}[v]",
            {"refuses_bad_options"},
        ),
    ],
)
def test_aggregators(broken_rules, old, new, expected):
    assert expected <= broken_rules("aggregator", "aggregator.py", old, new)
