"""What a checkpoint's files may be, checked before any library opens them.

Transformers opens pickles by more ways than `pytorch_model.bin`: an index of shards may name any
file, anywhere; `transformers_weights` in `config.json` may name one; a low-rank update beside the
model is read too. So the files are looked at first, and only safetensors of the checkpoint's own
folder get through.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from audioforge.errors import CheckpointError, listed
from audioforge.files.checkpoint_files import MAX_JSON_BYTES, check_whole
from audioforge.files.checkpoint_folder import INDEX, LOW_RANK, WEIGHTS
from audioforge.find_adapter import read_config

READ = ("*.json", "*.txt", "*.model", "*.safetensors")
"""Names of the files that may be read."""

HUB_PICKLE = "pytorch_model.bin"
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")

MAX_LAYERS = 1000
MAX_LABELS = 1_000_000
"""Far above any model; a network that can never be built would be built for hours."""

ATTENTION = frozenset({None, "eager", "sdpa", "flash_attention_2", "flash_attention_3"})
"""Other names of attention are code that Transformers downloads and runs."""

FROM_HUGGING_FACE = (
    "import sys; from transformers import {} as Model; "
    "Model.from_pretrained(sys.argv[1]).save_pretrained(sys.argv[1])"
)
FROM_TORCH = (
    "import sys, torch; from safetensors.torch import save_file; "
    'weights = torch.load(sys.argv[1], map_location="cpu", weights_only=True); '
    "weights = {name: weight.clone() for name, weight in weights.items()}; "
    'save_file(weights, sys.argv[2], metadata={"format": "pt"})'
)
"""The conversion of pickled weights. PyTorch's restricted reader, which both use, takes tensors and
refuses code; it has had holes, which is why AudioForge leaves even that to the user."""


def check_files(location: str, folder: Path) -> None:
    """Refuse a checkpoint that would make Transformers unpickle, fetch code, or never end.

    Args:
        location: What the user called the checkpoint, for messages.
        folder: Where its files lie.

    Raises:
        CheckpointError: Naming what is wrong; with the conversion to run where only pickled weights
            are there.
    """
    config = read_config(str(folder))
    _check_config(location, config)
    for path in folder.glob("*.json"):
        if path.is_file() and path.stat().st_size > MAX_JSON_BYTES:
            raise CheckpointError(f"{path}: larger than {MAX_JSON_BYTES:,} bytes; it is damaged")
    for pattern in READ:
        for path in folder.glob(pattern):
            if path.is_file():
                check_whole(path)
    if (folder / LOW_RANK).is_file():
        raise CheckpointError(
            f"{location}: holds a low-rank update ({LOW_RANK}), which is not read. Merge it into "
            f"its model with PEFT's merge_and_unload(), and save that."
        )
    if (folder / WEIGHTS).is_file():
        return
    if (folder / INDEX).is_file():
        _check_index(folder / INDEX)
        return
    raise _without_weights(location, folder, config)


def _check_config(location: str, config: Mapping[str, Any]) -> None:
    for key in ("transformers_weights", "quantization_config"):
        if config.get(key) is not None:
            raise CheckpointError(
                f"{location}: config.json has '{key}'; only plain weights in {WEIGHTS} are read. "
                f"Take the checkpoint that this one was made from."
            )
    for key in ("attn_implementation", "_attn_implementation"):
        value = config.get(key)
        if not (value is None or isinstance(value, str)) or value not in ATTENTION:
            raise CheckpointError(
                f"{location}: config.json asks for '{key}' {value!r:.60}, which may be code from "
                f"elsewhere. Remove the key."
            )
    for key, value in config.items():
        limit = MAX_LABELS if key == "num_labels" else MAX_LAYERS if "layers" in key else None
        if limit is not None and isinstance(value, int | float) and not value <= limit:
            raise CheckpointError(
                f"{location}: config.json says {key} {value:.6g}; no model has more than {limit:,}"
            )


def _check_index(path: Path) -> None:
    try:
        shards = set(json.loads(path.read_text(encoding="utf-8"))["weight_map"].values())
    except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"{path}: cannot be read as an index of shards. Copy or save the checkpoint again."
        ) from error
    for shard in shards:
        plain = isinstance(shard, str) and Path(shard).name == shard and "\\" not in shard
        if not plain or not shard.endswith(".safetensors"):
            raise CheckpointError(
                f"{path}: names the shard {shard!r:.80}; only .safetensors files beside it are "
                f"read. Copy or save the checkpoint again."
            )
    missing = sorted(shard for shard in shards if not (path.parent / shard).is_file())
    if missing:
        raise CheckpointError(
            f"{path}: of {len(shards)} shards that it names {len(missing)} are not there: "
            f"{listed(missing, 5)}. The download was cut off: go on with it, or copy them."
        )


def _without_weights(location: str, folder: Path, config: Mapping[str, Any]) -> CheckpointError:
    """Return the refusal: with a command to run where the weights are pickled."""
    pickled = sorted(p for p in folder.iterdir() if p.suffix in PICKLES and p.is_file())
    if not pickled:
        return CheckpointError(
            f"{location}: there are no weights: neither {WEIGHTS} nor {INDEX}. Copy or save the "
            f"checkpoint again; of one that the hub has as {HUB_PICKLE} only, download all and "
            f"give the folder: the conversion to run is then named."
        )
    for path in pickled:
        if (engine := _engine_of(path)) is not None:
            return CheckpointError(
                f"{location}: {path.name} holds a model for {engine}, which only that engine "
                f"reads. Give the checkpoint that it was made from."
            )
    # The name goes into a command that a person will run, and comes from a stranger's file.
    known = (name for name in config.get("architectures") or () if name.isidentifier())
    architecture = next(known, None)
    if pickled[0].suffix == ".bin" and architecture is not None:
        code, paths = FROM_HUGGING_FACE.format(architecture), [folder]
    else:
        code, paths = FROM_TORCH, [pickled[0], folder / WEIGHTS]
    command = shlex.join(["python", "-c", code, *map(str, paths)])
    return CheckpointError(
        f"{location}: its weights are pickled ({pickled[0].name}), and unpickling can run any "
        f"code, so that they are not read. If you trust their source, convert them once: {command}"
    )


def _engine_of(path: Path) -> str | None:
    """Return the engine that weights were converted for; None of a pickle."""
    with path.open("rb") as file:
        head = file.read(64)
    if head.startswith(b"lmgg"):
        return "whisper.cpp"
    # The version of the format, the length of a name, and the name of what is held.
    is_ctranslate2 = len(head) > 6 and head[6 : 6 + head[4]].rstrip(b"\0").endswith(b"Spec")
    return "CTranslate2" if is_ctranslate2 else None
