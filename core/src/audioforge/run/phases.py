"""What a run consists of, phase by phase, so that the time that it takes can be told.

What a unit of a phase costs beside a greedy decoding counts only until the phase was seen once:
measured on Whisper tiny.en, of which hypotheses share the encoder's pass, and of which a step is
one pass forward and two back.
"""

from __future__ import annotations

import math

from audioforge.run.run import Run
from audioforge.terminal.forecast import Phase

SAMPLING, HYPOTHESIS = 1.0, 0.1
"""Cost of sampling a clip, and of each hypothesis, in greedy decodings of a clip."""
READING = 0.05
"""Cost of a clip of which only the reference is read."""
LEARNING = 3.0
"""Cost of learning from a clip, in greedy decodings of it."""
LEARNT = 2 / 3
"""Part of the clips that are learnt from, until the first cycle tells."""


def phases_of(run: Run) -> list[Phase]:
    """Return the phases of a run that its folder does not hold yet.

    Args:
        run: The run, ready.
    """
    finished = [cycle for cycle, _ in run.folder.finished_cycles()] if run.resumes else []
    phases = [] if finished else _evaluation(run, "cycle 0 evaluate")
    for cycle in range(max(finished, default=0) + 1, run.config.num_cycles + 1):
        sampled = len(run.data.train.samples) / run.processes.count
        phases.append(Phase(f"cycle {cycle} sample", "sample", sampled, sampling_cost(run)))
        phases.append(Phase(f"cycle {cycle} update", "update", update_steps(run), step_cost(run)))
        phases += _evaluation(run, f"cycle {cycle} evaluate")
    for alpha in sorted(set(run.config.effective_interpolate) - {1.0}):
        phases += _evaluation(run, f"{alpha:g} of cycle ")
    if run.data.test is not None:
        clips = len(run.data.test.samples) / run.processes.count
        phases += [Phase(f"{which} on", "evaluate", clips, 1.0) for which in ("base", "best")]
    return phases


def sampling_cost(run: Run) -> float:
    """Return what sampling a clip costs, in greedy decodings."""
    if run.selection.learns_from_references:
        return READING
    return SAMPLING + HYPOTHESIS * run.config.samples_per_prompt


def step_cost(run: Run) -> float:
    """Return what a step of the optimiser costs, in greedy decodings of a clip."""
    config = run.config
    return LEARNING * config.batch_size * config.gradient_accumulation_steps / run.processes.count


def update_steps(run: Run) -> int:
    """Return how many steps a cycle's update has, as far as can be told before it."""
    config = run.config
    if config.steps_per_cycle is not None:
        return config.steps_per_cycle
    share = 1.0 if run.selection.learns_from_references else LEARNT
    clips = config.batch_size * config.gradient_accumulation_steps
    return config.epochs_per_cycle * math.ceil(share * len(run.data.train.samples) / clips)


def _evaluation(run: Run, name: str) -> list[Phase]:
    sets = [run.data.held_out, *run.data.retention]
    clips = [len(dataset.samples) / run.processes.count for dataset in sets]
    return [Phase(name, "evaluate", count, 1.0) for count in clips]
