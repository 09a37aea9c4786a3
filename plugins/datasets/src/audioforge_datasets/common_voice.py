"""Common Voice: read sentences in many languages (Ardila et al. 2020).

Mozilla took it off the Hugging Face hub in October 2025; it is downloaded from the Mozilla Data
Collective, and read here from the extracted archive of one language.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from audioforge.dataset import Dataset, DatasetRequest
from audioforge.errors import DatasetError
from audioforge.sample import AudioSample, Problem

from .rows import RowReader
from .settings import archive_folder, choose_split, wrong_layout
from .table import read_table

LAYOUT = "cv-corpus-VERSION/LANGUAGE/ with train.tsv, dev.tsv, test.tsv and clips/*.mp3"
NO_SPLITS = frozenset(
    {"reported", "clip_durations", "unvalidated_sentences", "validated_sentences"}
)


@frozen
class CommonVoiceOptions:
    """Options, as in `common_voice:language=pl`.

    Attributes:
        language: Which language's folder to read where the archive holds several.
    """

    language: str | None = None


class CommonVoice(Dataset):
    """One split of one language."""

    def __init__(self, request: DatasetRequest, language: str | None = None) -> None:
        """Take the request.

        Args:
            request: The request, whose `data_dir` is the extracted archive.
            language: Which language to read; None for the only one.
        """
        self._request = request
        self._language = language

    def load(self) -> Iterator[AudioSample | Problem]:
        """Yield the clips of one of the archive's tables; ids are the names of the clips.

        Raises:
            DatasetError: Without a `data_dir`, or if it does not hold the split.
        """
        if self._request.data_dir is None:
            raise DatasetError(
                "common_voice: it left the Hugging Face hub in October 2025. Download a language "
                "from the Mozilla Data Collective (https://datacollective.mozillafoundation.org), "
                "extract it, and give the folder with --data-dir"
            )
        folder = self._language_folder()
        splits = {p.stem: p for p in folder.glob("*.tsv") if p.stem not in NO_SPLITS}
        wanted = "dev" if self._request.split == "validation" else self._request.split
        table = splits[choose_split(wanted, splits, str(folder))]
        yield from read_table(table, RowReader(self._request, folder / "clips"))

    def _language_folder(self) -> Path:
        root = archive_folder(self._request, LAYOUT)
        if _is_language_folder(root):
            folders = [root]
        else:
            inside = [*sorted(root.glob("*/")), *sorted(root.glob("*/*/"))]
            folders = [folder for folder in inside if _is_language_folder(folder)]
        if not folders:
            raise wrong_layout(self._request, LAYOUT, "it has no clips/ beside *.tsv files")
        fitting = [f for f in folders if self._language in (None, f.name)]
        if len(fitting) == 1:
            return fitting[0]
        problem = "it holds several" if fitting else f"it holds no '{self._language}'"
        listed = ", ".join(str(f.relative_to(root)) for f in folders)
        choice = "give one folder, or choose with common_voice:language=…"
        raise wrong_layout(self._request, LAYOUT, f"{problem} ({listed}: {choice})")


def _is_language_folder(folder: Path) -> bool:
    return (folder / "clips").is_dir() and any(folder.glob("*.tsv"))
