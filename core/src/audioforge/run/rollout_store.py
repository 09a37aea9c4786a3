"""The rollouts of a cycle on disk: a line for each sample, appended as soon as it is scored.

A cycle may be too large to hold, so that what needs all of it reads it from here, sample by sample.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

import numpy as np
from attrs import evolve, frozen

from audioforge.files import atomic
from audioforge.files.journal import Journal, whole_lines
from audioforge.inference.skip_log import problem_line, problem_of
from audioforge.measuring.predictions import place
from audioforge.sample import AudioSample, Hypothesis, Problem, Rollout, Score, ScoredHypothesis

Key = tuple[str, int]
"""Sample id and hypothesis index."""

SOLVED = 1.0 - 1e-9
"""The reward of a hypothesis that earned all there is, but for rounding of weighted means."""


@frozen(eq=False)
class RolloutStore:
    """The rollouts of one cycle.

    Attributes:
        root: The run folder.
        cycle: The cycle, from 1.
        rank: Number of this process.
        samples: The training samples of the cycle, by id.
    """

    root: Path
    cycle: int
    rank: int
    samples: Mapping[str, AudioSample]

    @property
    def lines(self) -> Journal:
        """The lines `rollouts-*.jsonl`."""
        return Journal(self.root / f"cycle-{self.cycle:02d}", "rollouts", self.rank)

    @property
    def left_out(self) -> Journal:
        """What could not be sampled, which users find in `skipped.jsonl`."""
        return Journal(self.root / "state" / f"cycle-{self.cycle:02d}", "left-out", self.rank)

    def append(self, rollouts: Sequence[Rollout], problems: Mapping[str, Problem]) -> None:
        """Write down a batch; whether its hypotheses are kept is not known yet.

        Raises:
            OSError: If that is not possible.
        """
        self.lines.append(_line(rollout, self.root) for rollout in rollouts)
        self.left_out.append(problem_line(i, problem) for i, problem in problems.items())

    def forget_failed(self) -> None:
        """Take out what a verifier failed on, so that it is sampled and judged again.

        A run that stopped because a verifier failed is resumed when the verifier is mended.
        """
        for path in self.lines.files:
            if any(_failed(line) for line in whole_lines(path)):
                atomic.write_jsonl(path, (x for x in whole_lines(path) if not _failed(x)))

    def problems(self) -> dict[str, Problem]:
        """Return why samples could not be sampled, by id."""
        return dict(problem_of(line) for line in self.left_out.read())

    def __iter__(self) -> Iterator[Rollout]:
        """Yield the rollouts of all processes, one at a time."""
        for line in self.lines.read():
            yield _rollout(line, self.samples[line["id"]], self.root)

    def solved(self) -> Iterator[str]:
        """Yield the ids of the samples of which every hypothesis earned all there is."""
        for line in self.lines.read():
            if all((h["reward"] or 0.0) >= SOLVED for h in line["hypotheses"]):
                yield line["id"]

    def mark_kept(self, kept: Set[Key], part: int, parts: int) -> None:
        """Write into the lines which hypotheses selection kept.

        Args:
            kept: What was kept.
            part: Which part of the files to write, from 0.
            parts: How many there are, so that processes can share the work.
        """
        for path in self.lines.files[part::parts]:
            atomic.write_jsonl(path, (_marked(line, kept) for line in whole_lines(path)))


def _marked(line: dict[str, Any], kept: Set[Key]) -> dict[str, Any]:
    for index, hypothesis in enumerate(line["hypotheses"]):
        hypothesis["kept"] = (line["id"], index) in kept
    return line


def _failed(line: Mapping[str, Any]) -> bool:
    return any("error" in s for h in line["hypotheses"] for s in h["scores"].values())


def _line(rollout: Rollout, root: Path) -> dict[str, Any]:
    return {
        "id": rollout.sample.id,
        "cycle": rollout.cycle,
        "reference": rollout.sample.reference,
        **_known(rollout.sample),
        "hypotheses": [_scored_line(h, root) for h in rollout.hypotheses],
    }


def _known(sample: AudioSample) -> dict[str, Any]:
    """Return where a clip is, and who speaks, for whoever reads or hears it later."""
    known = {
        "duration": sample.duration,
        "offset": sample.offset,
        "channel": list(sample.channels) or None,
        "speaker": sample.speaker,
        "language": sample.language,
    }
    stated = {key: value for key, value in known.items() if value is not None}
    return {"audio_filepath": place(sample), **stated}


def _scored_line(scored: ScoredHypothesis, root: Path) -> dict[str, Any]:
    return {
        **_output(scored.hypothesis, root),
        "logprob": scored.hypothesis.logprob,
        "tokens": scored.hypothesis.tokens,
        **({"cut": True} if scored.hypothesis.cut else {}),
        "reward": scored.reward,
        "kept": None,  # not known yet
        "scores": {identity: score_line(s) for identity, s in scored.scores.items()},
    }


def score_line(score: Score) -> dict[str, Any]:
    """Return a score as rollouts and `audioforge verify` write it."""
    line = {"reward": score.reward, "passed": score.passed, "metrics": dict(score.metrics)}
    return line if score.error is None else {**line, "error": score.error}


def _output(hypothesis: Hypothesis, root: Path) -> dict[str, Any]:
    """Return the text, the label, or the audio's path and its features', in the run folder."""
    if hypothesis.label is not None:
        return {"label": hypothesis.label}
    if isinstance(hypothesis.audio, Path):
        sound = {"audio": hypothesis.audio.relative_to(root).as_posix()}
        if not isinstance(hypothesis.features, Path):
            return sound
        return {**sound, "features": hypothesis.features.relative_to(root).as_posix()}
    if hypothesis.audio is not None:  # of no samples, which no file holds
        return {"audio": None}
    return {"text": hypothesis.text}


def _rollout(line: Mapping[str, Any], sample: AudioSample, root: Path) -> Rollout:
    scored = [_scored(h, i, root) for i, h in enumerate(line["hypotheses"])]
    return Rollout(sample, line["cycle"], scored)


def _scored(line: Mapping[str, Any], index: int, root: Path) -> ScoredHypothesis:
    hypothesis = Hypothesis(
        index,
        text=line.get("text"),
        label=line.get("label"),
        logprob=line["logprob"],
        tokens=line["tokens"],
        cut="cut" in line,
    )
    if "audio" in line:
        path = line["audio"]
        audio = np.zeros(0, np.float32) if path is None else root / path
        features = root / line["features"] if "features" in line else None
        hypothesis = evolve(hypothesis, audio=audio, features=features)
    scores = {identity: Score(**score) for identity, score in line["scores"].items()}
    return ScoredHypothesis(hypothesis, scores, line["reward"])
