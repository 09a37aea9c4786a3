"""A cycle of which nothing is learnt: what to say, and whether the run ends well."""

from __future__ import annotations

from audioforge.errors import TrainingError
from audioforge.measuring.reward_statistics import RewardStatistics
from audioforge.plugin_reference import read_plugin_reference
from audioforge.run.run import Run


def nothing_kept(run: Run, cycle: int, rewards: RewardStatistics) -> str:
    """Say that nothing was kept, and what to change.

    Args:
        run: The run.
        cycle: The cycle, from 1.
        rewards: What the cycle's rewards were.

    Returns:
        What was said, for the summary.

    Raises:
        TrainingError: In the first cycle, since no cycle was trained.
    """
    train, threshold = run.data.train, run.config.effective_reward_threshold
    selection = read_plugin_reference(run.config.selection)[0]
    if rewards.highest is not None and rewards.highest < threshold:
        message = (
            f"cycle {cycle}: nothing was kept: of the rewards of {rewards.hypotheses} hypotheses "
            f"the highest is {rewards.highest:.3g}, and --reward-threshold is {threshold:g}. Lower "
            f"it, raise --samples-per-prompt, or change --temperature."
        )
    elif rewards.highest is not None:  # enough was earned, so that it is not for the rewards
        message = (
            f"cycle {cycle}: nothing that can be learnt was kept: of {rewards.hypotheses} "
            f"hypotheses with rewards up to {rewards.highest:.3g} the selection '{selection}' kept "
            f"none, or none that the model can learn."
        )
    else:
        message = f"cycle {cycle}: no hypothesis has a reward, so that nothing was kept"
        if rewards.hypotheses:
            verifiers = ", ".join(run.verification.verifiers)
            message += f": none of {rewards.hypotheses} could be judged by {verifiers}"
        message += "."
    skipped = train.skips.describe(train.total)
    if skipped:
        message += f" {train.name}: {skipped}."
    if cycle == 1:
        raise TrainingError(message)
    run.events.warn(f"{message} The run ends here.")
    return message
