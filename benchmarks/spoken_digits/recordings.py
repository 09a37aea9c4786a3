"""Recordings of one speaker's digits, three in a row, and texts that nobody recorded."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import soundfile
from attrs import frozen

from audioforge.audio import load_clip
from audioforge.files.atomic import write_jsonl
from audioforge.keyed_random import generator, shuffled
from audioforge.sample import AudioSample

RATE = 16_000
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
DIGITS = 3
"""As many as the recogniser is used to hear; a thousand texts."""
COUNTS = {"train": 100, "heldout": 60, "test": 250}
"""Texts of each part; none is in two, nor recorded."""
RECORDED = 120
"""Texts that are recorded."""
SHORTER = 60
"""Recordings of one digit, and of two: they first teach which sound is which letter's."""
GAP_S = (0.03, 0.08)
"""Silence before, between and after digits."""
PEAK = 0.5


@frozen
class Corpus:
    """The parts as manifests in one folder."""

    folder: Path

    def manifest(self, part: str) -> Path:
        """Return where the manifest of a part is."""
        return self.folder / f"{part}.jsonl"

    def lines(self, part: str) -> list[dict[str, str]]:
        """Return the lines of a part."""
        text = self.manifest(part).read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]


def make(source: Path, speaker: str, folder: Path) -> Corpus:
    """Make the parts, unless they are there.

    Args:
        source: Manifest of single digits, with `audio_filepath`, `text` and `speaker`.
        speaker: Whose.
        folder: Where they go.

    Raises:
        ValueError: If a digit of the speaker is missing.
    """
    corpus = Corpus(folder)
    if corpus.manifest("test").is_file():  # which is written last
        return corpus
    takes = _takes(source, speaker)
    folder.mkdir(parents=True, exist_ok=True)
    rest = texts_but([])
    lines = _lines("recordings", [*_shorter(), *rest[:RECORDED]])
    for line in lines:
        line |= {"audio_filepath": f"{line['id']}.flac", "speaker": speaker}
        soundfile.write(folder / line["audio_filepath"], _said(line, takes), RATE)
    write_jsonl(corpus.manifest("recordings"), lines)
    _write_texts(corpus, rest[RECORDED:])
    return corpus


def make_texts(known: Path, folder: Path) -> Corpus:
    """Make the parts without recordings, for a voice that there is, unless they are there.

    Args:
        known: Manifest of texts that are in no part.
        folder: Where they go.
    """
    corpus = Corpus(folder)
    if not corpus.manifest("test").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        lines = known.read_text(encoding="utf-8").splitlines()
        _write_texts(corpus, texts_but([json.loads(line)["text"] for line in lines]))
    return corpus


def texts_but(known: Sequence[str]) -> list[str]:
    """Return all texts but some, shuffled."""
    every = [" ".join(words) for words in itertools.product(WORDS, repeat=DIGITS)]
    shuffle = [every[place] for place in shuffled(len(every), "spoken digits")]
    return [text for text in shuffle if text not in set(known)]


def _write_texts(corpus: Corpus, rest: list[str]) -> None:
    """Write the texts of each part; those of `test` are the last, however many others there are."""
    for part, count in COUNTS.items():
        texts = rest[-count:] if part == "test" else rest[:count]
        write_jsonl(corpus.manifest(part), _lines(part, texts))
        rest = rest[count:]


def _lines(part: str, texts: Sequence[str]) -> list[dict[str, str]]:
    return [{"id": f"{part}-{number:03}", "text": text} for number, text in enumerate(texts)]


def _shorter() -> list[str]:
    draw = generator("spoken digits", "shorter")
    pairs = draw.integers(len(WORDS), size=(SHORTER, 2)).tolist()
    single = [WORDS[number % len(WORDS)] for number in range(SHORTER)]
    return [*single, *(f"{WORDS[one]} {WORDS[other]}" for one, other in pairs)]


def _takes(source: Path, speaker: str) -> Mapping[str, Sequence[np.ndarray]]:
    takes: dict[str, list[np.ndarray]] = {word: [] for word in WORDS}
    for text in source.read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        if line["speaker"] == speaker:
            path = source.parent / line["audio_filepath"]
            takes[line["text"]].append(load_clip(AudioSample(path.stem, path), RATE).waveform)
    if missing := [word for word, own in takes.items() if not own]:
        raise ValueError(f"{source}: {speaker} does not say {', '.join(missing)}")
    return takes


def _said(line: Mapping[str, str], takes: Mapping[str, Sequence[np.ndarray]]) -> np.ndarray:
    draw = generator("spoken digits", line["id"])
    pieces = [_gap(draw)]
    for word in line["text"].split():
        pieces += [takes[word][int(draw.integers(len(takes[word])))], _gap(draw)]
    said = np.concatenate(pieces)
    loud: np.ndarray = said * (PEAK / np.abs(said).max())
    return loud


def _gap(draw: np.random.Generator) -> np.ndarray:
    return np.zeros(round(draw.uniform(*GAP_S) * RATE), np.float32)
