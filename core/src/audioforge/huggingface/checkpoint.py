"""Reading and writing checkpoints: plain Hugging Face folders with safetensors."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
from huggingface_hub.utils.tqdm import enable_progress_bars

from audioforge.errors import CheckpointError
from audioforge.files.checkpoint_folder import locate
from audioforge.hub.snapshot import fetch_checkpoint
from audioforge.huggingface.known_keys import check_values
from audioforge.huggingface.library import transformers, without_warnings
from audioforge.huggingface.network_size import check_size
from audioforge.huggingface.portable_files import write_portable_files
from audioforge.huggingface.safe_files import check_files

T = TypeVar("T")


def read_model_config(location: str) -> Any:
    """Read the model's configuration from a local folder or a hub id.

    Raises:
        CheckpointError: If it is missing or damaged, or asks for code of its own.
    """
    # The bars of reading and writing weights, which is quick; and of the hub's.
    transformers.logging.disable_progress_bar()
    if sys.stderr.isatty():
        enable_progress_bars()

    def read(folder: str) -> Any:
        check_files(location, Path(folder))
        check_values(Path(folder))
        return transformers.AutoConfig.from_pretrained(folder, trust_remote_code=False)

    return read_part(location, "config.json", read)


def read_part(location: str, part: str, read: Callable[[str], T]) -> T:
    """Read one part of a checkpoint.

    Args:
        location: A local folder or a hub id.
        part: What it is, for the message, such as "tokenizer files".
        read: Takes the folder of its files, for a low-rank update those of its base model; may
            raise anything.

    Raises:
        CheckpointError: Saying why it cannot be read and how to mend it.
    """
    files = locate(location, fetch_checkpoint).files
    try:
        return read(str(files))
    except CheckpointError:
        raise
    except Exception as error:  # a damaged file makes the libraries raise anything
        raise _unreadable(location, part, error) from error


def read_model(
    location: str, model_class: Any, may_be_new: Sequence[str] = (), **settings: Any
) -> Any:
    """Read a network in float32, from safetensors only; a low-rank update is merged into it.

    Args:
        location: A local folder or a hub id.
        model_class: A Transformers class with `from_pretrained`.
        may_be_new: Prefixes of the names of weights that the checkpoint need not have, or may have
            in another shape.
        settings: What `from_pretrained` is given besides.

    Raises:
        CheckpointError: If the weights are missing, damaged, incomplete or pickled.
    """

    # Files and size are looked at before Transformers allocates what they ask for.
    def read(folder: str) -> tuple[Any, dict[str, Any]]:
        check_files(location, Path(folder))
        check_size(location, Path(folder), model_class, **settings)
        with without_warnings():
            model, report = model_class.from_pretrained(
                folder,
                dtype=torch.float32,
                use_safetensors=True,
                trust_remote_code=False,
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
            f"{location}: {len(missing)} weights are missing or of another shape than config.json "
            f"says, such as {missing[0]}: the file is incomplete or of another model. Copy or save "
            f"the checkpoint again."
        )
    # Everything behind this sees an ordinary checkpoint.
    update = locate(location, fetch_checkpoint).update
    if update is None:
        return model
    from audioforge.huggingface.merge_low_rank import merge_update  # PEFT takes long to import

    return merge_update(model, update)


def write_model(model: Any, state: dict[str, torch.Tensor], processor: Any, folder: Path) -> None:
    """Write a folder that plain Transformers loads, in every version since 4.46.

    Args:
        model: The network; its configuration is written.
        state: The weights to write, by their plain names.
        processor: A feature extractor, or a processor of one and a tokenizer.
        folder: Created when it is not there.

    Raises:
        CheckpointError: If it cannot be written.
    """
    with writing(folder):
        write_network(model, state, folder)
        processor.save_pretrained(folder)
        write_portable_files(processor, folder)


def write_network(model: Any, state: dict[str, torch.Tensor], folder: Path) -> None:
    """Write a network with its configuration, and nothing that goes with it.

    Args:
        model: The network; its configuration is written.
        state: The weights to write, by their plain names.
        folder: Created when it is not there.

    Raises:
        OSError: If it cannot be written.
    """
    with torch.device("meta"):
        plain = type(model)(model.config)
    plain.generation_config = getattr(model, "generation_config", None)
    plain.save_pretrained(folder, state_dict=state)
    for weights in folder.glob("*.safetensors"):  # safetensors 0.8: readable by its owner only
        weights.chmod((folder / "config.json").stat().st_mode)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Say what to do where a checkpoint cannot be written.

    Args:
        folder: Where it is written, for the message.

    Raises:
        CheckpointError: In the place of an OSError.
    """
    try:
        yield
    except OSError as error:
        raise CheckpointError(
            f"{folder}: the checkpoint cannot be written: {error}. Free space or choose another "
            f"folder."
        ) from error


def _unreadable(location: str, part: str, error: Exception) -> CheckpointError:
    """Say why a checkpoint cannot be read and how to mend it."""
    if "custom code" in str(error):
        return CheckpointError(
            f"{location}: its {part} ask for code of their own (auto_map), which is never run. "
            f"Choose a checkpoint that Transformers reads without."
        )
    reason = _first_line(error)
    if "ignore_mismatched_sizes" in reason:
        reason = "they are of another shape than config.json says"
    return CheckpointError(
        f"{location}: cannot read its {part}: {reason}. Copy or save the checkpoint "
        f"again, with model, tokenizer and feature extractor in one folder."
    )


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0].rstrip('.')}" if lines else type(error).__name__
