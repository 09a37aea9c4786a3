"""Into the object store, from which workers on every node take it."""

from __future__ import annotations

from typing import TypeVar

import ray
from ray import ObjectRef
from ray.exceptions import ObjectStoreFullError, OutOfDiskError

from audioforge.errors import TrainingError, describe

T = TypeVar("T")


def put(value: T, what: str) -> ObjectRef[T]:
    """Put a value into the object store.

    Args:
        value: What is sent.
        what: How a message calls it.

    Raises:
        TrainingError: If it cannot be sent.
    """
    try:
        return ray.put(value)
    except (TypeError, AttributeError) as error:
        raise TrainingError(
            f"{what} cannot be sent to the workers: {describe(error)}. Metadata of samples and the "
            f"loss of a selection must be plain values; mend the plugin that they are of, or train "
            f"with another --executor."
        ) from error
    except (ObjectStoreFullError, OutOfDiskError) as error:
        raise TrainingError(
            f"{what} cannot be sent to the workers: Ray's object store is full, and the disk to "
            f"which it moves what does not fit ({describe(error)}). Free space in Ray's temporary "
            f"folder (/tmp/ray unless `ray start` was told otherwise), or start the cluster with a "
            f"larger --object-store-memory, and go on."
        ) from error
