"""The kept figures at a glance: the table of README.md."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from audioforge.terminal.figures import percent, point_interval
from real_speech.arms import NONNATIVE

SECONDS_A_MINUTE = 60.0

ROWS = {
    "base": "the model as published",
    "base, fallback": "the same, decoded with temperature fallback",
    "random": "control: a random hypothesis of four",
    "RAFT": "RAFT: the best of four",
    "RAFT, hot first cycle": "the same, hotter in the first cycle",
    "other objective": "all four, by how much better each is",
    "transcripts": "the transcripts",
    "RAFT and transcripts at once": "half transcripts, half the best of four",
    "transcripts, then reward": "the transcripts, then rewards",
}
"""What README.md has a row of, and what is learnt there, in words."""

COMMAND = r"""audioforge train --model openai/whisper-tiny.en --dataset nonnative/train.jsonl \
    --limit 200 --eval-dataset nonnative/heldout.jsonl --normalizer whisper-english \
    --cycles 2 --steps-per-cycle 25 --output runs/one"""
"""What every row has in common; test_real_whisper.py holds it against the recipe."""


def brief(content: Mapping[str, Any]) -> str:
    """Return a line for each of the main rows, and the command that they share."""
    cells = {
        (row["subject"], row["set"], row["metric"]): row
        for row in content["test"]
        if row["corpus"] == NONNATIVE
    }
    trained = {row["arm"]: row for row in content["heldout"]}
    lines = [
        "| what is learnt | and options | WER | 95 %, points | errors | read speech | minutes |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for subject, told in ROWS.items():
        row, read = cells.get((subject, "all", "wer")), cells.get((subject, "other", "wer"))
        if row is None:
            continue
        run = trained.get(subject)
        difference, errors = row.get("difference_ci95"), row.get("errors")
        cell = [
            told,
            "" if run is None else flags(run["stages"]),
            _mean(row),
            "" if difference is None else point_interval(*difference),
            "" if errors is None else f"{100 * errors:+.0f} %",
            "" if read is None else percent(read["mean"]),
            "" if run is None else f"{run['seconds'] / SECONDS_A_MINUTE:.0f}",
        ]
        lines.append(f"| {' | '.join(cell)} |")
    shared = "\n".join(f"    {line}" for line in COMMAND.splitlines())
    return "\n".join(lines) + f"\n\nThe command of a row is this one with its options:\n\n{shared}"


def flags(stages: list[str]) -> str:
    """Return the options of an arm; those of a second run come after what it begins with.

    >>> flags(["reference", "rloo@trainable=lora"])
    '`--selection reference`, then `--continue` it with `--selection rloo --trainable lora`'
    """
    told = []
    for stage in stages:
        selection, _, changed = stage.partition("@")
        pairs = (pair.split("=", 1) for pair in filter(None, changed.split(";")))
        named = [f"--{re.sub('_', '-', key)} {value}" for key, value in pairs]
        told.append(f"`{' '.join([f'--selection {selection}', *named])}`")
    return ", then `--continue` it with ".join(told)


def _mean(row: Mapping[str, Any]) -> str:
    spread = row["spread"]
    return percent(row["mean"]) + ("" if spread is None else f" ± {100 * spread:.1f}")
