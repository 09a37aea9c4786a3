"""What is trained: a recipe for each corpus, and the arms, which differ from it in little.

An arm is a list of stages, each a run that begins with what the one before exported. A stage is a
selection as `audioforge train --selection` takes it and, after an @, separated by ;, settings that
it has instead of the recipe's: `best@temperature=1.0;samples_per_prompt=8`.

`CHOSEN`, `OTHER_OBJECTIVE` and `AFTER_TRANSCRIPTS` are what the sweep says of train and held-out
clips. A run of it that is chosen is not made again, since runs are named by what they do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

NONNATIVE, COFFEE = "nonnative", "coffee"

RECIPES: Mapping[str, Mapping[str, Any]] = {
    NONNATIVE: {
        "normalizer": "whisper-english",
        "limit": 200,
        "num_cycles": 2,
        "steps_per_cycle": 25,  # one pass over 200 clips, whatever a selection keeps of them
        "batch_size": 8,
        "samples_per_prompt": 4,
        "temperature": 0.6,
        "learning_rate": 1e-5,
    },
    COFFEE: {
        "normalizer": "whisper-english",
        "verifier": ["slots"],
        "metric": "slots.slot_f1",
        "num_cycles": 2,
        "steps_per_cycle": 28,
        "batch_size": 8,
        "samples_per_prompt": 4,
        "temperature": 1.0,
        "learning_rate": 1e-5,
    },
}
"""Every arm of a corpus: equal steps, as many clips a step."""

FROZEN = "trainable=frozen-encoder;learning_rate=3e-5"
"""The decoder alone, at a rate that suits it: 2.3 times cheaper, since what the encoder makes of a
clip is computed once."""

CHOSEN = {NONNATIVE: "", COFFEE: FROZEN}
"""Settings that the main arms of a corpus have instead of the recipe's: what the sweep chose."""

OTHER_OBJECTIVE = f"rloo@{FROZEN}"
"""The objective that does best on the held-out clips, of those that are not RAFT; a stage."""

AFTER_TRANSCRIPTS = f"rloo@{FROZEN}"
"""What gains most, on the held-out clips, where the transcripts were learnt first; a stage."""

HOT_FIRST = "temperature=1.0,0.6"
"""Draws that differ more while the model is the base, then those of the recipe."""

CONSENSUS = (
    "best@verifier=[consensus, length];aggregator=gated:require=hallucination+length;"
    "samples_per_prompt=8"
)
"""Whether a hypothesis is what the others say too, unless it is doubtful; a stage."""

WITHOUT_TRANSCRIPTS = "unlabelled"
"""Reads the training clips without `text`: what cannot be read cannot be learnt from."""

NOISE = "augment=noise:folder=$DATA/coffee/noise,snr_db=5-20"
"""$DATA is the folder of the corpora, as in the commands."""


@frozen
class Arm:
    """What is trained in one way.

    Attributes:
        name: How tables call it.
        corpus: What it learns, and is held against.
        stages: What is done in turn.
        reads: "transcripts", or "unlabelled" where the training clips have none.
        is_main: Whether it is trained with every seed; otherwise with the first.
        is_tested: Whether the report measures it; the others are seen on held-out clips only.
    """

    name: str
    corpus: str
    stages: tuple[str, ...]
    reads: str = field(default="transcripts", kw_only=True)
    is_main: bool = field(default=False, kw_only=True)
    is_tested: bool = field(default=False, kw_only=True)


def _chosen(corpus: str, stage: str, *changes: str) -> str:
    """Return a stage with the settings that were chosen for its corpus, and others."""
    selection, _, own = stage.partition("@")
    told = ";".join(filter(None, (CHOSEN[corpus], own, *changes)))
    return f"{selection}@{told}" if told else selection


def _main(name: str, *stages: str) -> Arm:
    """Return an arm on the non-native speech that is trained with every seed."""
    chosen = tuple(_chosen(NONNATIVE, stage) for stage in stages)
    return Arm(name, NONNATIVE, chosen, is_main=True, is_tested=True)


def _once(name: str, *stages: str) -> Arm:
    """Return one that is trained with the first seed, and measured too."""
    chosen = tuple(_chosen(NONNATIVE, stage) for stage in stages)
    return Arm(name, NONNATIVE, chosen, is_tested=True)


def _orders(name: str, *changes: str) -> Arm:
    """Return one that learns from the slots of the orders, with every seed."""
    stages = (_chosen(COFFEE, "best", *changes),)
    return Arm(name, COFFEE, stages, reads=WITHOUT_TRANSCRIPTS, is_main=True, is_tested=True)


TESTED = (
    _main("random", "random"),
    _main("RAFT", "best"),
    _main("RAFT, hot first cycle", f"best@{HOT_FIRST}"),
    _main("other objective", OTHER_OBJECTIVE),
    _main("transcripts", "reference"),
    _main("RAFT and transcripts at once", "mix:transcripts=0.5"),
    _main("transcripts, then reward", "reference", AFTER_TRANSCRIPTS),
    _once("transcripts, then transcripts", "reference", "reference"),
    _once("RAFT, frozen encoder", f"best@{FROZEN}"),
    _once("RAFT, LoRA", "best@trainable=lora;learning_rate=1e-4"),
    _once("transcripts, frozen encoder", f"reference@{FROZEN}"),
    # No label at all; the held-out clips have transcripts, or nobody could tell.
    Arm("no label: consensus", NONNATIVE, (CONSENSUS,), reads=WITHOUT_TRANSCRIPTS, is_tested=True),
    _orders("slots"),
    _orders("slots, noise", NOISE),
    Arm(
        "slots: random",
        COFFEE,
        (_chosen(COFFEE, "random"),),
        reads=WITHOUT_TRANSCRIPTS,
        is_tested=True,
    ),
    Arm("slots: transcripts", COFFEE, (_chosen(COFFEE, "reference"),), is_tested=True),
)


def _sweep(stage: str, name: str = "") -> Arm:
    """Return an arm on the non-native speech, called by what differs unless it has a name."""
    return Arm(name or stage, NONNATIVE, (stage,))


SWEEP = (
    # How hypotheses are drawn, and how many.
    *(_sweep(f"best@temperature={t}") for t in ("0.4", "0.8", "1.0")),
    *(_sweep(f"best@samples_per_prompt={k}") for k in (8, 16)),
    _sweep("best@temperature=1.0;samples_per_prompt=16"),
    _sweep("best@top_p=0.9"),
    # Which of them are kept.
    *(_sweep(f"best@reward_threshold={r}") for r in (0.5, 0.9)),
    # How far it goes: rate, weights, cycles, clips.
    *(_sweep(f"best@learning_rate={r}") for r in ("5e-6", "2e-5", "3e-5")),
    _sweep("best@num_cycles=4"),
    _sweep("best@limit=400;steps_per_cycle=50"),
    _sweep(f"best@{HOT_FIRST};limit=400;steps_per_cycle=50"),
    _sweep("best@limit=400;steps_per_cycle=50;samples_per_prompt=8"),
    # Other objectives, and what they need.
    *(_sweep(objective) for objective in ("rloo", "grpo", "mwer", "top-n:n=2", "weighted")),
    *(_sweep(f"{objective}@learning_rate=3e-6") for objective in ("rloo", "grpo")),
    _sweep("mwer:transcripts=0.1"),
    _sweep("mwer@samples_per_prompt=8"),
    # Transcripts and rewards together.
    _sweep("reference@limit=400;steps_per_cycle=50"),
    *(
        Arm(f"transcripts, then {objective}", NONNATIVE, ("reference", objective))
        for objective in ("best", "best@learning_rate=3e-6", "mwer", "rloo@learning_rate=3e-6")
    ),
    # Other ways to learn from slots.
    Arm(
        "slots: temperature 0.6",
        COFFEE,
        (f"best@{FROZEN};temperature=0.6",),
        reads=WITHOUT_TRANSCRIPTS,
    ),
    Arm("slots: all weights", COFFEE, ("best",), reads=WITHOUT_TRANSCRIPTS),
    Arm("slots: rloo", COFFEE, (f"rloo@{FROZEN}",), reads=WITHOUT_TRANSCRIPTS),
    Arm(
        "slots: k = 8",
        COFFEE,
        (f"best@{FROZEN};samples_per_prompt=8",),
        reads=WITHOUT_TRANSCRIPTS,
    ),
)
