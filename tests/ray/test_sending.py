"""What cannot be sent to the workers is told with what to do."""

from __future__ import annotations

import pytest

pytest.importorskip("ray", reason="needs audioforge-ray, which brings Ray")

import ray
from ray.exceptions import ObjectStoreFullError, OutOfDiskError

from audioforge.errors import TrainingError
from audioforge_ray.sending import put


@pytest.mark.parametrize(
    ("error", "mend"),
    [
        (TypeError("cannot pickle 'module' object"), "mend the plugin"),
        (ObjectStoreFullError("full"), "larger --object-store-memory"),
        (OutOfDiskError("no space left"), "Free space in Ray's temporary folder"),
    ],
)
def test_what_cannot_be_sent_is_named_with_what_to_do(monkeypatch, error, mend):
    def refuse(value):
        raise error

    monkeypatch.setattr(ray, "put", refuse)
    with pytest.raises(TrainingError, match=f"the corpus cannot be sent.*{mend}"):
        put([1], "the corpus")
