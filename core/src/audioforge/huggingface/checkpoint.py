"""Reading and writing checkpoints: plain Hugging Face folders with safetensors."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch

from audioforge.errors import CheckpointError
from audioforge.optional_imports import hide_broken_companions

hide_broken_companions()

from huggingface_hub.utils.tqdm import enable_progress_bars  # noqa: E402
from transformers import AutoConfig  # noqa: E402
from transformers.utils.logging import disable_progress_bar  # noqa: E402

T = TypeVar("T")


def read_model_config(location: str) -> Any:
    """Read the model's configuration from a local folder or a hub id.

    Raises:
        CheckpointError: If it is missing or damaged.
    """
    disable_progress_bar()  # type: ignore[no-untyped-call]  # of reading and writing weights, which is quick; and of the hub's
    if sys.stderr.isatty():
        enable_progress_bars()
    return read_part(location, "config.json", AutoConfig.from_pretrained)


def read_part(location: str, part: str, read: Callable[[str], T]) -> T:
    """Read one part of a checkpoint.

    Args:
        location: A local folder or a hub id.
        part: What it is, for the message, such as "tokenizer files".
        read: Takes the location; may raise anything.

    Raises:
        CheckpointError: Saying why it cannot be read and how to mend it.
    """
    try:
        return read(str(Path(location).expanduser()))
    except Exception as error:  # a damaged file makes the libraries raise anything
        raise _unreadable(location, part, error) from error


def read_model(
    location: str, model_class: Any, may_be_new: Sequence[str] = (), **settings: Any
) -> Any:
    """Read a network in float32, from safetensors only.

    Args:
        location: A local folder or a hub id.
        model_class: A Transformers class with `from_pretrained`.
        may_be_new: Prefixes of the names of weights that the checkpoint need not have, or may have
            in another shape.
        settings: For `from_pretrained`.

    Raises:
        CheckpointError: If the weights are missing, damaged, incomplete or pickled.
    """

    def read(name: str) -> tuple[Any, dict[str, Any]]:
        model, report = model_class.from_pretrained(
            name,
            dtype=torch.float32,
            use_safetensors=True,
            output_loading_info=True,
            **settings,
        )
        return model, report

    model, report = read_part(location, "weights", read)
    # Weights of another shape are an error of their own unless `settings` says to ignore them.
    absent = {*report["missing_keys"], *(name for name, *_ in report["mismatched_keys"])}
    missing = sorted(name for name in absent if not name.startswith(tuple(may_be_new)))
    if missing:
        raise CheckpointError(
            f"{location}: {len(missing)} weights are missing or of another shape, such as "
            f"{missing[0]}: the file is incomplete or of another model. Copy or save the "
            f"checkpoint again."
        )
    return model


def write_model(
    model: Any, state: dict[str, torch.Tensor], processors: Sequence[Any], folder: Path
) -> None:
    """Write a folder that plain Transformers loads.

    Args:
        model: The network; its configuration is written.
        state: The weights to write, by their plain names.
        processors: Tokenizer, feature extractor, or a processor of both.
        folder: Created when it is not there.

    Raises:
        CheckpointError: If it cannot be written.
    """
    try:
        with torch.device("meta"):
            plain = type(model)(model.config)
        plain.generation_config = getattr(model, "generation_config", None)
        plain.save_pretrained(folder, state_dict=state)
        for weights in folder.glob("*.safetensors"):  # safetensors 0.8: readable by its owner only
            weights.chmod((folder / "config.json").stat().st_mode)
        for processor in processors:
            processor.save_pretrained(folder)
    except OSError as error:
        raise CheckpointError(
            f"{folder}: the checkpoint cannot be written: {error}. Free space or choose another "
            f"folder."
        ) from error


def _unreadable(location: str, part: str, error: Exception) -> CheckpointError:
    """Say why a checkpoint cannot be read and how to mend it."""
    folder = Path(location).expanduser()
    if not folder.exists():
        return CheckpointError(
            f"{location}: there is no such folder, and the hub did not provide it: "
            f"{_first_line(error)}. Check the spelling, and the network for a hub id."
        )
    if part == "weights" and _only_pickled(folder):
        return CheckpointError(
            f"{location}: its weights are pickled (pytorch_model.bin), and unpickling can run any "
            f"code. If you trust it, load it once with Transformers and write it back with "
            f"save_pretrained, which writes model.safetensors."
        )
    return CheckpointError(
        f"{location}: cannot read its {part}: {_first_line(error)}. Copy or save the checkpoint "
        f"again, with model, tokenizer and feature extractor in one folder."
    )


def _only_pickled(folder: Path) -> bool:
    return not any(folder.glob("*.safetensors*")) and any(folder.glob("*.bin*"))


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0].rstrip('.')}" if lines else type(error).__name__
