"""The contract tests find what is wrong in selections that are right but for one thing."""

import pytest

BEST = "return Kept(rollout.sample, best, advantage) if advantage > self._margin else None"


@pytest.mark.sweep(4)
@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("(Selection):", ":", {"is_a_selection"}),
        ("ClassVar[int] = 2", "ClassVar[int] = 0", {"is_a_selection"}),
        (BEST, "return None", {"keeps_something"}),
        ("best, advantage)", "best, -advantage)", {"says_weights_and_divisor"}),
        ("best, advantage)", "best, math.nan)", {"says_weights_and_divisor"}),
        ("Selected(kept)", "Selected(kept, 'steps')", {"says_weights_and_divisor"}),
        (
            "Kept(rollout.sample, best",
            "Kept(__import__('attrs').evolve(rollout.sample), best",
            {"keeps_what_was_sampled"},
        ),
        (
            "Kept(rollout.sample, best",
            "Kept(rollout.sample, __import__('attrs').evolve(best, text='other')",
            {"keeps_what_was_sampled"},
        ),
        ("Selected(kept)", "Selected(kept[:1])", {"order_does_not_matter"}),
        (
            "return Selected(kept)",
            "self._at = getattr(self, '_at', -1) + 1\n        return Selected(kept[self._at:])",
            {"holds_nothing"},
        ),
        (
            "advantage > self._margin",
            "advantage > __import__('random').random()",
            {"is_deterministic"},
        ),
        ("kept = [", "list(rollouts)\n        kept = [", {"reads_its_input_once"}),
        (
            "judged = [",
            "rollout.hypotheses.sort(key=lambda h: h.reward or 0)\n        judged = [",
            {"leaves_its_input_alone"},
        ),
        ("if not judged:", "if judged is None:", {"takes_unjudged_rollouts"}),
        ("Selected(kept)", "Selected([kept[0], *kept[1:]])", {"takes_an_empty_cycle"}),
    ],
)
def test_selections(broken_rules, old, new, expected):
    assert expected <= broken_rules("selection", "selection.py", old, new)
