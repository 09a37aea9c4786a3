"""Plugins that change what is not their own: what they are handed, the state of the process."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from audioforge.config import VerifierSetting
from audioforge.dataset import DatasetRequest
from audioforge.errors import DatasetError, PluginError, PluginWarning, VerifierError
from audioforge.isolation.global_state import of_torch
from audioforge.judging.guard import Guard
from audioforge.judging.needs import Needs
from audioforge.judging.verification import Verification, verifier_context
from audioforge.plugins import discover
from audioforge.run.data.samples import Wanted, load_samples
from audioforge.sample import AudioSample, Hypothesis
from audioforge.tasks import speech_task

from .tone_run import PLUGINS, Fork, install, read_lines, results, settings, train

pytestmark = pytest.mark.no_cover  # shorter tests pass the same lines

CASES = {
    "grad": "grad mode",
    "inference": "inference mode",
    "dtype": "default dtype",
    "device": "default device",
    "threads": "number of threads",
    "autocast": "autocast",
    "deterministic": "deterministic algorithms",
    "matmul": "precision of matrix products",
    "cudnn": "cuDNN",
    "folder": "working directory",
    "environment": "environment variables",
    "signals": "signal handlers",
    "numpy": "floating-point errors",
}
"""What is said of each state that the verifier leaves changed."""
TEXTS = ("low high", "high high", "middle low", "low low")

WANTED = Wanted(task=speech_task("asr"), needs=[Needs(speech_task("asr"))], on_error="skip")


@pytest.fixture(scope="module", autouse=True)
def _meddlers(inputs: Path) -> Iterator[None]:
    """Install the plugin beside that of the recogniser of tones."""
    install(inputs.parent / "site", "meddlers", PLUGINS)
    yield
    shutil.rmtree(inputs.parent / "site" / "meddlers-1.0.dist-info")


@pytest.fixture(autouse=True)
def _meddled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDDLED", "no")


@pytest.fixture(scope="module")
def judged(inputs: Path) -> dict[str, Any]:
    """Return what a run ends with whose verifier changes nothing."""
    return run(inputs, inputs / "judged", verifier=["meddler:kind=none"])


def run(inputs: Path, output: Path, **changes: Any) -> dict[str, Any]:
    train(output, settings(inputs, num_cycles=1, steps_per_cycle=2, **changes))
    return results(output)


def judges(*verifiers: str, aggregator: str = "weighted_mean", time_limit: float = 0.0):
    """Set verifiers up as a run does."""
    registry = discover()
    context = verifier_context(registry, "asr", "none", 0.3, "cpu")
    parsed = [VerifierSetting.parse(text) for text in verifiers]
    return Verification(registry, parsed, aggregator, context, Guard(time_limit, 1.0))


def rollouts_of(verification: Verification, samples: list[AudioSample] | None = None):
    samples = samples or [AudioSample(t, reference=t) for t in TEXTS]
    hypotheses = [[Hypothesis(i, text=t) for i, t in enumerate(TEXTS)] for _ in samples]
    rollouts = verification.verify(1, samples, hypotheses)
    for rollout in rollouts:
        assert [h.hypothesis.text for h in rollout.hypotheses] == list(TEXTS)
    return rollouts


def rewards_of_a_whole_life(verifier: str) -> list[float | None]:
    """Create a verifier, set it up, ask it and let it go."""
    verification = judges(verifier)
    rollouts = rollouts_of(verification)
    assert verification.close() == []
    return [said.reward for said in rollouts[0].hypotheses]


def state() -> tuple[object, ...]:
    kinds = of_torch.kinds()
    handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGALRM)]
    return (*(k.read() for k in kinds), Path.cwd(), os.environ["MEDDLED"], handlers, np.geterr())


# What is handed out


@pytest.mark.parametrize("kind", ["sorts", "empties"])
def test_a_verifier_that_changes_its_list_fails_and_mixes_nothing_up(kind: str) -> None:
    verification = judges(f"meddler:kind={kind}", "wer")
    for rollout in rollouts_of(verification):
        for said in rollout.hypotheses:
            assert (said.scores["wer"].reward == 1.0) == (said.hypothesis.text == rollout.sample.id)
            assert "'tuple' object has no attribute" in said.scores["meddler"].error
            assert "meddlers/verifier.py:" in said.scores["meddler"].error


def test_training_stops_at_a_verifier_that_changes_its_list(inputs: Path, tmp_path: Path) -> None:
    with pytest.raises(VerifierError, match="no attribute 'sort'"):
        run(inputs, tmp_path / "run", verifier=["meddler:kind=sorts"])


def test_what_a_verifier_writes_on_a_sample_no_other_one_reads() -> None:
    deep, empty = {"notes": [], "deep": {"list": [1]}}, {}
    samples = [AudioSample("low", reference="low", metadata=about) for about in (deep, empty)]
    verification = judges("meddler:kind=notes", "meddler:kind=notes,id=second")
    for _ in range(2):
        for rollout in rollouts_of(verification, samples):
            assert {s.reward for h in rollout.hypotheses for s in h.scores.values()} == {1.0}
    assert (deep, empty) == ({"notes": [], "deep": {"list": [1]}}, {})


def test_a_verifier_cannot_write_into_the_sound() -> None:
    sound = np.ones(800, np.float32)
    [rollout] = rollouts_of(judges("meddler:kind=mutes"), [AudioSample("a", sound, 8000, "low")])
    assert "read-only" in rollout.hypotheses[0].scores["meddler"].error
    assert sound.all()
    assert sound.flags.writeable


def test_an_aggregator_changes_neither_scores_nor_weights() -> None:
    verification = judges("meddler:kind=none", "wer:weight=2", aggregator="greedy")
    for rollout in rollouts_of(verification):
        for said in rollout.hypotheses:
            assert set(said.scores) == {"meddler", "wer"}
            assert set(said.scores["meddler"].metrics) == {"right", "words"}
    assert verification.weights == {"meddler": 1.0, "wer": 2.0}


def adapted(inputs: Path, model: str, folder: Path) -> str:
    """Return the base model as a checkpoint of another adapter."""
    shutil.copytree(inputs / "base", folder)
    (folder / "config.json").write_text(f'{{"model_type": "{model}"}}')
    return str(folder)


def test_an_adapter_cannot_sort_the_clips_it_is_given(inputs: Path, tmp_path: Path) -> None:
    model = adapted(inputs, "tone-sorter", tmp_path / "base")
    with pytest.raises(AttributeError, match="'tuple' object has no attribute 'sort'"):
        run(inputs, tmp_path / "run", model_name=model)


def test_an_adapter_that_works_in_place_spoils_no_sound(inputs: Path, tmp_path: Path) -> None:
    model = adapted(inputs, "tone-scaler", tmp_path / "base")
    run(inputs, tmp_path / "run", model_name=model, verifier=["meddler:kind=hears"])
    rollouts = read_lines(tmp_path / "run" / "cycle-01" / "rollouts-00000.jsonl")
    assert {said["reward"] for line in rollouts for said in line["hypotheses"]} == {1.0}


def test_an_adapter_that_stands_elsewhere_meanwhile_loses_no_clip(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads decode ahead while it samples."""
    model = adapted(inputs, "tone-wanderer", tmp_path / "base")
    monkeypatch.chdir(inputs)
    data = {"dataset": "train.jsonl", "eval_dataset": "heldout.jsonl"}
    train(Path(os.path.relpath(tmp_path / "run")), settings(inputs, model_name=model, **data))
    skipped = read_lines(tmp_path / "run" / "skipped.jsonl")
    assert {line["kind"] for line in skipped} == {"undecodable"}
    assert len(skipped) == 2, "the broken one of each set"


def test_what_a_dataset_fills_again_and_again_is_taken_as_it_was() -> None:
    request = DatasetRequest("")
    loaded = load_samples(discover(), "reuser", request, WANTED)
    assert len({sample.audio.tobytes() for sample in loaded.samples}) == 9
    for sample in loaded.samples:
        assert sample.metadata == {"text": sample.id}
        assert sample.labels == (sample.id,)


def test_a_dataset_that_yields_something_else_is_named() -> None:
    with pytest.raises(DatasetError, match=r"'meddlers/mixed' failed: TypeError: item \d+ is dict"):
        load_samples(discover(), "mixed", DatasetRequest(""), WANTED)


# The state of the process


@pytest.mark.sweep(6)
@pytest.mark.parametrize("kind", CASES)
@pytest.mark.parametrize("at", ["create", "setup", "verify", "close"])
def test_state_that_a_verifier_leaves_changed_is_put_back(kind: str, at: str) -> None:
    before = state()
    owner = "'meddlers/meddler'" if at == "create" else "verifier 'meddler'"
    with pytest.warns(PluginWarning, match=f"{owner} changed .*{CASES[kind]}.*; it was put back"):
        rewards = rewards_of_a_whole_life(f"meddler:kind={kind},at={at}")
    assert state() == before
    assert rewards[0] == 1.0


@pytest.mark.sweep(4)
@pytest.mark.parametrize("kind", ["threads", "dtype", "folder", "autocast"])
def test_a_run_is_the_same_whatever_state_a_verifier_leaves(
    inputs: Path, judged: dict[str, Any], tmp_path: Path, kind: str
) -> None:
    with pytest.warns(PluginWarning, match="put back"):
        found = run(inputs, tmp_path / "run", verifier=[f"meddler:kind={kind}"])
    assert found == judged


def test_it_is_said_once() -> None:
    verification = judges("meddler:kind=numpy")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("default")
        for _ in range(3):
            rollouts_of(verification)
    assert len(said) == 1


def test_what_cannot_be_put_back_ends_the_run_by_name(tmp_path: Path, monkeypatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    said = "verifier 'meddler' changed the working directory, and it cannot be put back"
    with pytest.raises(PluginError, match=said):
        judges("meddler:kind=removes")


def test_numpy_is_put_back_too_where_foreign_code_imports_it_first() -> None:
    code = (
        "import sys, warnings\n"
        "from audioforge.isolation.global_state.restored import global_state_restored\n"
        "assert 'numpy' not in sys.modules\n"
        "with warnings.catch_warnings(record=True) as said:\n"
        "    with global_state_restored('it'):\n"
        "        import numpy\n"
        "    assert not said, 'importing it changes nothing'\n"
        "before = numpy.geterr()\n"
        "del sys.modules['numpy']\n"
        "with warnings.catch_warnings(record=True) as said:\n"
        "    with global_state_restored('it'):\n"
        "        sys.modules['numpy'] = numpy\n"
        "        numpy.seterr(all='ignore')\n"
        "assert numpy.geterr() == before\n"
        "assert 'floating-point errors; it was put back' in str(said[0].message)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def seed_all(number: int) -> None:
    random.seed(number)
    np.random.seed(number)
    torch.manual_seed(number)


def test_random_numbers_of_a_verifier_depend_on_what_it_judges_alone() -> None:
    def drawn(*before: str) -> list[float]:
        found = [
            rollout.hypotheses[0].scores["meddler"].metrics["draw"]
            for name in (*before, "a", "b")
            for rollout in rollouts_of(verification, [AudioSample(name, reference="low")])
        ]
        return found[len(before) :]

    verification = judges("meddler:kind=draws")
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    states = [random.getstate(), torch.get_rng_state().tolist()]
    first = drawn()
    assert [random.getstate(), torch.get_rng_state().tolist()] == states
    random.seed(2), np.random.seed(2), torch.manual_seed(2)
    assert drawn("c") == first
    assert first[0] != first[1]


# Processes of its own


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["pools", "forks"])
def test_processes_of_a_verifier_are_no_part_of_the_run(
    inputs: Path, judged: dict[str, Any], tmp_path: Path, kind: str
) -> None:
    """`Pool` ends its workers with SIGTERM, and waits for them."""
    recipe = {"num_cycles": 1, "steps_per_cycle": 2, "verifier": [f"meddler:kind={kind}"]}
    fork = Fork(train, tmp_path / "run", settings(inputs, **recipe))
    assert fork.end() == 0, fork.said
    assert results(tmp_path / "run") == judged


def test_a_verifier_that_hangs_at_its_close_holds_nothing_up() -> None:
    verification = judges("meddler:kind=stays", time_limit=0.2)
    assert verification.close() == ["verifier 'meddler' cannot be closed within 0.2 s"]


def test_an_aggregator_that_hangs_is_named() -> None:
    verification = judges("meddler:kind=none", aggregator="slow", time_limit=0.2)
    with pytest.raises(VerifierError, match=r"the aggregator 'slow' took longer than 0\.2 s"):
        rollouts_of(verification)
