"""What a voice's draws leave to choose from, and whether what one recogniser chooses is better."""

from pathlib import Path

import numpy as np
from voice_draws import Heard, agreement, named, summary


def test_one_draw_the_best_and_texts_without_spread():
    words = np.array([[0.0, 1.0], [0.5, 0.5]])
    assert [*summary(words)] == ["50.0 %", "75.0 %", "25.0 %", "50.0 %", "50 %"]


def test_what_one_chooses_is_heard_by_all_and_of_equals_each_counts_in_part():
    by_name = {
        "a": Heard(np.array([[1.0, 0.0, 0.0]]), np.array([[0.1, 0.9, 0.2]])),
        "b": Heard(np.array([[0.0, 0.75, 0.75]]), np.array([[0.5, 0.1, 0.5]])),
    }
    *_, any_draw, by_a, by_b, likeliest_by_a, likeliest_by_b = agreement(by_name)
    assert any_draw == "| any | 33.3 % | 50.0 % |"
    assert by_a == "| the best by a | 100.0 % | 0.0 % |"
    assert by_b == "| the best by b | 0.0 % | 75.0 % |"
    assert likeliest_by_a == "| the likeliest by a | 0.0 % | 75.0 % |"
    assert likeliest_by_b == "| the likeliest by b | 50.0 % | 37.5 % |"


def test_two_folders_of_one_name_are_told_apart():
    two = [Path("x/best"), Path("y/best")]
    assert named(two) == {"x/best": two[0], "y/best": two[1]}
    assert list(named([Path("x/one"), Path("y/two")])) == ["one", "two"]
