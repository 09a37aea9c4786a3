"""What Transformers imports and speech models never call comes in when it is called."""

import subprocess
import sys

import pytest

from audioforge.huggingface.late_functions import imported_when_called

SOLVE = """
import sys

import pytest
from audioforge.huggingface.library import transformers
from transformers.loss.loss_for_object_detection import linear_sum_assignment

assert "scipy" not in sys.modules and "scipy.optimize" not in sys.modules
assert [list(x) for x in linear_sum_assignment([[4.0, 1.0], [2.0, 3.0]])] == [[0, 1], [1, 0]]

import scipy.optimize

assert linear_sum_assignment is not scipy.optimize.linear_sum_assignment
assert scipy.optimize.linear_sum_assignment.__module__.startswith("scipy")
assert abs(scipy.optimize.minimize_scalar(lambda x: (x - 2) ** 2).x - 2) < 1e-6
"""


@pytest.mark.soak
def test_users_of_object_detection_and_of_scipy_get_the_true_ones():
    done = subprocess.run(
        [sys.executable, "-c", SOLVE], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_another_name_imports_the_module_at_once(monkeypatch):
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    with imported_when_called("colorsys", "rgb_to_hsv"):
        from colorsys import rgb_to_hsv

        assert not hasattr(sys.modules["colorsys"], "__file__")
        from colorsys import hsv_to_rgb

        assert hsv_to_rgb.__code__.co_filename == sys.modules["colorsys"].__file__
    assert rgb_to_hsv(1, 0, 0) == (0, 1, 1)
    assert hsv_to_rgb(0, 1, 1) == (1, 0, 0)


def test_what_is_imported_or_not_installed_is_left_alone():
    known = sys.modules["subprocess"]
    with (
        imported_when_called("subprocess", "run"),
        imported_when_called("no_such_library.of_anyone", "anything"),
    ):
        assert sys.modules["subprocess"] is known
        assert "no_such_library.of_anyone" not in sys.modules
