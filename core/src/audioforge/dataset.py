"""The contract of a dataset."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from audioforge.sample import AudioSample, Problem


@frozen
class DatasetRequest:
    """What a user asked for.

    Attributes:
        location: What stood after `--dataset`: a registered name, a path, or a hub id.
        split: Which part, in the dataset's own words; None for its default.
        text_column: Column or key of the transcript; None to look for the usual names.
        label_column: Column or key of the class label; None to look for the usual names.
        data_dir: Folder of an extracted archive; None to load from the hub.
        streaming: Read a hub dataset as a stream instead of downloading it whole.
        needs_audio: Whether an item without audio is a problem; text to speech needs none.
        audio_column: Column or key of the sound; None to look for the usual names.
        speaker_column: Column or key of who speaks; None to look for the usual names.
        audio_root: Folder, or address of one, where relative paths of sound start; None for the
            folder of the file that states them.
    """

    location: str
    split: str | None = None
    text_column: str | None = None
    label_column: str | None = None
    data_dir: Path | None = None
    streaming: bool = False
    needs_audio: bool = True
    audio_column: str | None = None
    speaker_column: str | None = None
    audio_root: str | None = None


class Dataset(ABC):
    """A source of samples. Built from a `DatasetRequest`; reads nothing before `load`."""

    @abstractmethod
    def load(self) -> Iterator[AudioSample | Problem]:
        """Yield every sample in a stable order, and a problem for everything unusable.

        Ids are unique and do not depend on where the data lies. Audio is not decoded here.

        Raises:
            DatasetError: If the dataset as a whole cannot be read.
        """
