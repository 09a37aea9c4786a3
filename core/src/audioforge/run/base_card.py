"""What a checkpoint's own card says of it: the hub's metadata at the head of its `README.md`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from attrs import frozen

from audioforge.errors import CheckpointError
from audioforge.files.checkpoint_folder import locate
from audioforge.files.paths import is_folder
from audioforge.hub.snapshot import fetch_checkpoint

CARD = "README.md"
MAX_BYTES = 2**20

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
LICENCE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,60}")
"""A licence's name, as the hub writes it."""


@frozen(kw_only=True)
class BaseCard:
    """What is known of a base model.

    Attributes:
        id: Its id on the hub; of a local folder that of the model that it says it was made from.
            None where neither is known.
        is_local: Whether it was a local folder.
        licence: The licence's name, as the hub writes it; None where no card states it.
    """

    id: str | None
    is_local: bool
    licence: str | None


def base_card(checkpoint: str) -> BaseCard:
    """Return what is known of a checkpoint without asking the hub for more than its files.

    Args:
        checkpoint: A local folder or a hub id, which was loaded before.
    """
    is_local = is_folder(Path(checkpoint).expanduser())
    try:
        known = metadata(locate(checkpoint, fetch_checkpoint).files / CARD)
    except CheckpointError:  # its folder was moved since it was loaded
        known = {}
    made_from = known.get("base_model") if is_local else checkpoint
    licence = known.get("license")
    return BaseCard(
        id=made_from if isinstance(made_from, str) and HUB_ID.fullmatch(made_from) else None,
        is_local=is_local,
        licence=licence if isinstance(licence, str) and LICENCE.fullmatch(licence) else None,
    )


def metadata(path: Path) -> Mapping[str, Any]:
    """Return the metadata of a card; nothing where there is none that can be read."""
    try:
        if path.stat().st_size > MAX_BYTES:
            return {}
        lines = path.read_text(encoding="utf-8").splitlines()
        if not lines or lines[0] != "---":
            return {}
        content = yaml.safe_load("\n".join(lines[1 : lines.index("---", 1)]))
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
