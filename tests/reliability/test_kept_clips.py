"""What need be computed of a clip only once is, and changes nothing of what a run comes to."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile
from click.testing import CliRunner

from audioforge import keyed_random
from audioforge.cli import cli
from audioforge.raft.gradients import Gradients
from audioforge_demo import assets
from audioforge_whisper.engine import Engine

from .test_resume import killed_with
from .tone_run import flags, results, resume, settings, train

pytestmark = pytest.mark.no_cover  # shorter tests pass the same lines

TRAINED, HELD_OUT = 8, 6


def write_part(path: Path, manifest: Path, count: int) -> str:
    lines = [json.loads(line) for line in manifest.read_text().splitlines()[:count]]
    for line in lines:
        line["audio_filepath"] = str(manifest.parent / line["audio_filepath"])
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(path)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A run of the demo's Whisper with a frozen encoder, evaluated at four points."""
    folder = tmp_path_factory.mktemp("digits")
    return {
        "model_name": str(assets.model()),
        "dataset": write_part(folder / "train.jsonl", assets.target_train(), TRAINED),
        "eval_dataset": write_part(folder / "heldout.jsonl", assets.target_heldout(), HELD_OUT),
        "trainable": "frozen-encoder",
        "normalizer": "none",
        "samples_per_prompt": 3,
        "reward_threshold": 0.0,
        "num_cycles": 2,
        "steps_per_cycle": 3,
        "batch_size": 4,
        "learning_rate": 5e-4,
        "interpolate": [0.5, 1.0],
        "device": "cpu",
    }


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many clips each call of the encoder encodes, of the engine and in the update."""
    calls: list[int] = []
    encode = Engine.encode

    def _encode(engine: Engine, features: Any) -> Any:
        if not features.is_meta:  # sizes are asked of a model without numbers
            calls.append(len(features))
        return encode(engine, features)

    monkeypatch.setattr(Engine, "encode", _encode)
    return calls


@pytest.fixture(scope="module")
def without(recipe: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the run comes to when nothing is kept."""
    run = tmp_path_factory.mktemp("without") / "run"
    train(run, {**recipe, "cache_gb": 0})
    return results(run)


def test_a_frozen_encoder_encodes_each_clip_once(
    recipe: dict[str, Any], without: dict[str, Any], tmp_path: Path, encoded: list[int]
) -> None:
    train(tmp_path / "run", recipe)
    assert encoded == [1] * (TRAINED + HELD_OUT)
    assert results(tmp_path / "run") == without
    assert not (tmp_path / "run" / "state").exists()


def test_rows_of_noisy_clips_last_for_their_cycle_and_push_out_no_others(
    recipe: dict[str, Any], tmp_path: Path, encoded: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bike").mkdir()
    sound = keyed_random.generator("bike").standard_normal(16_000) / 10
    soundfile.write(tmp_path / "bike/bike.wav", sound, 16_000)
    there: list[tuple[int, int]] = []
    accumulate = Gradients.accumulate

    def _accumulate(gradients: Gradients, *arguments: Any) -> float:
        kinds = [p.parent.name for p in (tmp_path / "run/state/cache").rglob("*.safetensors")]
        passing = sum(kind.endswith("-passing") for kind in kinds)
        there.append((passing, len(kinds) - passing - kinds.count("sound")))
        return accumulate(gradients, *arguments)

    monkeypatch.setattr(Gradients, "accumulate", _accumulate)
    train(tmp_path / "run", {**recipe, "augment": f"noise:folder={tmp_path / 'bike'}"})
    assert encoded == [1] * (HELD_OUT + 2 * TRAINED), "once for sampling and learning"
    assert there == [(TRAINED, HELD_OUT)] * 6, "in each step of both cycles"


@pytest.mark.sweep(4)
@pytest.mark.parametrize("gigabytes", [0, 1e-5])
def test_a_run_is_the_same_whatever_is_kept(inputs: Path, whole: Path, tmp_path, gigabytes) -> None:
    train(tmp_path / "run", settings(inputs, cache_gb=gigabytes))
    assert results(tmp_path / "run") == results(whole)


def test_what_is_kept_outlasts_a_kill_and_damage_is_mended(
    recipe: dict[str, Any], without: dict[str, Any], tmp_path: Path, encoded: list[int]
) -> None:
    run = tmp_path / "run"
    assert killed_with(recipe, run, Gradients, "accumulate", 2)
    rows = [p for p in (run / "state/cache").rglob("*.safetensors") if p.parent.name != "sound"]
    assert len(rows) == TRAINED + HELD_OUT
    for path in rows[:2]:
        path.write_bytes(path.read_bytes()[:-200])
    resume(run)
    assert encoded == [1, 1]
    assert results(run) == without


def test_what_will_be_kept_is_told(
    recipe: dict[str, Any], tmp_path: Path, encoded: list[int]
) -> None:
    run, plan = tmp_path / "run", planned(recipe, tmp_path / "plan")
    assert killed_with(recipe, run, Gradients, "accumulate", 1)
    there = sum(p.stat().st_size for p in (run / "state/cache").rglob("*.safetensors"))
    assert plan["disk_bytes"]["cache"] == pytest.approx(there, rel=0.1)
    less = planned({**recipe, "cache_gb": 1e-5}, tmp_path / "plan")
    assert less["disk_bytes"]["cache"] == 10_000


def planned(recipe: dict[str, Any], output: Path) -> dict[str, Any]:
    invoke: Callable[..., Any] = CliRunner().invoke
    told = invoke(cli, ["train", *flags(recipe), "--output", str(output), "--dry-run", "--json"])
    assert told.exit_code == 0, told.output
    plan: dict[str, Any] = json.loads(told.stdout)
    return plan
