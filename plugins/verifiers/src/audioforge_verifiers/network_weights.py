"""Weights of a network that a verifier listens with: tensors are read, and nothing else is.

Some are published as a pickle only: it is read with `weights_only=True`, which takes tensors and
refuses everything else.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from audioforge.errors import CheckpointError
from audioforge.inference.finite_numbers import check_weights

State = Mapping[str, torch.Tensor]


def load_weights(
    network: torch.nn.Module,
    path: Path,
    description: str,
    mend: str,
    state_of: Callable[[Any], State] | None = None,
) -> None:
    """Read a file's weights into a network.

    Args:
        network: Of the shape that the file should have.
        path: A file of safetensors, where its name ends so; else a pickle.
        description: What the file should be the weights of, for the message.
        mend: What to give instead, as a sentence.
        state_of: Finds the weights in what was read; None where it is nothing else.

    Raises:
        CheckpointError: If it cannot be read, holds more than tensors, is of another network or
            holds numbers that are none.
    """
    try:
        loaded = _read(path)
        network.load_state_dict(state_of(loaded) if state_of else loaded)
    except pickle.UnpicklingError as error:  # torch's own message advises to unpickle all the same
        raise CheckpointError(
            f"{path}: it is damaged, or holds more than tensors, and that could run code: it is "
            f"not loaded. {mend}"
        ) from error
    except Exception as error:  # a damaged file or foreign weights make torch raise anything
        reason = (str(error).strip().splitlines() or ["no reason given"])[0].rstrip(".:")
        raise CheckpointError(
            f"{path}: cannot be read as the weights of {description}: {type(error).__name__}: "
            f"{reason}. {mend}"
        ) from error
    check_weights(str(path), network)


def _read(path: Path) -> Any:
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)
