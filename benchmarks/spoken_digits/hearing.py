"""What is heard in spoken digits by a recogniser that rewarded nothing, and how they sound."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from attrs import frozen
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist

import audioforge
from audioforge.api.loaded import LoadedModel
from audioforge.files.atomic import write_json
from spoken_digits.recordings import DIGITS, WORDS
from spoken_digits.speaking import read_lines

EVERY = [" ".join(words) for words in itertools.product(WORDS, repeat=DIGITS)]
SOUND = {
    "pitch": ("prosody", "pitch_deviation"),
    "pace": ("pace", "letters_per_speech_second"),
    "similarity": ("consistency", "cosine"),
}
"""What is measured of the sound: the verifier's name, and its metric."""

Measured = Mapping[str, Mapping[str, float]]
"""Of each text, by its id: the share of words heard right, and what of `SOUND` is known."""


@frozen
class Listener:
    """Who listens.

    Attributes:
        judge: A recogniser.
        speakers: Folder of a speaker encoder, resemblyzer's.
        voice: A recording of the speaker, where there is one.
    """

    judge: LoadedModel
    speakers: Path
    voice: Path | None

    def measure(self, said: Path, output: Path) -> Measured:
        """Measure what a manifest names, and keep it in a file, which is read again."""
        if not output.is_file():
            write_json(output, self._measure(said))
        measured: Measured = json.loads(output.read_text(encoding="utf-8"))
        return measured

    def _measure(self, said: Path) -> Measured:
        lines = read_lines(said)
        heard = self.judge.transcribe([said.parent / line["pred_audio"] for line in lines])
        made: dict[str, dict[str, float]] = {
            line["id"]: {"right": right}
            for line, right in zip(
                lines, words_right([x["text"] for x in lines], heard), strict=True
            )
        }
        rows = [
            {**line, "pred_audio": str(said.parent / line["pred_audio"]),
             **({"audio_filepath": str(self.voice)} if self.voice else {})}
            for line in lines
        ]  # fmt: skip
        verifiers = ["prosody", "pace"]
        if self.voice:
            verifiers.append(f"consistency:encoder=resemblyzer,model={self.speakers}")
        for line in audioforge.score(rows, task="tts", normalizer="none", verifier=verifiers):
            for name, (verifier, metric) in SOUND.items():
                value = line["scores"].get(verifier, {}).get("metrics", {}).get(metric)
                if value is not None:
                    made[line["id"]][name] = value
        return made


def words_right(texts: Sequence[str], heard: Sequence[str]) -> list[float]:
    """Return the share of each text's words that are heard right.

    Figures are words ("9-7-6" is "nine seven six"). A small recogniser spells badly: what it writes
    is taken for the nearest of the thousand texts, and of several for each in part.
    """
    spelt = [_in_words(each) for each in heard]
    distances = cdist(spelt, EVERY, scorer=Levenshtein.distance)
    rights = []
    for text, row in zip(texts, distances, strict=True):
        nearest = [EVERY[place].split() for place in np.flatnonzero(row == row.min())]
        rights.append(float(np.mean(np.array(nearest) == np.array(text.split()))))
    return rights


def _in_words(heard: str) -> str:
    spelt = re.sub(r"\d", lambda digit: f" {WORDS[int(digit[0])]} ", heard.lower())
    return " ".join(re.findall(r"[a-z']+", spelt))
