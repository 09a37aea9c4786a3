"""The manifests: those of the data must be there, and those without transcripts are written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from audioforge.errors import UsageError
from audioforge.files.atomic import write_jsonl
from real_speech.arms import COFFEE, NONNATIVE
from real_speech.plan import Setup

PARTS = {
    NONNATIVE: ("train", "heldout", "test_a", "test_b"),
    COFFEE: ("train", "heldout", "test"),
    "readspeech": ("clean", "other"),
}
TRANSCRIPTS = ("text", "text_raw")
"""Keys of a line that say what is spoken."""


def check(setup: Setup) -> None:
    """Check that every manifest is there, before hours are spent on the first.

    Raises:
        UsageError: Naming those that are not.
    """
    paths = [setup.manifest(corpus, part) for corpus, parts in PARTS.items() for part in parts]
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        raise UsageError(
            f"--data: {', '.join(missing)}: not there; docs/real-whisper.md says how to make them"
        )


def write_unlabelled(setup: Setup) -> None:
    """Write the manifests without transcripts; the sound stays where it is."""
    for corpus, part in ((NONNATIVE, "train"), (COFFEE, "train"), (COFFEE, "heldout")):
        path = setup.unlabelled(corpus, part)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_jsonl(path, _without_transcripts(setup.manifest(corpus, part)))


def _without_transcripts(manifest: Path) -> Iterator[dict[str, Any]]:
    for text in manifest.read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        line["audio_filepath"] = str((manifest.parent / line["audio_filepath"]).resolve())
        yield {key: value for key, value in line.items() if key not in TRANSCRIPTS}
