"""Finding the adapter for a checkpoint by what its `config.json` says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from audioforge.errors import CheckpointError, PluginError
from audioforge.files.checkpoint_files import read_object
from audioforge.files.checkpoint_folder import LOW_RANK, locate
from audioforge.hub.snapshot import fetch
from audioforge.isolation.global_state.restored import global_state_restored
from audioforge.model import TASKS, LoadOptions, ModelAdapter, Task
from audioforge.plugins import Registry, import_factory, import_object
from audioforge.specs import Limits, ModelSpec, Provided

MAX_CONFIG_BYTES = 16 * 2**20
"""A classifier of 4,000 languages has 0.2 MB."""

SMALL_FILES = (
    *("config.json", LOW_RANK, "preprocessor_config.json", "processor_config.json"),
    *("vocab.json", "tokenizer_config.json"),
)
"""What says of a checkpoint on the hub what it can take."""


def load_adapter(
    registry: Registry,
    checkpoint: str,
    task: Task,
    options: LoadOptions,
    adapter: str | None = None,
) -> ModelAdapter:
    """Load a checkpoint with the adapter that serves it.

    Args:
        registry: What is installed.
        checkpoint: A local folder or a hub id.
        task: What the model is for.
        options: Passed to the adapter.
        adapter: Name of an adapter to use whatever the checkpoint says.

    Raises:
        CheckpointError: If the checkpoint cannot be read, or holds weights that are not numbers.
        PluginError: If no installed adapter serves it.
    """
    if adapter is not None:
        provided = registry.find("models", adapter)
    else:
        provided = choose_adapter(registry, checkpoint, task)
    factory = cast("Any", import_factory(provided))
    with global_state_restored(f"the model adapter '{provided.full_name}'"):
        loaded = cast("ModelAdapter", factory.load(checkpoint, options))
    from audioforge.inference.finite_numbers import check_weights  # imports torch

    check_weights(checkpoint, loaded.module)
    return loaded


def choose_adapter(registry: Registry, checkpoint: str, task: Task) -> Provided:
    """Return the specification of the adapter for a checkpoint, by the config.json that it has.

    Raises:
        CheckpointError: If the checkpoint cannot be read.
        PluginError: If no installed adapter serves it; without any for the task, the hub is not
            asked.
    """
    if not registry.all("models"):
        raise PluginError(
            f"{checkpoint}: no model adapter is installed.{registry.why_missing('models')}"
        )
    specs = [cast("ModelSpec", provided.spec) for provided in registry.all("models")]
    if task not in {serves.task for spec in specs for serves in spec.serves}:
        raise PluginError(
            f"{checkpoint}: no installed model adapter is for task {task}; install a plugin that "
            f"brings one. Installed: {', '.join(registry.names('models'))}."
        )
    return find_adapter(registry, checkpoint, task, read_config(checkpoint))


def find_adapter(
    registry: Registry, checkpoint: str, task: Task, config: dict[str, Any]
) -> Provided:
    """Return the specification of the adapter that serves a checkpoint for a task.

    Raises:
        PluginError: If there is none, saying what the checkpoint is and what is installed.
    """
    model_type = config.get("model_type")
    architectures = tuple(config.get("architectures") or ())
    serving = list(_serving(registry, config))
    found = [provided for provided, served in serving if served == task]
    if len({p.full_name for p in found}) > 1:
        names = ", ".join(sorted({p.full_name for p in found}))
        raise PluginError(f"{checkpoint}: {names} all serve it: choose one with --adapter")
    if found:
        return found[0]
    what = f"model_type '{model_type}', architectures {', '.join(architectures) or 'not stated'}"
    if serving:
        others = ", ".join(sorted({served for _, served in serving}))
        raise PluginError(f"{checkpoint} ({what}) is a model for {others}, not for {task}")
    names = ", ".join(registry.names("models")) or "none"
    raise PluginError(
        f"{checkpoint}: no installed adapter serves {what} for {task}. Installed: {names}."
        f"{registry.why_missing('models')}"
    )


def served_tasks(registry: Registry, config: dict[str, Any]) -> set[Task]:
    """Return the tasks that installed adapters serve a checkpoint for; empty where none does."""
    return {task for _, task in _serving(registry, config)}


def read_limits(registry: Registry, checkpoint: str) -> Limits | None:
    """Return what a checkpoint can take, without loading it; None where its adapter does not say.

    A model that can be used for several tasks counts as one for the first of `TASKS`: a classifier
    can be made of any recogniser.

    Raises:
        CheckpointError: If the checkpoint cannot be read.
        PluginError: If no installed adapter serves it.
    """
    config = read_config(checkpoint)
    serving = sorted(_serving(registry, config), key=lambda served: TASKS.index(served[1]))
    if not serving:
        names = ", ".join(registry.names("models")) or "none"
        raise PluginError(
            f"{checkpoint}: no installed adapter serves model_type '{config.get('model_type')}'. "
            f"Installed: {names}.{registry.why_missing('models')}"
        )
    provided, _ = serving[0]
    named = cast("ModelSpec", provided.spec).limits
    if named is None:
        return None
    folder = locate(checkpoint, lambda model: fetch(model, SMALL_FILES)).files
    with global_state_restored(f"the model adapter '{provided.full_name}'"):
        return cast("Limits", import_object(provided, named)(config, folder))


def _serving(registry: Registry, config: dict[str, Any]) -> Iterator[tuple[Provided, Task]]:
    """Yield every adapter that serves a checkpoint, with the task."""
    architectures = set(config.get("architectures") or ())
    for provided in registry.all("models"):
        for serves in cast("ModelSpec", provided.spec).serves:
            has_one = not architectures or architectures & set(serves.architectures)
            if serves.model_type == config.get("model_type") and has_one:
                yield provided, serves.task


def read_config(checkpoint: str) -> dict[str, Any]:
    """Return a checkpoint's `config.json`, from its folder or the hub; of an update, its model's.

    Raises:
        CheckpointError: If there is none, or it does not say what model it is as JSON can.
    """
    path = locate(checkpoint, _from_hub).files / "config.json"
    if not path.is_file():
        raise CheckpointError(
            f"{checkpoint}: the folder has no config.json, so it is not a checkpoint in Hugging "
            f"Face layout. Give a folder that save_pretrained wrote."
        )
    config = read_object(path, MAX_CONFIG_BYTES)
    _check_identity(path, config)
    return config


def _check_identity(path: Path, config: dict[str, Any]) -> None:
    """Check the types of what says which model it is."""
    if not isinstance(config.get("model_type"), str | None):
        raise CheckpointError(f"{path}: model_type must be text")
    architectures = config.get("architectures")
    if not isinstance(architectures, list | None) or not all(
        isinstance(name, str) for name in architectures or ()
    ):
        raise CheckpointError(f"{path}: architectures must be a list of names")


def _from_hub(checkpoint: str) -> Path:
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    try:
        validate_repo_id(checkpoint)
    except HFValidationError as error:
        raise _not_a_checkpoint(checkpoint) from error
    if "/" not in checkpoint:  # the hub's few ids without an owner are no speech models
        raise _not_a_checkpoint(checkpoint)
    return fetch(checkpoint, ["config.json", LOW_RANK])


def _not_a_checkpoint(checkpoint: str) -> CheckpointError:
    return CheckpointError(
        f"{checkpoint}: there is no such folder, and it is not a hub id of the form owner/name, "
        f"such as 'openai/whisper-tiny'"
    )
