"""The report: the chosen runs on speakers that nothing was chosen by, looked at once, at the end.

What is measured of a run are the weights of the cycle that did best on the held-out clips, exported
or not, so that a control has a figure of its own. Read speech is measured here and nowhere else:
as retention set it would cost 148 clips a cycle and decide what is exported. The point of
interpolation halfway to the base was chosen before anything was measured, and costs as much as the
weights themselves: so it is measured of the first seed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from attrs import frozen

import audioforge
from audioforge.config import BenchmarkConfig
from audioforge.files import atomic
from audioforge.measuring.evaluation import Evaluation
from audioforge.raft.interpolation import interpolated
from audioforge.run.benchmark import run_benchmark
from audioforge.run.folder import RunFolder, write_checkpoint
from audioforge.terminal.figures import percent
from audioforge.terminal.reporter import Reporter
from real_speech.arms import COFFEE, NONNATIVE, RECIPES, Arm
from real_speech.outcome import checkpoint
from real_speech.plan import Setup, stages

FALLBACK: Mapping[str, Any] = {"temperature_fallback": True}
"""Decoding as Whisper is used: again, hotter, where the first try is a loop or unlikely."""

GREEDY, WITH_FALLBACK = "greedy", "fallback"

POINT = 0.5
"""How far from the base's weights to a run's, of those whose forgetting is looked at."""

READ_SPEECH = ("clean", "other")
NOISY = "noisy orders"
TESTS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    NONNATIVE: {
        "adults": (NONNATIVE, "test_a"),
        "children": (NONNATIVE, "test_b"),
        **{part: ("readspeech", part) for part in READ_SPEECH},
    },
    COFFEE: {
        "orders": (COFFEE, "test"),
        **{part: ("readspeech", part) for part in READ_SPEECH},
    },
}
"""What a corpus' models are measured on: name, corpus, and part of it."""


@frozen
class Model:
    """Something that is measured.

    Attributes:
        folder: Where its measurements are kept: its own, so that they go when it goes.
        corpus: Whose test sets it is measured on.
        checkpoint: Its weights.
        point: How far from the base's weights to these.
        decoding: Settings of its evaluation.
    """

    folder: Path
    corpus: str
    checkpoint: str
    point: float = 1.0
    decoding: Mapping[str, Any] = {}


def base_folder(setup: Setup, corpus: str, decoding: str = GREEDY) -> Path:
    """Return where the untouched model's measurements are."""
    return setup.output / corpus / "base" / decoding


def bases(setup: Setup) -> Iterator[Model]:
    """Yield the untouched model, decoded greedily and as Whisper is used."""
    for corpus in TESTS:
        yield Model(base_folder(setup, corpus), corpus, setup.model)
    folder = base_folder(setup, NONNATIVE, WITH_FALLBACK)
    yield Model(folder, NONNATIVE, setup.model, decoding=FALLBACK)


def run_folder(arm: Arm, seed: int, setup: Setup, *, point: float = 1.0) -> Path:
    """Return where the measurements of a run are."""
    name = "test" if point == 1 else f"test-{point:g}"
    return stages(arm, seed, setup)[-1].folder / name


def models_of(arm: Arm, seed: int, setup: Setup, *, halfway: bool) -> Iterator[Model]:
    """Yield what is measured of a finished run; nothing of one that is not.

    Args:
        arm: The arm.
        seed: The seed.
        setup: Where its runs are.
        halfway: Whether also between its weights and the base's.
    """
    folder = stages(arm, seed, setup)[-1].folder
    summary = RunFolder(folder).read_summary()
    if summary is None:
        return
    weights = str(checkpoint(folder, summary))
    for point in (1.0, POINT) if halfway else (1.0,):
        where = run_folder(arm, seed, setup, point=point)
        yield Model(where, arm.corpus, weights, point)


def test_sets(corpus: str, setup: Setup, noisy: Path | None) -> dict[str, Path]:
    """Return the manifests of a corpus' test sets by name.

    Args:
        corpus: The corpus.
        setup: Where the data are.
        noisy: The orders mixed with noise, as benchmarks/mix_noise.py writes them.
    """
    sets = {name: setup.manifest(*where) for name, where in TESTS[corpus].items()}
    if corpus == COFFEE and noisy is not None:
        sets[NOISY] = noisy
    return sets


def measure(model: Model, sets: Mapping[str, Path], setup: Setup) -> None:
    """Measure a model on the sets of its corpus, but for what is measured already.

    Args:
        model: What is measured.
        sets: Manifests by name.
        setup: Where the base's weights are.

    Raises:
        AudioForgeError: If something cannot be measured.
    """
    missing = [name for name in sets if not (model.folder / f"{name}.json").is_file()]
    if not missing:
        return
    model.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="audioforge-halfway-") as scratch:
        weights = model.checkpoint
        if model.point != 1:
            weights = _between(setup.model, weights, model.point, Path(scratch) / "model")
        for name in missing:
            record = _measured(weights, sets[name], model, name)
            atomic.write_json(model.folder / f"{name}.json", record)
            print(_line(model, name, record), flush=True)


def _between(base: str, tuned: str, point: float, folder: Path) -> str:
    """Write the weights on the line from the base to a run's; return where they are."""
    adapter = interpolated(lambda path: audioforge.load(path).adapter, base, tuned, point)
    with atomic.new_folder(folder) as new:
        write_checkpoint(adapter, new)
    return str(folder)


def _measured(weights: str, manifest: Path, model: Model, name: str) -> dict[str, Any]:
    """Return what `audioforge benchmark --json` says, and what each utterance adds to a metric."""
    told = {key: RECIPES[model.corpus][key] for key in ("normalizer", "batch_size")}
    if name not in READ_SPEECH:  # where nothing is ordered
        told |= {k: v for k, v in RECIPES[model.corpus].items() if k in ("verifier", "metric")}
    config = BenchmarkConfig.from_mapping(
        {"model_name": weights, "dataset": str(manifest), **told, **model.decoding}
    )
    done = run_benchmark(config, reporter=Reporter(quiet=True))
    return {
        "result": {k: v for k, v in done.result.items() if k not in ("model", "explanation")},
        "ids": [item.id for item in done.evaluation.items],
        "speakers": [item.speaker for item in done.evaluation.items],
        "parts": dict(_parts(done.evaluation)),
    }


def _parts(evaluation: Evaluation) -> Iterator[tuple[str, list[list[float]]]]:
    """Yield numerator and denominator of each metric, a list over utterances each."""
    ran_away = np.array([float("runaway" in item.prediction) for item in evaluation.items])
    yield "runaway", [ran_away.tolist(), [1.0] * len(ran_away)]
    for name in evaluation.metrics:
        numerator, denominator = evaluation.parts(name)
        if np.any(denominator):
            yield name, [numerator.tolist(), denominator.tolist()]
        if name == "wer":
            others = [(part * (1 - ran_away)).tolist() for part in (numerator, denominator)]
            yield "wer_without_runaway", others
    slots = [item.metrics["slots"] for item in evaluation.items if "slots" in item.metrics]
    if slots:  # everything that was ordered, and nothing else
        right = [float(s["expected_values"] == s["slot_hits"] == s["found_values"]) for s in slots]
        yield "orders_right", [right, [1.0] * len(right)]


def _line(model: Model, name: str, record: Mapping[str, Any]) -> str:
    result = record["result"]
    metric = result["metric"].rpartition(".")[2]
    place = f"{model.folder.parent.parent.name}/{model.folder.parent.name}/{model.folder.name}"
    return f"{place} on {name}: {metric} {percent(result[metric])}, {result['n']} clips"
