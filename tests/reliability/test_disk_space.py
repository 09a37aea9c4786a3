"""What a run needs on its disk is estimated before it writes; too little is refused or said."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from small_runs import write_runs

from audioforge.cli import cli
from audioforge.run.folder import RunFolder

from .tone_run import flags, results, resume, settings

pytestmark = pytest.mark.no_cover  # shorter tests pass the same lines

Usage = namedtuple("Usage", "total used free")
WEIGHTS = re.compile("best|checkpoint|point-")
"""Folders that hold weights, whole ones and those that are being written."""


@pytest.fixture(scope="module")
def recipes(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A small run of each task, whose sound comes as bytes."""
    return write_runs(tmp_path_factory.mktemp("runs"), short=True)


def train(recipe: Any, output: Path, *more: object, **changes: object) -> Result:
    config = output.with_suffix(".json")
    config.write_text(json.dumps({**recipe.settings, **changes}))
    plugin = ["--plugin", recipe.plugin] if recipe.plugin else []
    arguments = ["train", "--config", config, "--output", output, *plugin, *more]
    return CliRunner().invoke(cli, [str(a) for a in arguments])


def planned(recipe: Any, output: Path, **changes: object) -> dict[str, int]:
    result = train(recipe, output, "--dry-run", "--json", **changes)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)["disk_bytes"]


def leave_free(monkeypatch: pytest.MonkeyPatch, size: float) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**12, 0, int(size)))


@pytest.mark.parametrize("more", [(), ("--dry-run",)], ids=["run", "dry run"])
def test_a_run_that_cannot_fit_is_refused_before_it_writes(
    recipes: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...]
) -> None:
    leave_free(monkeypatch, 4.2e6)
    result = train(recipes["whisper"], tmp_path / "run", *more)
    assert result.exit_code == 2, result.output
    assert f"--output {tmp_path / 'run'}: checkpoints and resume points need" in result.stderr
    assert "and 4.2 MB are free. Free space, name an --output on another disk" in result.stderr
    assert not (tmp_path / "run").exists()
    fewer = train(recipes["whisper"], tmp_path / "run", "--dry-run", trainable="lora", lora_rank=2)
    assert fewer.exit_code == 0, "what it advises helps"


def train_on(disk: Path, recipe: Any, tmp_path: Path) -> str:
    """Train on a disk that is too small; return what was said."""
    config = tmp_path / "run.json"
    config.write_text(json.dumps(dict(recipe.settings)))
    command = ["train", "--config", config, "--output", disk / "deep" / "run"]
    result = CliRunner().invoke(cli, [str(a) for a in command])
    assert result.exit_code == 2, result.output
    assert not any(disk.rglob("*.safetensors")) + any(disk.rglob("*.clip"))
    return result.stderr


def test_a_disk_that_is_too_small_in_truth(recipes: Any, small_disk: Path, tmp_path: Path) -> None:
    said = train_on(small_disk, recipes["classification"], tmp_path)
    assert "checkpoints and resume points need" in said


def test_sound_that_fills_the_disk_ends_the_start(
    recipes: Any, small_disk: Path, tmp_path: Path
) -> None:
    (small_disk / "filler").write_bytes(bytes(480_000))
    said = train_on(small_disk, recipes["classification"], tmp_path)
    assert "its sound cannot be kept in" in said
    assert "No space left on device" in said
    assert "Free space, or name another --output." in said


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of half a megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=500k", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a file system cannot be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_run_that_may_not_fit_is_warned_of(
    recipes: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = planned(recipes["text-to-speech"], tmp_path / "run")
    assert space["results"] > 0
    needed = sum(space[part] for part in ("weights", "results", "speech", "sound"))
    for free, warns in ((needed - 1, True), (needed * 1.2, False)):
        leave_free(monkeypatch, free)
        result = train(recipes["text-to-speech"], tmp_path / "run", "--dry-run")
        assert result.exit_code == 0, result.output
        assert ("Warning: --output" in result.stderr) is warns
    assert "of speech, at 14 letters a second" in result.stdout
    assert "of sound that comes without files" in result.stdout
    assert "of rollouts and evaluations" in result.stdout


@pytest.mark.parametrize("trainable", ["full", pytest.param("lora", marks=pytest.mark.soak)])
def test_weights_never_need_more_than_was_said(
    recipes: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trainable: str
) -> None:
    run = tmp_path / "run"
    changes = {"trainable": trainable, "lora_rank": 2, "num_cycles": 3, "steps_per_cycle": 3}
    said = planned(recipes["whisper"], run, **changes)["weights"]
    seen, original = [0], shutil.rmtree

    def _measured(path: Any, *arguments: Any, **named: Any) -> None:
        """Remove a folder: what is there is the most just before something is removed."""
        files = [p for p in run.rglob("*") if p.is_file() and WEIGHTS.search(p.parent.name)]
        seen.append(sum(p.stat().st_size for p in files))
        original(path, *arguments, **named)

    monkeypatch.setattr(shutil, "rmtree", _measured)
    result = train(recipes["whisper"], run, **changes)
    assert result.exit_code == 0, result.output
    assert max(seen) <= said
    if trainable == "full":
        assert said <= 1.5 * max(seen)


def test_what_is_trained_is_counted_as_the_adapter_says(recipes: Any, tmp_path: Path) -> None:
    def weights(**changes: object) -> int:
        return planned(recipes["whisper"], tmp_path / "run", **changes)["weights"]

    ranks = [weights(trainable="lora", lora_rank=rank) for rank in (2, 4)]
    assert ranks[0] < ranks[1] < weights(trainable="frozen-encoder") < weights(trainable="full")


def test_a_run_that_goes_on_is_not_refused(
    inputs: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"

    def _full(*arguments: object) -> None:
        raise OSError(28, "No space left on device", "somewhere")

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "save_checkpoint", _full)
        command = ["train", *flags(settings(inputs)), "--output", str(run)]
        assert CliRunner().invoke(cli, command).exit_code == 1
    leave_free(monkeypatch, 0)
    resume(run)
    assert results(run) == results(whole)
