"""Run folders that are written from the formats of their files, without training anything."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import yaml

WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "zero"]
RATE = 16_000


def write_run(
    root: Path,
    *,
    utterances: int = 12,
    clips: int = 6,
    cycles: int = 2,
    k: int = 3,
    finished: bool = True,
    texts: Mapping[int, str] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Path:
    """Write a run of which each cycle mends one more word in a third of the utterances.

    Args:
        root: The run folder.
        utterances: Held-out ones; number 1 gets worse, number 2 runs away.
        clips: Training clips.
        cycles: Finished cycles.
        k: Hypotheses a clip.
        finished: Whether it has its result.
        texts: Outputs of the base by number, in the place of its own.
        settings: Settings that are other than usual.
    """
    root.mkdir(parents=True)
    sound = root.parent / "clip.flac"
    if not sound.exists():
        soundfile.write(sound, 0.1 * np.sin(np.arange(RATE // 2) / 9), RATE)
    draw = np.random.default_rng(0)
    references = [[WORDS[n] for n in draw.integers(10, size=6)] for _ in range(utterances)]
    for cycle in range(cycles + 1):
        lines = [
            _prediction(number, words, cycle, sound, (texts or {}).get(number))
            for number, words in enumerate(references)
        ]
        write_lines(root / f"cycle-{cycle:02d}" / "predictions.jsonl", lines)
        entry = _evaluation(lines)
        if cycle:
            entry |= _cycle(cycle, clips, k)
            write_lines(
                root / f"cycle-{cycle:02d}" / "rollouts-00000.jsonl", _rollouts(cycle, clips, k)
            )
            steps = [
                {"step": n, "loss": 1 / n, "grad_norm": 1.0, "learning_rate": 1e-5}
                for n in range(1, 9)
            ]
            write_lines(root / f"cycle-{cycle:02d}" / "steps.jsonl", steps)
        write_object(root / f"cycle-{cycle:02d}" / "metrics.json", entry)
    usual = {
        "model_name": "tiny",
        "task": "asr",
        "dataset": "train.jsonl",
        "eval_dataset": "heldout.jsonl",
        "selection": "best",
        "seed": 0,
        "num_cycles": 2,
        "normalizer": "english-1",
        "wer_threshold": 0.3,
    }
    (root / "config.yaml").write_text(yaml.safe_dump(usual | dict(settings or {})))
    environment = {
        "audioforge": "0.1.0",
        "python": "3.11",
        "platform": "Linux",
        "libraries": {"torch": "2.6"},
        "plugins": {},
        "command": ["audioforge", "train", "--output", "my run"],
        "working_directory": "/data",
        "processes": 1,
        "threads": "1",
    }
    write_object(root / "environment.json", environment)
    if finished:
        write_object(root / "summary.json", _summary(root, cycles))
    return root


def write_lines(path: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def write_object(path: Path, value: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def _prediction(
    number: int, words: list[str], cycle: int, sound: Path, text: str | None
) -> dict[str, Any]:
    wrong = max(0, 3 - cycle) if number % 3 == 0 else 0
    if number == 1:
        wrong = cycle
    said = [*("wrong" for _ in range(wrong)), *words[wrong:]]
    runs_away = number == 2 and cycle == 0
    line: dict[str, Any] = {
        "id": f"clip-{number:05d}",
        "audio_filepath": str(sound),
        "duration": 0.5 + number % 7,
        "text": " ".join(words),
        "pred_text": " ".join(["loop"] * 40 if runs_away else said),
        "speaker": f"speaker-{number % 5}",
        "language": "en",
        "metadata": {"room": "hall" if number % 2 else "car", "note": f"note {number}"},
        "substitutions": wrong,
        "deletions": 0,
        "insertions": 0,
        "reference_words": len(words),
        "normalizer": "english-1",
    }
    line["measured"] = {"wer": [wrong + 40 * runs_away, len(words)]}
    if runs_away:
        line |= {"runaway": True, "substitutions": 6, "insertions": 34}
    if text is not None and cycle == 0:
        line["pred_text"] = text
    return line


def _evaluation(lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    errors = sum(line["substitutions"] + line["insertions"] for line in lines)
    wer = errors / sum(line["reference_words"] for line in lines)
    runaway = sum(line.get("runaway", False) for line in lines)
    return {
        "metric": "wer",
        "wer": wer,
        "ci95": [0.9 * wer, 1.1 * wer],
        "n": len(lines),
        "interval": {"unit": "speakers", "speakers": 5, "without_speaker": 0},
        "measured": len(lines),
        "total": len(lines),
        "cut": 0,
        "decoding": "greedy",
        "runaway": runaway,
        "without_runaway": {"wer": wer},
        "retention": {},
    }


def _cycle(cycle: int, clips: int, k: int) -> dict[str, Any]:
    return {
        "cycle": cycle,
        "difference_ci95": [-0.3, -0.1],
        "lost": [],
        "reward": 0.5 + 0.1 * cycle,
        "reward_std": 0.1,
        "frac_reward_zero_std": 0.2,
        "hypotheses": k * clips,
        "hypotheses_cut": 0,
        "unscored": 1,
        "kept": clips,
        "steps": 8,
        "loss": 0.5,
        "seconds": {"rollout": 4.0, "verify": 1.0, "update": 5.0, "evaluate": 2.0},
        "peak_memory": 2_500_000_000,
    }


def _rollouts(cycle: int, clips: int, k: int) -> list[dict[str, Any]]:
    return [
        {
            "id": f"train-{clip:05d}",
            "cycle": cycle,
            "reference": "one two three four",
            "hypotheses": [_hypothesis(index, cycle) for index in range(k)],
        }
        for clip in range(clips)
    ]


def _hypothesis(index: int, cycle: int) -> dict[str, Any]:
    wrong = max(0, 1 + index - cycle)
    reward = max(0.0, 1 - wrong / 4)
    metrics = {"substitutions": wrong, "deletions": 0, "insertions": 0, "reference_words": 4}
    return {
        "text": " ".join(["bad"] * wrong + WORDS[wrong:4]),
        "logprob": -1.5 - index,
        "tokens": 6,
        "reward": reward,
        "kept": index == 0,
        "scores": {"wer": {"reward": reward, "passed": reward > 0.7, "metrics": metrics}},
    }


def _summary(root: Path, cycles: int) -> dict[str, Any]:
    entries = [
        json.loads((root / f"cycle-{n:02d}" / "metrics.json").read_text())
        for n in range(cycles + 1)
    ]
    base, last = entries[0], entries[-1]
    return {
        "task": "asr",
        "metric": "wer",
        "metric_is_rewarded": True,
        "higher_is_better": False,
        "base": base,
        "cycles": entries[1:],
        "candidates": [],
        "best": {
            "cycle": cycles,
            "interpolation": 1.0,
            "wer": last["wer"],
            "decoding": "greedy",
            "runaway": 0,
            "difference_ci95": [-0.3, -0.1],
            "interval": base["interval"],
            "checkpoint": "best",
        },
        "improved": True,
        "reason": "WER is better",
        "test": None,
        "overlaps": [],
        "learnability": {"greedy_wer": 0.4, "oracle_wer": 0.2, "k": 3, "frac_reward_zero_std": 0.2},
        "stopped_early": None,
        "accepted_changes": [],
        "explanation": None,
        "seconds": 30.0,
    }
