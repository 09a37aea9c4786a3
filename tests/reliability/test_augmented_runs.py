"""Augmented runs: training clips alone change, once a cycle, whoever reads them."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from audioforge import keyed_random
from audioforge.audio import load_clip
from audioforge.errors import ConfigError, UsageError
from audioforge.raft.gradients import Gradients
from audioforge.sample import AudioSample

from .test_processes import done, two
from .test_resume import killed_with
from .test_same_run import stopped
from .tone_run import (
    CYCLES,
    RATE,
    SETS,
    STEPS,
    ToneWords,
    flags,
    results,
    resume,
    settings,
    train,
)

Heard = dict[str, list[str]]
"""Digests of what the model was given of each clip, in the order of the cycles."""


def write_noise(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        sound = 0.1 * keyed_random.generator(name).standard_normal(3 * RATE)
        soundfile.write(folder / f"{name}.wav", sound, RATE)
    return folder


@pytest.fixture(scope="module")
def noise(inputs: Path) -> Path:
    return write_noise(inputs / "noise", "a", "b")


@pytest.fixture(scope="module")
def recipe(inputs: Path, noise: Path) -> dict[str, Any]:
    return settings(inputs, augment=f"noise:folder={noise},snr_db=5-20")


@contextmanager
def listening() -> Iterator[Heard]:
    """Give what models are given from now on: of each clip, each sound once."""
    found: Heard = defaultdict(list)
    assemble = ToneWords.assemble

    def _assemble(model: ToneWords, samples: Any, rows: Any) -> Any:
        for sample, row in zip(samples, rows, strict=True):
            digest = digest_of(row["energies"].numpy())
            if digest not in found[sample.id]:
                found[sample.id].append(digest)
        return assemble(model, samples, rows)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ToneWords, "assemble", _assemble)
        yield found


@pytest.fixture(scope="module")
def noisy(recipe: dict[str, Any], inputs: Path) -> tuple[Path, Heard]:
    """A run on noisy clips that nothing interrupted, and what its models heard."""
    with listening() as heard:
        train(inputs / "noisy", recipe)
    return inputs / "noisy", heard


def digest_of(waveform: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(waveform).tobytes()).hexdigest()


def recorded(inputs: Path, identity: str) -> np.ndarray:
    return load_clip(AudioSample(identity, inputs / f"{identity}.wav"), RATE).waveform


def test_training_clips_alone_change_once_a_cycle(inputs: Path, noisy: tuple[Path, Heard]) -> None:
    heard = noisy[1]
    assert len(heard) == sum(SETS.values())
    for identity, digests in heard.items():
        clean = digest_of(ToneWords._energies(recorded(inputs, identity)).numpy())
        if identity.startswith("train"):  # sampled and learnt: two readings of one sound
            assert len(digests) == CYCLES
            assert clean not in digests
        else:
            assert digests == [clean]


def test_whatever_is_kept_of_clips_and_stands_in_a_batch_they_sound_the_same(
    recipe: dict[str, Any], noisy: tuple[Path, Heard], tmp_path: Path
) -> None:
    with listening() as heard:
        train(tmp_path / "run", {**recipe, "cache_gb": 0, "batch_size": 3})
    assert heard == noisy[1]


def test_killed_and_resumed_it_hears_the_same(
    recipe: dict[str, Any], noisy: tuple[Path, Heard], tmp_path: Path
) -> None:
    in_the_second_cycle = STEPS + 2
    assert killed_with(recipe, tmp_path / "run", Gradients, "accumulate", in_the_second_cycle)
    resume(tmp_path / "run")
    assert results(tmp_path / "run") == results(noisy[0])


@pytest.mark.slow
def test_two_processes_hear_the_same(
    recipe: dict[str, Any], noisy: tuple[Path, Heard], tmp_path: Path
) -> None:
    done(two(*flags({**recipe, "num_cycles": 1}), "--output", tmp_path / "run"))
    lines = [
        sorted(line for p in run.glob("cycle-01/rollouts-*") for line in p.read_text().splitlines())
        for run in (tmp_path / "run", noisy[0])
    ]
    assert lines[0] == lines[1]


def test_verifiers_are_given_the_recording(
    inputs: Path, recipe: dict[str, Any], tmp_path: Path
) -> None:
    given: Heard = defaultdict(list)

    def listens(samples: Any, hypotheses: Any) -> list[float]:
        for sample in samples:
            if isinstance(sample.audio, np.ndarray):  # not where it is tried, before the run
                given[sample.id].append(digest_of(sample.audio))
        return [1.0] * len(hypotheses)

    one_cycle = {**recipe, "num_cycles": 1, "retention_dataset": [], "test_dataset": None}
    train(tmp_path / "run", {**one_cycle, "verifier": ["wer", {"name": listens, "weight": 0.0}]})
    sampled = [i for i in given if i.startswith("train")]
    assert len(sampled) == SETS["train"]
    assert all(set(given[i]) == {digest_of(recorded(inputs, i))} for i in sampled)


def test_what_cannot_be_augmented_is_said_before_anything_is_written(
    inputs: Path, noise: Path, tmp_path: Path
) -> None:
    wrong = [f"noise:folder={tmp_path / 'one'}", f"noise:folder={tmp_path / 'two'}"]
    with pytest.raises(ConfigError) as error:
        train(tmp_path / "run", settings(inputs, augment=wrong))
    assert list(error.value.problems) == [
        f"augment[{n}]: {tmp_path / name}: there is no such folder or file"
        for n, name in enumerate(("one", "two"))
    ]
    with pytest.raises(ConfigError, match=r"augment\[0\]: noise is for --task asr or classific"):
        train(tmp_path / "run", settings(inputs, augment=f"noise:folder={noise}", task="tts"))
    assert not (tmp_path / "run").exists()


def test_a_run_goes_on_with_the_noise_that_it_began_with(inputs: Path, tmp_path: Path) -> None:
    folder = write_noise(tmp_path / "noise", "a", "b")
    run = stopped(tmp_path / "run", settings(inputs, augment=[f"noise:folder={folder}"]))
    before = (folder / "a.wav").read_bytes()
    (folder / "a.wav").write_bytes((folder / "b.wav").read_bytes())
    with pytest.raises(
        UsageError, match=r"augment\[0\]: noise: the sound of 1 of its 2 samples changed"
    ):
        resume(run)
    (folder / "a.wav").write_bytes(before)
    write_noise(folder, "c")
    with pytest.raises(UsageError, match=r"augment\[0\]: noise: had 2 samples, has 3"):
        resume(run, accept_changes=True)
    (folder / "c.wav").unlink()
    assert resume(run)["cycles"]
