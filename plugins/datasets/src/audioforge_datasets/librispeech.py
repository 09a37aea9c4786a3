"""LibriSpeech: 982 hours of read English (Panayotov et al. 2015; openslr.org/12)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs

from audioforge.dataset import Dataset, DatasetRequest
from audioforge.files.text_lines import read_lines
from audioforge.sample import AudioSample, Problem

from .hub import Hub
from .ids import UniqueIds
from .settings import (
    COLUMN_SETTINGS,
    archive_folder,
    refuse_settings,
    split_by_either_name,
    wrong_layout,
)

HUB_ID = "openslr/librispeech_asr"
HUB_CONFIG = "all"
DEFAULT = "train.clean.100"
SUBSETS = {
    "train.clean.100": "train-clean-100",
    "train.clean.360": "train-clean-360",
    "train.other.500": "train-other-500",
    "validation.clean": "dev-clean",
    "validation.other": "dev-other",
    "test.clean": "test-clean",
    "test.other": "test-other",
}
"""Splits as the hub names them, and their folders in the archives; either name is understood."""

LAYOUT = "LibriSpeech/SUBSET/SPEAKER/CHAPTER/*.flac with SPEAKER-CHAPTER.trans.txt"


class LibriSpeech(Dataset):
    """One split, from the hub or from the extracted archives."""

    def __init__(self, request: DatasetRequest) -> None:
        """Take the request; with a `data_dir` the archives are read."""
        self._request = request

    def load(self) -> Iterator[AudioSample | Problem]:
        """Yield the utterances; ids are alike from the hub and from the archives.

        Raises:
            DatasetError: If there is no such split, or the data cannot be read.
        """
        split = split_by_either_name(self._request.split or DEFAULT, SUBSETS, "librispeech")
        if self._request.data_dir is None:
            request = attrs.evolve(self._request, location=HUB_ID, split=split)
            yield from Hub(request, config=HUB_CONFIG).load()
            return
        because = "the archive has transcripts in files of their own"
        refuse_settings(self._request, COLUMN_SETTINGS, because)
        yield from self._from_archive(SUBSETS[split])

    def _from_archive(self, subset: str) -> Iterator[AudioSample | Problem]:
        given = archive_folder(self._request, LAYOUT)
        folder = given if given.name == subset else _top(given) / subset
        transcripts = sorted(folder.glob("*/*/*.trans.txt"))
        if not transcripts:
            present = sorted(f.name for f in _top(given).iterdir() if f.name in SUBSETS.values())
            found = f"there is no {subset}"
            if present:
                found += f" (the subsets there are {', '.join(present)}: choose with --split)"
            raise wrong_layout(self._request, LAYOUT, found)
        ids = UniqueIds()
        for path in transcripts:
            yield from _chapter(path, ids)


def _top(given: Path) -> Path:
    inner = given / "LibriSpeech"
    return inner if inner.is_dir() else given


def _chapter(transcripts: Path, ids: UniqueIds) -> Iterator[AudioSample | Problem]:
    """Yield the utterances of one chapter's file: an id, a blank, the text on each line."""
    for number, line in enumerate(read_lines(transcripts), start=1):
        utterance, _, text = line.strip().partition(" ")
        if not utterance:
            continue
        if not ids.claim(utterance):
            reason = f"the utterance {utterance} was there before"
            yield Problem(f"{transcripts}:{number}", reason, "duplicate id")
            continue
        yield AudioSample(
            id=utterance,
            audio=transcripts.parent / f"{utterance}.flac",
            reference=text,
            speaker=utterance.split("-")[0],
            language="en",
        )
