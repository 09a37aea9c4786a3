"""What a voice's draws leave to choose from, and whether what one recogniser chooses is better."""

import numpy as np
from voice_draws import agreement, summary


def test_one_draw_the_best_and_texts_without_spread():
    rewards = np.array([[0.0, 1.0], [0.5, 0.5]])
    assert [*summary(rewards)] == ["50.0 %", "75.0 %", "25.0 %", "50.0 %", "50 %"]


def test_what_one_chooses_is_heard_by_all_and_of_equals_each_counts_in_part():
    heard = {"a": np.array([[1.0, 0.0, 0.0]]), "b": np.array([[0.0, 0.75, 0.75]])}
    *_, any_draw, by_a, by_b = agreement(heard)
    assert any_draw == "| any | 33.3 % | 50.0 % |"
    assert by_a == "| the best by a | 100.0 % | 0.0 % |"
    assert by_b == "| the best by b | 0.0 % | 75.0 % |"
