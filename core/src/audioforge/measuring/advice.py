"""What to try after a run that improved nothing, from what it measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from audioforge.measuring.enough_utterances import FEW
from audioforge.plugin_reference import read_plugin_reference
from audioforge.terminal.figures import percent

LITTLE_SPREAD = 0.5
"""Share of clips without reward spread from which on there is too little to choose from."""
LITTLE_ROOM = 0.05
"""Part of the greedy errors that the best of k must take away to leave room."""
FEW_KEPT = 0.25
"""Part of the clips below which little is learnt."""
HARDLY = 0.005
"""Difference of rates that is next to none."""
MOST_SENTENCES = 3
NOTHING_STANDS_OUT = (
    "no number stands out: take more training clips or more --cycles, or raise --learning-rate"
)


CONTROL = "random"
"""The selection that is not to improve anything."""


def advice(summary: Mapping[str, Any], config: Mapping[str, Any]) -> list[str]:
    """Return what to try, the most telling first; empty where the run improved, or is a control.

    Args:
        summary: The run's results, as `summary.json` holds them.
        config: The run's settings, as `config.yaml` holds them.
    """
    if summary["improved"] or read_plugin_reference(config["selection"])[0] == CONTROL:
        return []
    explanation = summary["explanation"] or {}
    if explanation.get("sentence"):  # where the measure is to blame, nothing else helps
        return [f"first mend how it is measured: {explanation['sentence']}"]
    cycles: Sequence[Mapping[str, Any]] = summary["cycles"]
    found = [
        _too_few(summary),
        _lost(cycles),
        _worse(summary),
        _no_room(summary),
        _no_spread(cycles, config),
        _few_kept(cycles, config),
        _unsure(summary),
        _unchanged(summary),
    ]
    sentences = [sentence for sentence in found if sentence is not None]
    return sentences[:MOST_SENTENCES] or [NOTHING_STANDS_OUT]


def _too_few(summary: Mapping[str, Any]) -> str | None:
    measured = summary["base"]["measured"]
    if measured >= FEW:
        return None
    return (
        f"{measured} held-out utterances tell only large differences: take at least {FEW}, by a "
        f"larger --eval-dataset or --eval-fraction"
    )


def _lost(cycles: Sequence[Mapping[str, Any]]) -> str | None:
    lost = sorted({name for cycle in cycles for name in cycle["lost"]})
    if not lost:
        return None
    return f"{', '.join(lost)} got worse: lower --learning-rate, or --trainable lora"


def _worse(summary: Mapping[str, Any]) -> str | None:
    """Say that every cycle is worse than the base."""
    gains, cycles = _gains(summary), summary["cycles"]
    if not gains or max(gains) >= -HARDLY:
        return None
    metric, base = summary["metric"], summary["base"][summary["metric"]]
    rate = cycles[0]["learning_rate"]
    return (
        f"it got worse from {percent(base)} to {percent(cycles[0][metric])} in the first cycle: "
        f"lower --learning-rate from {rate:.3g} to {rate / 3:.1g}"
    )


def _no_room(summary: Mapping[str, Any]) -> str | None:
    found = summary["learnability"] or {}
    metric = summary["metric"]
    greedy, oracle = found.get(f"greedy_{metric}"), found.get(f"oracle_{metric}")
    if greedy is None or oracle is None or found["k"] == 1:
        return None
    sign = 1 if summary["higher_is_better"] else -1
    errors = 1 - greedy if summary["higher_is_better"] else greedy
    if sign * (oracle - greedy) > LITTLE_ROOM * errors:
        return None
    return (
        f"the best of {found['k']} hypotheses ({percent(oracle)}) is hardly better than greedy "
        f"decoding ({percent(greedy)}), so that there is nothing to choose: raise "
        f"--samples-per-prompt to {4 * found['k']}, or learn from transcripts (--selection mix)"
    )


def _no_spread(cycles: Sequence[Mapping[str, Any]], config: Mapping[str, Any]) -> str | None:
    share = cycles[0]["frac_reward_zero_std"] if cycles else None
    if share is None or share < LITTLE_SPREAD:
        return None
    k, temperature = config["samples_per_prompt"], config["temperature"]
    first = temperature[0] if isinstance(temperature, list | tuple) else temperature
    return (
        f"{percent(share, 0)} of clips earn the same reward with every hypothesis: raise "
        f"--temperature above {first:g} or --samples-per-prompt above {k}, or take clips that the "
        f"model does not know yet"
    )


def _few_kept(cycles: Sequence[Mapping[str, Any]], config: Mapping[str, Any]) -> str | None:
    if not cycles or not cycles[0]["hypotheses"]:
        return None
    clips = cycles[0]["hypotheses"] / config["samples_per_prompt"]
    kept = cycles[0]["kept"] / clips
    if kept >= FEW_KEPT:
        return None
    return (
        f"only {cycles[0]['kept']} of {clips:,.0f} clips were learnt from: lower "
        f"--reward-threshold, or raise --wer-threshold from {config['wer_threshold']:g}"
    )


def _unsure(summary: Mapping[str, Any]) -> str | None:
    """Say that a cycle is better, and that it may be luck."""
    gains = _gains(summary)
    if max(gains, default=0.0) <= HARDLY or summary["base"]["measured"] < FEW:
        return None
    return (
        f"cycle {gains.index(max(gains)) + 1} is better by {100 * max(gains):.1f} points, which "
        f"{summary['base']['measured']} utterances cannot tell from luck: take more of them, or "
        f"more training clips"
    )


def _unchanged(summary: Mapping[str, Any]) -> str | None:
    gains = _gains(summary)
    if not gains or max(map(abs, gains)) > HARDLY:
        return None
    rate = summary["cycles"][0]["learning_rate"]
    return (
        f"hardly anything changed: raise --learning-rate from {rate:.3g} to {3 * rate:.1g}, or "
        f"take more --cycles"
    )


def _gains(summary: Mapping[str, Any]) -> list[float]:
    """Return by how much each cycle is better than the base."""
    metric, sign = summary["metric"], 1 if summary["higher_is_better"] else -1
    return [sign * (cycle[metric] - summary["base"][metric]) for cycle in summary["cycles"]]
