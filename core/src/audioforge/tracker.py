"""The contract of a tracker: what shows a run elsewhere while it works."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from audioforge.sample import AudioSample


@frozen(kw_only=True)
class TrackedRun:
    """The run that a tracker is told of.

    Attributes:
        folder: The run folder; its name is the run's, and what a tracker writes to disk may go
            into `folder / "trackers"`.
        settings: Every setting of the run, as `config.yaml` has them.
        resumes: Whether the run was told of before, and goes on.
        held_out: The held-out clips by id, for those who want to hear what `utterances` shows;
            `audioforge.audio.load_clip` decodes one.
    """

    folder: Path
    settings: Mapping[str, Any]
    resumes: bool
    held_out: Mapping[str, AudioSample] = field(factory=dict)


class Tracker(ABC):
    """Hears of a run on its main process. What it raises is a warning, and ends only the tracker.

    A run that was killed and resumed tells once more, with the same numbers, of the base, of every
    finished cycle, and of the steps after its last resume point: a tracker may have missed them.
    What is written under a step or a cycle replaces what was there.
    """

    @abstractmethod
    def start(self, run: TrackedRun) -> None:
        """Hear which run begins or goes on. Called once, before anything else."""

    @abstractmethod
    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Hear figures of a step of the optimiser, or of the evaluation after it.

        Args:
            step: Steps of the optimiser since the run began; 0 is the untouched base.
            values: Figures by name: `loss` in nats per token, `grad_norm` before clipping and
                `learning_rate` of each step; `cycle`, `reward`, `reward_std`,
                `frac_reward_zero_std`, `kept`, `rewards/<verifier>/mean` and `/std`,
                `completions/mean_length`, `/min_length` and `/max_length` (tokens),
                `completions/clipped_ratio` and `eval_<metric>` (rates as fractions) of each cycle.
                What is not known is not there.
        """

    def utterances(  # noqa: B027
        self, cycle: int, rows: Iterable[Mapping[str, Any]]
    ) -> None:
        """See the greedy outputs on the held-out set.

        Args:
            cycle: The cycle, from 1; 0 is the untouched base.
            rows: As `predictions.jsonl` has them, each with `id`, `text` and `pred_text`, a label
                or a path of sound.
        """

    def finish(self) -> None:  # noqa: B027
        """Let go of what `start` took: the run is finished, or stops here for now.

        A thread that is left running keeps the command from ending.
        """
