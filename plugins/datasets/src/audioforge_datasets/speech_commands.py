"""Speech Commands: single words of about one second (Warden 2018, arXiv:1804.03209).

On the hub it is a dataset script, which no longer loads; so it is read from the archive that its
author published, which is downloaded the first time.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from audioforge.dataset import Dataset, DatasetRequest
from audioforge.files.paths import path_text
from audioforge.files.text_lines import read_lines
from audioforge.sample import AudioSample, Problem

from .archive import Archive, fetch
from .settings import COLUMN_SETTINGS, archive_folder, choose_split, refuse_settings, wrong_layout

ARCHIVE = Archive(
    name="speech_commands_v0.02",
    url="https://download.tensorflow.org/data/speech_commands_v0.02.tar.gz",
    sha256="af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58",
    size="2.4 GB",
)
"""As torchaudio and TensorFlow Datasets know it."""

LAYOUT = "a folder a word (yes/0a7c2a8d_nohash_0.wav), testing_list.txt and validation_list.txt"
LISTS = {"validation": "validation_list.txt", "test": "testing_list.txt"}
SPLITS = ("train", *LISTS)


class SpeechCommands(Dataset):
    """One split: those of the two lists, and `train` for everything else."""

    def __init__(self, request: DatasetRequest) -> None:
        """Take the request; with a `data_dir` that extracted archive is read."""
        self._request = request

    def load(self) -> Iterator[AudioSample | Problem]:
        """Yield the words; the label is the word, and the reference too, since it is spoken.

        They come speaker by speaker, not word by word, so that a `limit` leaves many words.

        Raises:
            DatasetError: If the archive cannot be had, or the folder does not hold the corpus.
        """
        refuse_settings(self._request, COLUMN_SETTINGS, "the folders are the words")
        split = choose_split(self._request.split, SPLITS, "speech_commands")
        root = self._root()
        listed = {name: set(_list(root / file)) for name, file in LISTS.items()}
        if split == "train":
            paths = set(_clips(root)).difference(*listed.values())
        else:
            paths = listed[split]
        for path in sorted(paths, key=_speaker_first):
            yield _sample(root, path)

    def _root(self) -> Path:
        if self._request.data_dir is None:
            return fetch(ARCHIVE)
        given = archive_folder(self._request, LAYOUT)
        for root in (given, *sorted(given.glob("*/"))):
            if all((root / name).is_file() for name in LISTS.values()):
                return root
        raise wrong_layout(
            self._request, LAYOUT, "testing_list.txt or validation_list.txt is missing"
        )


def _list(path: Path) -> Iterator[str]:
    return filter(None, (line.strip() for line in read_lines(path)))


def _clips(root: Path) -> Iterator[str]:
    """Yield WORD/FILE of every clip; folders such as _background_noise_ are no words."""
    for folder in (f for f in root.iterdir() if f.is_dir() and f.name[0] not in "_."):
        for path in folder.glob("*.wav"):
            yield f"{folder.name}/{path.name}"


def _speaker_first(path: str) -> tuple[str, str]:
    """Return the file's name, which starts with a hash of the speaker, and the word."""
    word, _, name = path.partition("/")
    return name, word


def _sample(root: Path, path: str) -> AudioSample:
    word, _, name = path.partition("/")
    return AudioSample(
        id=path_text(path),
        audio=root / path,
        reference=path_text(word),
        labels=(path_text(word),),
        speaker=name.split("_nohash_")[0],
        language="en",
    )
