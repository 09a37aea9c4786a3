"""Sound in memory: of one file its bytes, of the next its samples, and so on; and a pipe."""

from pathlib import Path

import soundfile
from attrs import frozen

from audioforge.dataset import Dataset
from audioforge.sample import AudioSample


@frozen
class Options:
    """Where the files are."""

    folder: Path
    pipe: Path


class Sounds(Dataset):
    """The files of a folder."""

    def __init__(self, request, folder, pipe):
        self._folder, self._pipe = folder, pipe

    def load(self):
        for number, path in enumerate(sorted(self._folder.glob("*.wav"))):
            if number % 2:
                samples, rate = soundfile.read(path, dtype="float32")
                yield AudioSample(path.stem, samples, rate, reference="low high")
            else:
                yield AudioSample(path.stem, path.read_bytes(), reference="low high")
        yield AudioSample("pipe", self._pipe, reference="low")
