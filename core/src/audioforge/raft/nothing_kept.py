"""A cycle of which nothing is learnt: what to say, and whether the run ends well."""

from __future__ import annotations

from collections import Counter

from audioforge.errors import TrainingError
from audioforge.measuring.explanation import Explanation
from audioforge.plugin_reference import read_plugin_reference
from audioforge.raft.selection import CycleRollouts
from audioforge.run.run import Run


def nothing_kept(
    run: Run, cycle: int, rollouts: CycleRollouts, explanation: Explanation | None
) -> str:
    """Say that nothing was kept, and what to change.

    Args:
        run: The run.
        cycle: The cycle, from 1.
        rollouts: What the cycle's hypotheses and rewards were.
        explanation: What explains the base's measure.

    Returns:
        What was said, for the summary.

    Raises:
        TrainingError: In the first cycle, since no cycle was trained.
    """
    train = run.data.train
    reason = _reason(run, len(run.resting(cycle)), rollouts, explanation)
    message = f"cycle {cycle}: nothing was kept: {reason}"
    skipped = train.skips.describe(train.total)
    if skipped:
        message += f" {train.name}: {skipped}."
    if cycle == 1:
        raise TrainingError(message)
    run.events.warn(f"{message} The run ends here.")
    return message


def _reason(run: Run, rests: int, rollouts: CycleRollouts, explanation: Explanation | None) -> str:
    """Return why nothing was kept, in a sentence or two."""
    rewards, threshold = rollouts.rewards, rollouts.threshold
    if rests and not rewards.clips:
        return f"all {rests} clips were solved shortly before, and rest (--skip-solved)."
    if rewards.highest is None:
        verifiers = ", ".join(run.verification.verifiers)
        judged = f": none of {rewards.hypotheses} could be judged by {verifiers}"
        return f"no hypothesis has a reward{judged if rewards.hypotheses else ''}."
    if rollouts.unlearnable:  # enough was earned, so that it is not for the rewards
        reason, count = Counter(rollouts.unlearnable).most_common(1)[0]
        return (
            f"the model can learn none of the {len(rollouts.unlearnable)} targets that were "
            f"selected: {reason} ({count} of them)."
        )
    selection = read_plugin_reference(run.config.selection)[0]
    if rewards.cut == rewards.hypotheses:
        return (
            f"a length limit ended all of {rewards.cut} hypotheses, not the model, and the "
            f"selection '{selection}' kept none; see --max-tokens-per-second and --max-new-tokens."
        )
    if run.selection.has_loss:
        return (
            f"of every clip all hypotheses earn the same, of which '{selection}' learns nothing. "
            f"Raise --temperature or --samples-per-prompt, or add a verifier that tells them apart."
        )
    if rewards.highest >= threshold:
        return (
            f"of {rewards.hypotheses} hypotheses with rewards up to {rewards.highest:.3g} the "
            f"selection '{selection}' kept none."
        )
    earned = (
        f"of the rewards of {rewards.hypotheses} hypotheses the highest is {rewards.highest:.3g}, "
        f"and --reward-threshold is {threshold:g}."
    )
    if explanation is not None and explanation.blames_measure:
        return f"{earned} The measure is to blame: {explanation.sentence}."
    # A threshold of 0 would keep what earns nothing.
    lower = f"Lower it to {rewards.highest:.2g} or below, or raise" if rewards.highest else "Raise"
    return f"{earned} {lower} --samples-per-prompt."
