"""The card of an exported checkpoint: `README.md`, with the metadata that the hub shows.

It says what the model was made from and how well it does, in counts and figures: no path of this
machine and no text of the data gets into it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from audioforge.plugin_reference import read_plugin_reference
from audioforge.run.base_card import BaseCard
from audioforge.terminal.escapes import one_line
from audioforge.terminal.figures import percent, percent_interval, point_interval

PIPELINES = {
    "asr": "automatic-speech-recognition",
    "classification": "audio-classification",
    "tts": "text-to-speech",
}
"""The hub's names of the tasks."""

SETTINGS = (
    *("num_cycles", "samples_per_prompt", "temperature", "reward_threshold", "wer_threshold"),
    *("learning_rate", "lr_decay_per_cycle", "batch_size", "gradient_accumulation_steps"),
    *("epochs_per_cycle", "steps_per_cycle", "trainable", "lora_rank", "lora_alpha", "dtype"),
    *("temperature_fallback", "max_tokens_per_second", "seed"),
)
"""What a card tells of the configuration: numbers and fixed words."""

PLACE = "OWNER/NAME"
"""What stands for the repository until it has a name."""

LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
UNKNOWN = "und"

MARKS = re.compile(r"([\\`*_{}\[\]()<>#+!|~&:@$^=-])")
"""What Markdown, or HTML in it, would take for more than a letter."""


@frozen(kw_only=True)
class CardFacts:
    """What a card says that the run's summary does not.

    Attributes:
        base: What is known of the base model.
        dataset: Id of the training data on the hub; None of data from elsewhere.
        held_out: Likewise of the held-out data.
        clips: How many clips the run could use to learn from.
        metric: How people call the metric that decides.
    """

    base: BaseCard
    dataset: str | None
    held_out: str | None
    clips: int
    metric: str


def model_card(summary: Mapping[str, Any], config: Mapping[str, Any], facts: CardFacts) -> str:
    """Return the card of what a run exported.

    Args:
        summary: What `summary.json` will hold.
        config: The settings, as `config.yaml` holds them.
        facts: What else is told.
    """
    title = f"{_base(facts)}, {'' if summary['improved'] else 'not '}tuned by AudioForge"
    parts = (
        _metadata(summary, config, facts),
        f"# {title[0].upper()}{title[1:]}",
        _verdict(summary, facts),
        _figures(summary, facts),
        _use(summary),
        _data(summary, facts),
        _configuration(summary, config),
        _limits(summary, facts),
        _licence(facts),
    )
    return "\n\n".join(parts) + "\n"


def plain(text: str) -> str:
    r"""Return foreign text that a page of Markdown shows as it is.

    >>> plain("<b>*x*</b>")
    '\\<b\\>\\*x\\*\\</b\\>'
    """
    return MARKS.sub(r"\\\1", one_line(text))


def _base(facts: CardFacts) -> str:
    if facts.base.is_local:
        made_from = f", made from {plain(facts.base.id)}" if facts.base.id else ""
        return f"a local checkpoint{made_from}"
    return plain(facts.base.id or "a checkpoint of the hub")


def _metadata(summary: Mapping[str, Any], config: Mapping[str, Any], facts: CardFacts) -> str:
    from huggingface_hub import EvalResult, ModelCardData

    best, metric = summary["best"], summary["metric"]
    pipeline = PIPELINES[summary["task"]]
    results = None
    if (value := best[metric]) is not None:
        results = [
            EvalResult(
                task_type=pipeline,
                dataset_type=facts.held_out or "held-out",
                dataset_name=facts.held_out or "held-out clips",
                metric_type=metric,
                metric_value=round(100 * value, 2),
                metric_name=f"{facts.metric}, percent, normaliser {summary['normalizer']}",
            )
        ]
    data = ModelCardData(
        base_model=facts.base.id,
        datasets=facts.dataset,
        language=_languages(summary) or None,
        license=facts.base.licence,
        library_name="transformers",
        pipeline_tag=pipeline,
        tags=["audioforge", "raft", *(["lora"] if config["trainable"] == "lora" else [])],
        model_name=PLACE,
        eval_results=results,
    )
    return f"---\n{data.to_yaml()}\n---"


def _verdict(summary: Mapping[str, Any], facts: CardFacts) -> str:
    if summary["improved"]:
        best = summary["best"]
        part = "" if best["interpolation"] == 1 else f", {best['interpolation']:g} of the way to it"
        return (
            f"Fine-tuned by RAFT (sample, verify, keep the best, fine-tune, repeat): cycle "
            f"{best['cycle']} of {len(summary['cycles'])}{part}. {facts.metric} is better than the "
            f"base model's outside of the 95 % interval."
        )
    return (
        "These are the base model's own weights: a run of RAFT trained on them, and what it "
        f"trained was not better in {facts.metric} outside of the 95 % interval."
    )


def _figures(summary: Mapping[str, Any], facts: CardFacts) -> str:
    base, best, metric = summary["base"], summary["best"], summary["metric"]
    rows = [
        ("held out", "base", base),
        ("held out", f"this model, {best['dtype']}", best),
    ]
    if summary["test"]:
        rows += [("test", "base", summary["test"]["base"])]
        rows += [("test", "this model", summary["test"]["best"])]
    lines = [
        f"| clips | model | {facts.metric} | 95 % interval | difference to base, points, 95 % |",
        "| --- | --- | --- | --- | --- |",
    ]
    for clips, model, entry in rows:
        difference = entry.get("difference_ci95")
        lines.append(
            f"| {clips} ({entry['n']}) | {model} | {percent(entry[metric])} | "
            f"{percent_interval(*entry['ci95'])} | "
            f"{point_interval(*difference) if difference else ''} |"
        )
    normalizer = summary["normalizer"]
    return (
        "## What was measured\n\n"
        + "\n".join(lines)
        + f"\n\nNormaliser: {plain(str(normalizer))}. Decoding: {plain(best['decoding'])}. The "
        f"figures of this model are of the weights in this folder."
    )


def _use(summary: Mapping[str, Any]) -> str:
    pipeline = PIPELINES[summary["task"]]
    return (
        "## Use\n\n```python\nfrom transformers import pipeline\n\n"
        f'model = pipeline("{pipeline}", model="{PLACE}")  # or this folder\n```'
    )


def _data(summary: Mapping[str, Any], facts: CardFacts) -> str:
    where = f"of {plain(facts.dataset)}" if facts.dataset else "that are not published here"
    spoken = ", ".join(map(plain, _languages(summary)))
    skipped = sum(summary["skipped"].values())
    return (
        f"## Data\n\n{facts.clips:,} clips {where}; {summary['base']['n']:,} held out. Languages: "
        f"{spoken or 'not stated'}. Left out: {skipped:,}."
    )


def _configuration(summary: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    verifiers = ", ".join(f"{plain(n)} × {w:g}" for n, w in summary["verifiers"].items())
    rows = {
        "reward": verifiers,
        "selection": plain(read_plugin_reference(config["selection"])[0]),
        "metric that decides": plain(summary["metric"]),
        **{key: plain(str(config[key])) for key in SETTINGS if config[key] is not None},
    }
    if config["trainable"] != "lora":
        rows = {key: value for key, value in rows.items() if not key.startswith("lora_")}
    lines = [f"| {plain(key)} | {value} |" for key, value in rows.items()]
    return "## Configuration\n\n| setting | value |\n| --- | --- |\n" + "\n".join(lines)


def _limits(summary: Mapping[str, Any], facts: CardFacts) -> str:
    limits = []
    interval = summary["best"]["interval"]
    if (speakers := interval.get("speakers")) == 1:
        limits.append("The intervals are for the 1 speaker who was held out.")
    elif speakers:
        limits.append(f"The intervals are for {speakers} speakers who were held out.")
    if summary["selected_on_same_data"]:
        limits.append("The held-out clips chose the model too; no independent set confirms it.")
    if summary["metric_is_rewarded"]:
        limits.append(f"{facts.metric} was also the reward, or a part of it.")
    retained = len(summary["base"]["retention"])
    if retained and summary["improved"]:
        limits.append(
            f"What it knew before was measured on other data ({retained}), none of which got worse "
            f"outside of the 95 % interval."
        )
    elif summary["improved"]:
        limits.append("What it lost on other speech was not measured.")
    limits.append("On other speakers, rooms, languages and ways of speaking it may do worse.")
    return "## Limits\n\n" + "\n".join(f"- {limit}" for limit in limits)


def _licence(facts: CardFacts) -> str:
    text = (
        f"The base model's card states {plain(facts.base.licence)}; these weights are derived "
        f"from it."
        if facts.base.licence
        else "The base model's files do not state its licence, which these weights derive from."
    )
    return f"## Licence\n\n{text}"


def _languages(summary: Mapping[str, Any]) -> list[str]:
    """Return the languages of the clips, those of most clips first."""
    counts: dict[str, int] = {}
    for dataset in summary["languages"].values():
        for language, clips in dataset["clips"].items():
            counts[str(language)] = counts.get(str(language), 0) + clips
    known = [tag for tag in counts if tag != UNKNOWN and LANGUAGE.fullmatch(tag)]
    return sorted(known, key=lambda tag: (-counts[tag], tag))
