"""The demo's corpora as the dataset `demo`."""

from __future__ import annotations

import attrs

from audioforge.dataset import Dataset, DatasetRequest
from audioforge.errors import DatasetError, did_you_mean
from audioforge_datasets.manifest import Manifest
from audioforge_demo import assets

SPLITS = {
    "train": assets.target_train,
    "heldout": assets.target_heldout,
    "source": assets.source_heldout,
    "commands-train": assets.commands_train,
    "commands-heldout": assets.commands_heldout,
    "commands-source": assets.commands_source,
    "voice-train": assets.voice_train,
    "voice-heldout": assets.voice_heldout,
}


def demo_dataset(request: DatasetRequest) -> Dataset:
    """Return the split that is asked for; "train" by default.

    Raises:
        DatasetError: If there is no such split.
    """
    split = request.split or "train"
    if split not in SPLITS:
        raise DatasetError(f"demo: there is no split '{split}'. {did_you_mean(split, SPLITS)}")
    return Manifest(attrs.evolve(request, location=str(SPLITS[split]()), split=None))
