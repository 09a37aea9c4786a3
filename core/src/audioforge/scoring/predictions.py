"""Predictions of any system, line by line: what it said, or which sound file it made.

Keys: `text` (what is right: the transcript, the class or the classes joined by `|`, the text that
was to be spoken), `pred_text` (what the system said), `audio_filepath`, `id`, and where known
`label`, `offset`, `duration`, `speaker`, `lang` or `language`, and `cut` where a length limit ended
what was said. They are those of
`predictions.jsonl`. For text to speech `pred_audio` names the sound file, or a folder holds it by
the line's id or by the name of its recording. Paths start at the file's own folder. What verifiers
find of a sample's metadata are the other keys.

Consecutive lines of one sample are its k hypotheses. Texts can be scored without their recordings,
which may lie on another machine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from audioforge.errors import DatasetError, listed
from audioforge.files.json_lines import read_objects
from audioforge.files.paths import is_file, real_path
from audioforge.inference.runaway import runs_away
from audioforge.languages.scripts import written_language
from audioforge.languages.tags import language_of
from audioforge.measuring.predictions import NORMALIZER, TRUTH
from audioforge.run.data.special_tokens import special_tokens_problem
from audioforge.sample import AudioSample, Hypothesis, Problem
from audioforge.scoring import fields
from audioforge.scoring.fields import Line, UnusableLineError
from audioforge.scoring.sound_folder import SoundFolder
from audioforge.scoring.sources import Source
from audioforge.sound_part import SoundPart, SoundPartError, sound_part
from audioforge.tasks import SpeechTask

RECORDING = "audio_filepath"
LANGUAGE = ("language", "lang")
MOST_TEXTS = 1000
"""References whose letters tell the language of lines that state none."""

MOST_KEYS = 1000
"""Keys that are remembered for a message."""


@frozen(eq=False)
class Prediction:
    """One line.

    Attributes:
        where: File and line, for messages.
        sample: What was asked for; its audio is None where the line names no recording.
        hypothesis: What the system made of it.
        line: The keys that are repeated beside the scores.
    """

    where: str
    sample: AudioSample
    hypothesis: Hypothesis
    line: dict[str, Any]

    def shares_sample(self, other: Prediction) -> bool:
        """Whether both are hypotheses of one sample: the same id, reference and recording."""

        def known(sample: AudioSample) -> tuple[Any, ...]:
            part = sample.offset, sample.channels
            return sample.id, sample.reference, sample.labels, sample.audio, part

        return known(self.sample) == known(other.sample)


@frozen
class Survey:
    """What a first look at a file found.

    Attributes:
        lines: How many lines are not blank.
        languages: The languages that its lines are in; None for lines of which it is not known.
        otherwise: The language of lines that state none: of most others, or of their letters.
        labels: The correct classes that its lines state, sorted.
        normalizers: Number of lines by the text normaliser that they state they were measured with.
    """

    lines: int
    languages: frozenset[str | None]
    otherwise: str | None
    labels: tuple[str, ...]
    normalizers: Mapping[str, int]


@frozen(eq=False)
class FileSamples:
    """The samples of a file, read anew whenever somebody goes through them.

    Attributes:
        file: The file.
    """

    file: PredictionFile

    def __iter__(self) -> Iterator[AudioSample]:
        """Yield the sample of each prediction."""
        return (item.sample for item in self.file.read() if isinstance(item, Prediction))


@frozen
class PredictionFile:
    """A file of predictions, read line by line however long it is.

    Attributes:
        path: The file.
        task: Decides what a prediction is.
        text_column: Key of the reference.
        label_column: Key of the correct class; its value may be a list.
        folder: Where generated sound files lie that no line names.
        asked: The language of every line, whatever it states; None for its own.
        otherwise: The language of lines that state none.
        said: Key of what the system said, where it is not the task's own.
        source: Its lines, where they are no JSON lines at `path`; that names them only, and its
            folder is where their paths start.
    """

    path: Path
    task: SpeechTask
    text_column: str = "text"
    label_column: str = "label"
    folder: SoundFolder | None = None
    asked: str | None = None
    otherwise: str | None = None
    said: str | None = None
    source: Source | None = None

    @property
    def _said(self) -> str:
        return self.said or self.task.prediction_key

    def _objects(self) -> Iterator[Line]:
        """Yield number, place and content of each line."""
        return read_objects(self.path) if self.source is None else iter(self.source)

    def survey(self) -> Survey:
        """Read every line once, without looking for any sound file.

        Raises:
            DatasetError: If the file cannot be read, holds nothing, or has no prediction at all.
        """
        lines, predicted = 0, False
        keys: set[str] = set()
        stated: Counter[str | None] = Counter()
        unstated: list[str] = []  # some of the references
        labels: set[str] = set()
        normalizers: Counter[str] = Counter()
        for _, _, row in self._objects():
            lines += 1
            if isinstance(row, Problem):
                continue
            predicted = predicted or row.get(self._said) is not None
            if len(keys) < MOST_KEYS:
                keys |= row.keys()
            if isinstance(name := row.get(NORMALIZER), str) and name:
                normalizers[name] += 1
            try:
                language = self._stated(row)
                stated[language] += 1
                if language is None and len(unstated) < MOST_TEXTS:
                    unstated.append(fields.text(row, self.text_column) or "")
                labels |= set(self._labels(row))
            except UnusableLineError:
                continue  # `read` says so
        if not predicted and self.folder is None:
            raise DatasetError(self._no_prediction(keys))
        written = written_language(unstated)
        most = next((code for code, n in stated.items() if code and 2 * n > stated.total()), None)
        otherwise = most or (written[0] if written else None)
        languages = frozenset(language or otherwise for language in stated)
        return Survey(lines, languages, otherwise, tuple(sorted(labels)), normalizers)

    def read(self) -> Iterator[Prediction | Problem]:
        """Yield a prediction or a problem for each line that is not blank.

        Raises:
            DatasetError: If the file cannot be read.
        """
        own_keys = self._own_keys
        for number, where, row in self._objects():
            if isinstance(row, Problem):
                yield row
                continue
            try:
                part = sound_part(row)
                used = own_keys | part.keys
                metadata = {key: value for key, value in row.items() if key not in used}
                yield self._prediction(row, part, metadata, where, number)
            except (UnusableLineError, SoundPartError) as error:
                yield Problem(where, str(error), error.kind)

    @property
    def _own_keys(self) -> frozenset[str]:
        """The keys that have a meaning here; a verifier finds the others as metadata.

        What an evaluation wrote of a line is measured anew, and nothing that is known of a clip.
        """
        own = (self.text_column, self.label_column, self._said, RECORDING, *LANGUAGE)
        return frozenset((*own, "id", "speaker", "cut", *TRUTH))

    def _no_prediction(self, keys: set[str]) -> str:
        what, mend = (
            "holds what the system said",
            (
                "Another column is named by --pred-column. A manifest has no predictions; "
                "audioforge benchmark --output writes them, as predictions.jsonl"
            ),
        )
        if self.task.generates_speech:
            what = "names a generated sound file"
            mend = "--audio-dir takes the folder that holds them"
        return (
            f"{self.path}: no line has the key '{self._said}', which {what}. "
            f"The keys are: {listed(sorted(keys))}. {mend}"
        )

    def _prediction(
        self,
        row: dict[str, Any],
        part: SoundPart,
        metadata: dict[str, Any],
        where: str,
        number: int,
    ) -> Prediction:
        recording = fields.file_path(row, RECORDING)
        place = recording and recording + part.name
        sample = AudioSample(
            id=fields.name(row, "id") or place or f"row-{number}",
            audio=None if recording is None else self.path.parent / recording,
            reference=fields.text(row, self.text_column),
            labels=self._labels(row),
            speaker=fields.name(row, "speaker"),
            language=self.asked or self._stated(row) or self.otherwise,
            offset=part.offset,
            duration=part.duration,
            channels=part.channels,
            metadata=metadata,
        )
        if not self.task.has_classes and (problem := special_tokens_problem(sample)) is not None:
            raise UnusableLineError(problem.kind, problem.reason)
        hypothesis = evolve(self._hypothesis(row, where), cut=row.get("cut") is True)
        if isinstance(hypothesis.audio, Path) and _is_same_file(hypothesis.audio, sample.audio):
            # A manifest of the output itself: it is no recording of the voice to compare with.
            sample = evolve(sample, audio=None, offset=None, duration=None, channels=())
        labels = "|".join(sample.labels)
        line = {
            "id": sample.id,
            RECORDING: recording,
            "text": labels if self.task.has_classes else sample.reference,
            self.task.prediction_key: row.get(self._said) or str(hypothesis.audio or ""),
            **({"cut": True} if hypothesis.cut else {}),
            **({"runaway": True} if runs_away(hypothesis) else {}),
        }
        return Prediction(where, sample, hypothesis, line)

    def _hypothesis(self, row: dict[str, Any], where: str) -> Hypothesis:
        key = self._said
        if self.task.generates_speech:
            return Hypothesis(audio=self._sound_file(row, key, where))
        said = fields.text(row, key)
        if said is None:
            raise UnusableLineError(f"without {key}", f"there is no '{key}'")
        return self.task.hypothesis(said)

    def _sound_file(self, row: dict[str, Any], key: str, where: str) -> Path:
        stated = fields.file_path(row, key)
        if stated is not None:
            path = self.path.parent / stated
        elif self.folder is not None:
            called = (fields.name(row, "id"), fields.file_path(row, RECORDING))
            path = self.folder.match([n for n in called if n is not None], where)
        else:
            raise UnusableLineError(f"without {key}", f"there is no '{key}'")
        if not is_file(path):  # one that does not decode is bad output, which verifiers score
            raise UnusableLineError("without audio", f"there is no file {path}")
        return path

    def _stated(self, row: dict[str, Any]) -> str | None:
        """Return the code of the language that a line states."""
        stated = fields.name(row, *LANGUAGE)
        return None if stated is None else language_of(stated)

    def _labels(self, row: dict[str, Any]) -> tuple[str, ...]:
        """Return the correct classes: of their own key, or as predictions.jsonl joins them."""
        if not self.task.has_classes:
            return ()
        if row.get(self.label_column) is not None:
            return fields.names(row, self.label_column)
        return tuple(filter(None, (fields.text(row, self.text_column) or "").split("|")))


def _is_same_file(generated: Path, recording: Any) -> bool:
    return isinstance(recording, Path) and real_path(generated) == real_path(recording)
