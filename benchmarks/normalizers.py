"""What text normalisers cost: `audioforge verify` on many different pairs, under each of them.

Sentences are drawn from the words of a text; half of the hypotheses have a wrong word, and all have
capitals and a full stop. Prints the CPU seconds of each whole process, and how often Whisper's
normaliser takes that.

    python benchmarks/normalizers.py --pairs 100000 --text transcripts.txt
"""

from __future__ import annotations

import argparse
import json
import random
import re
import tempfile
from pathlib import Path

from performance.commands import AUDIOFORGE, children_clock, running
from performance.timing import Contestant, alternate

NORMALIZERS = ("none", "words-1", "english-1", "whisper-basic", "whisper-english")
WORDS_A_SENTENCE = 12
WRONG = 0.5


def main() -> None:
    """Measure and print a line for each normaliser."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=100_000)
    parser.add_argument("--text", type=Path, required=True, help="transcripts, of any form")
    options = parser.parse_args()
    words = re.findall(r"[a-z']+|\d+", options.text.read_text(encoding="utf-8").lower())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pairs.jsonl"
        path.write_text("\n".join(pairs(words, options.pairs)) + "\n", encoding="utf-8")
        command = (*AUDIOFORGE, "verify", str(path), "--verifier", "wer", "--normalizer")
        contestants = [Contestant(name, running(*command, name)) for name in NORMALIZERS]
        turns = alternate(contestants, 1, children_clock)
    seconds = {name: spent for name, (spent,) in turns.items()}
    for name, spent in seconds.items():
        print(f"{name:<16}{spent:6.2f} s{seconds['whisper-english'] / spent:6.1f}×")


def pairs(words: list[str], count: int) -> list[str]:
    """Return lines of predictions."""
    draw = random.Random(0)
    lines = []
    for number in range(count):
        reference = draw.choices(words, k=WORDS_A_SENTENCE)
        said = list(reference)
        if draw.random() < WRONG:
            said[draw.randrange(WORDS_A_SENTENCE)] = draw.choice(words)
        line = {
            "id": str(number),
            "text": " ".join(reference),
            "pred_text": f"{' '.join(said).capitalize()}.",
        }
        lines.append(json.dumps(line))
    return lines


if __name__ == "__main__":
    main()
