"""A run that was killed and resumed ends as one that was not, bit by bit; nothing is done twice."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from audioforge.errors import UsageError
from audioforge.run.folder import RunFolder
from audioforge_demo import assets
from audioforge_whisper.adapter import WhisperAdapter

from .tone_run import (
    BATCH,
    CYCLES,
    STEPS,
    Fork,
    K,
    ToneWords,
    command,
    flags,
    install,
    read_lines,
    results,
    resume,
    settings,
    train,
    write_inputs,
    write_lines,
)

# Many runs of the same lines; the fixtures' run is measured.
pytestmark = pytest.mark.no_cover

KILL_EVERY = int(os.environ.get("AUDIOFORGE_KILL_EVERY", "29"))
"""Of the writes of a run, which are met by a kill; 1 tries them all."""


def kill_at(count: int, patch: pytest.MonkeyPatch, owner: object, name: str) -> None:
    """Have a fork kill itself at a call of a function, before the function does anything."""
    original, calls = getattr(owner, name), Counter[str]()

    def _call(*arguments: object, **named: object) -> object:
        calls[name] += 1
        if calls[name] == count:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments, **named)

    patch.setattr(owner, name, _call)


def killed(
    inputs: Path, output: Path, owner: object, name: str, count: int, **changes: object
) -> bool:
    """Start or go on with a run in a fork, and have it killed at a call; say whether it was."""
    return killed_with(settings(inputs, **changes), output, owner, name, count)


def killed_with(recipe: dict, output: Path, owner: object, name: str, count: int) -> bool:

    def _train() -> None:
        with pytest.MonkeyPatch.context() as patch:
            kill_at(count, patch, owner, name)
            if (output / "config.yaml").is_file():
                resume(output)
            else:
                train(output, recipe)

    code = Fork(_train).end()
    assert code in (0, -signal.SIGKILL)
    return code != 0


def go_on(inputs: Path, output: Path, **changes: object) -> None:
    """Do what a user does after a kill: resume what had begun, else start."""
    if (output / "summary.json").is_file():
        assert Fork(command, "train", "--resume", output).end() == 0
    elif (output / "config.yaml").is_file():
        resume(output)
    else:
        train(output, settings(inputs, **changes))


def test_killed_at_its_writes_a_run_ends_as_if_nothing_had_been(
    inputs: Path, whole: Path, tmp_path: Path
) -> None:
    expected, count = results(whole), 1
    while killed(inputs, tmp_path / f"at-{count}", os, "fsync", count):
        run = tmp_path / f"at-{count}"
        go_on(inputs, run)
        assert results(run) == expected, f"killed at write {count}"
        count += KILL_EVERY
    assert count > 150, "the run has more writes than that"


def test_killed_before_it_began_a_run_is_started_again(
    inputs: Path, whole: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    assert killed(inputs, run, os, "fsync", 3)
    assert list(run.glob(".config.yaml.*")), "it was writing its settings"
    with pytest.raises(UsageError, match="started again with --output"):
        resume(run)
    train(run, settings(inputs))
    assert results(run) == results(whole)


def test_killed_when_it_was_finished_it_is_tidied_up(
    inputs: Path, whole: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    assert killed(inputs, run, RunFolder, "remove_state", 1)
    assert (run / "state").is_dir()
    go_on(inputs, run)
    assert results(run) == results(whole)


def test_killed_again_and_again_a_run_ends_the_same(
    inputs: Path, whole: Path, tmp_path: Path
) -> None:
    kills = 0
    while killed(inputs, tmp_path / "run", os, "fsync", 31):
        kills += 1
    assert kills >= 4
    assert results(tmp_path / "run") == results(whole)


def test_text_to_speech_keeps_its_audio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)  # first: a distribution is found once
    install(tmp_path, "tone-speech", Path(__file__).parents[1] / "raft" / "third_party")
    from tone_speech.model import ToneSpeech

    (tmp_path / "base").mkdir()
    ToneSpeech(torch.linspace(0.8, 3.0, 100)).save(tmp_path / "base")
    texts = [{"id": f"{i:02d}", "text": f"p{i:02d} p{99 - i:02d}"} for i in range(12)]
    write_lines(tmp_path / "train.jsonl", texts)
    write_lines(tmp_path / "heldout.jsonl", [{**t, "id": f"h{t['id']}"} for t in texts[:5]])
    recipe = settings(
        tmp_path, task="tts", verifier=["pitch"], normalizer=None, retention_dataset=[],
        test_dataset=None,
    )  # fmt: skip
    train(tmp_path / "whole", recipe)
    expected = results(tmp_path / "whole")
    for kind in ("flac", "safetensors"):  # the sound, and what the model made it of
        kept = [n for n in expected if n.startswith("cycle-01/audio/") and n.endswith(kind)]
        assert len(kept) == 12 * K
    for count in (20, 60, 100):
        run = tmp_path / f"{count}"
        assert killed_with(recipe, run, os, "fsync", count)
        resume(run)
        assert results(run) == expected


@pytest.mark.sweep(4)
@pytest.mark.parametrize(
    ("name", "counts"), [("sample", (2, 9, 24)), ("loss", (1, 3, 6)), ("save", (1, 2))]
)
def test_killed_while_the_model_works_a_run_ends_the_same(
    inputs: Path, whole: Path, tmp_path: Path, name: str, counts: tuple[int, ...]
) -> None:
    for count in counts:
        assert killed(inputs, tmp_path / f"{count}", ToneWords, name, count)
        resume(tmp_path / f"{count}")
        assert results(tmp_path / f"{count}") == results(whole)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"selection": "top-percent"}, marks=pytest.mark.soak),
        pytest.param({"selection": "random"}, marks=pytest.mark.soak),
        {"selection": "reference"},
        pytest.param({"selection": "mix"}, marks=pytest.mark.soak),
        pytest.param(
            {"selection": "rloo", "adapter": "telling-tone-words"}, marks=pytest.mark.soak
        ),
        pytest.param(
            {"selection": "grpo", "adapter": "telling-tone-words"}, marks=pytest.mark.soak
        ),
        pytest.param(
            {"selection": "mwer", "adapter": "telling-tone-words"}, marks=pytest.mark.soak
        ),
        {"steps_per_cycle": None, "epochs_per_cycle": 2, "save_every": 10.0},
        pytest.param(
            {"interpolate": [1.0], "test_dataset": None, "retention_dataset": []},
            marks=pytest.mark.soak,
        ),
    ],
    ids=lambda changes: " ".join(map(str, changes.values())),
)
def test_other_settings_resume_as_well(inputs: Path, tmp_path: Path, changes: dict) -> None:
    changes = {k: v for k, v in changes.items() if v is not None}
    if "epochs_per_cycle" in changes:
        changes["steps_per_cycle"] = None
    train(tmp_path / "whole", settings(inputs, **changes))
    for count in (8, 45):
        assert killed(inputs, tmp_path / f"{count}", os, "fsync", count, **changes)
        resume(tmp_path / f"{count}")
        assert results(tmp_path / f"{count}") == results(tmp_path / "whole")


class Calls:
    """Notes what the model is asked to do, by stage."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.sampled: Counter[tuple[int, str]] = Counter()
        self.decoded: Counter[str] = Counter()
        self.steps = 0
        sample, loss = ToneWords.sample, ToneWords.loss

        def _sample(adapter, batch, k, params):
            for identity, _ in batch:
                if params.temperature:
                    self.sampled[params.cycle, identity] += 1
                else:
                    self.decoded[identity] += 1
            return sample(adapter, batch, k, params)

        def _loss(adapter, *arguments):
            self.steps += 1
            return loss(adapter, *arguments)

        patch.setattr(ToneWords, "sample", _sample)
        patch.setattr(ToneWords, "loss", _loss)


class Stop(KeyboardInterrupt):
    """As Ctrl-C, twice."""


def stop_at(count: int, patch: pytest.MonkeyPatch, name: str) -> None:
    original, calls = getattr(ToneWords, name), Counter[str]()

    def _call(*arguments: object) -> object:
        calls[name] += 1
        if calls[name] == count:
            raise Stop
        return original(*arguments)

    patch.setattr(ToneWords, name, _call)


@pytest.mark.sweep(4)
@pytest.mark.parametrize(("name", "count"), [("sample", 6), ("sample", 14), ("loss", 3)])
def test_what_is_finished_is_not_done_again(
    inputs: Path,
    whole: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    count: int,
) -> None:
    with monkeypatch.context() as patch:
        uninterrupted = Calls(patch)
        train(tmp_path / "again", settings(inputs))
    with monkeypatch.context() as patch:
        stop_at(count, patch, name)
        calls = Calls(patch)  # outside of what stops: what is stopped counts as well
        with pytest.raises(Stop):
            train(tmp_path / "run", settings(inputs))
        first = calls.sampled.total() + calls.decoded.total()
    with monkeypatch.context() as patch:
        second = Calls(patch)
        resume(tmp_path / "run")
    assert results(tmp_path / "run") == results(whole)
    asked = first + second.sampled.total() + second.decoded.total()
    lost = BATCH if name == "sample" else 0
    whole_asked = uninterrupted.sampled.total() + uninterrupted.decoded.total()
    assert whole_asked <= asked <= whole_asked + lost
    assert uninterrupted.steps == CYCLES * STEPS
    assert calls.steps + second.steps == uninterrupted.steps + (name == "loss")


def test_a_torn_line_zeros_and_temporary_files_are_mended(
    inputs: Path, whole: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    assert killed(inputs, run, ToneWords, "sample", 14)
    lines = next((run / "cycle-01").glob("rollouts-*.jsonl"))
    journal = next((run / "state" / "cycle-00").glob("held-out-*.jsonl"))
    for path in (lines, journal):
        content = path.read_bytes()
        path.write_bytes(content[:-40] + b"\n" + bytes(512))
    with lines.open("ab") as file:
        file.write(b'\n{"id": "train/0')
    (run / "cycle-01" / ".metrics.json.4711.tmp").write_text("{")
    (run / ".best.4711.tmp").mkdir()
    (run / ".best.4711.tmp" / "model.safetensors").write_text("half")
    resume(run)
    assert results(run) == results(whole)


def test_what_was_left_out_before_the_kill_is_told_once(inputs: Path, whole: Path) -> None:
    left_out = [(line["dataset"], line["where"]) for line in read_lines(whole / "skipped.jsonl")]
    assert sorted(Path(where).parent.name for _, where in left_out) == ["heldout", "train"]
    assert len(set(left_out)) == len(left_out)


def test_a_resume_point_holds_no_pickle(inputs: Path, tmp_path: Path) -> None:
    assert killed(inputs, tmp_path / "run", ToneWords, "loss", 3)
    state = tmp_path / "run" / "state"
    files = [path for path in state.rglob("*") if path.is_file()]
    suffixes = {path.suffix for path in files if not path.name.startswith("lock-")}
    assert suffixes == {".json", ".jsonl", ".safetensors"}
    assert all(path.stat().st_size == 0 for path in files if path.name.startswith("lock-"))
    assert {p.name for p in state.glob("point-*/*")} == {
        "weights.safetensors", "optimizer.safetensors", "progress.json"
    }  # fmt: skip


def test_the_best_and_the_latest_checkpoint_stay_and_no_other(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when a run is killed after a cycle's metrics and before the pruning."""
    changes = {"num_cycles": 3, "interpolate": [1.0]}
    train(tmp_path / "whole", settings(inputs, **changes))
    run = tmp_path / "run"
    for count in (1, 2):  # each resume prunes once for every finished cycle
        assert killed(inputs, run, RunFolder, "prune_checkpoints", 2 * count - 1, **changes)
        there = {p.parent.name for p in run.glob("cycle-*/checkpoint")}
        done = {p.parent.name for p in run.glob("cycle-*/metrics.json")} - {"cycle-00"}
        assert max(done) in there
    resume(run)
    assert results(run) == results(tmp_path / "whole")
    summary = json.loads((run / "summary.json").read_text())
    metrics = [cycle["wer"] for cycle in summary["cycles"]]
    best = metrics.index(min(metrics)) + 1
    assert {p.parent.name for p in run.glob("cycle-*/checkpoint")} == {
        f"cycle-{best:02d}", "cycle-03"
    }  # fmt: skip


@pytest.fixture(scope="module")
def killed_in_update(inputs: Path) -> Path:
    """A run that was killed in the second cycle's update."""
    assert killed(inputs, inputs / "killed", ToneWords, "loss", STEPS + 3)
    return inputs / "killed"


@pytest.fixture
def interrupted(killed_in_update: Path, tmp_path: Path) -> Path:
    """That run, for this test alone."""
    return shutil.copytree(killed_in_update, tmp_path / "run")


def point(run: Path) -> Path:
    (folder,) = (run / "state").glob("point-*")
    return folder


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


DAMAGE: dict[str, Callable[[Path], object]] = {
    "pointer to nothing": lambda run: (run / "state/point.json").write_text('{"point": "point-9"}'),
    "cut pointer": lambda run: cut(run / "state" / "point.json"),
    "pointer without a name": lambda run: (run / "state/point.json").write_text('{"point": 5}'),
    "pointer out of the folder": lambda run: (run / "state/point.json").write_text(
        json.dumps({"point": "../../base"})
    ),
    "cut progress": lambda run: cut(point(run) / "progress.json"),
    "progress null": lambda run: (point(run) / "progress.json").write_text("null"),
    "cut weights": lambda run: cut(point(run) / "weights.safetensors"),
    "empty weights": lambda run: (point(run) / "weights.safetensors").write_bytes(b""),
    "no optimiser": lambda run: (point(run) / "optimizer.safetensors").unlink(),
    "cut optimiser": lambda run: cut(point(run) / "optimizer.safetensors"),
    "cut identity": lambda run: cut(run / "state" / "run.json"),
    "cut metrics": lambda run: cut(run / "cycle-01" / "metrics.json"),
    "metrics of another kind": lambda run: (run / "cycle-01/metrics.json").write_text("[]"),
    "environment of another kind": lambda run: (run / "environment.json").write_text("[1]"),
    "no rollouts": lambda run: next(run.glob("cycle-02/rollouts-*")).unlink(),
    "no evaluation": lambda run: next(run.glob("state/cycle-01/held-out-*")).unlink(),
}


@pytest.mark.sweep(4)
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_run_is_refused_and_nothing_lost(interrupted: Path, damage: str) -> None:
    DAMAGE[damage](interrupted)
    before = {p: p.read_bytes() for p in interrupted.rglob("*") if p.suffix in (".json", ".yaml")}
    before |= {p: p.read_bytes() for p in interrupted.rglob("*.safetensors")}
    fork = Fork(command, "train", "--resume", interrupted)
    assert fork.end() in (1, 2)
    assert "Error:" in fork.said
    assert "Traceback" not in fork.said
    assert str(interrupted) in fork.said.replace("\n", "") or "resume point" in fork.said
    for path, content in before.items():
        if not path.name.startswith("owner-"):
            assert path.read_bytes() == content, path


def test_only_a_run_can_be_resumed(inputs: Path, whole: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "summary.txt").write_text("")
    for name in ("empty", "other", "missing"):
        with pytest.raises(UsageError, match="there is no run in it"):
            resume(tmp_path / name)
    with pytest.raises(UsageError, match="file"):
        resume(tmp_path / "file")
    with pytest.raises(UsageError, match="the run is finished"):
        resume(whole)
    assert results(whole)["summary.json"]


def test_the_settings_are_the_runs_own(interrupted: Path) -> None:
    with pytest.raises(UsageError, match="leave out learning_rate, seed") as refused:
        resume(interrupted, seed=3, learning_rate=1.0)
    assert "max_verifier_failures" in str(refused.value)
    with pytest.raises(UsageError, match="leave out output_dir"):
        resume(interrupted, output_dir=interrupted.with_name("elsewhere"))
    resume(interrupted, max_verifier_failures=0.5, verifier_timeout=10.0, save_every=1.0)


def test_from_the_command_line_the_folder_alone_suffices(
    inputs: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Relative paths of the run count from where it was started, the folder from here."""
    start, here = inputs, tmp_path / "here"
    here.mkdir()
    names = ("model_name", "dataset", "eval_dataset", "test_dataset", "retention_dataset")
    recipe = settings(inputs)
    relative = {k: str(recipe[k]).replace(f"{inputs}/", "").strip("[']") for k in names}
    run = tmp_path / "run"

    def _start() -> None:
        os.chdir(start)
        with pytest.MonkeyPatch.context() as patch:
            kill_at(12, patch, ToneWords, "sample")
            command("train", *flags(recipe | relative), "--output", os.path.relpath(run, start))

    assert Fork(_start).end() == -signal.SIGKILL
    monkeypatch.chdir(here)
    refused = Fork(command, "train", "--resume", "../run", "--seed", 3)
    assert refused.end() == 2
    assert "seed" in refused.said
    fork = Fork(command, "train", "--resume", "../run", "--max-verifier-failures", 1)
    assert fork.end() == 0, fork.said
    found, expected = results(run), results(whole)
    assert found["best/model.safetensors"] == expected["best/model.safetensors"]
    again = Fork(command, "train", "--resume", "../run")
    assert again.end() == 0
    assert "the run is finished" in again.said
    assert results(run) == found


def test_what_changed_since_the_run_began_is_listed(
    inputs: Path, tmp_path: Path, interrupted: Path
) -> None:
    """Of copies of everything: settings, the base model, and each dataset."""
    own = tmp_path / "own"
    write_inputs(own)
    run = tmp_path / "mine"
    assert killed(own, run, ToneWords, "loss", 2)
    pristine = {p: p.read_bytes() for p in (*own.glob("*.jsonl"), own / "base/model.safetensors")}
    pristine[run / "config.yaml"] = (run / "config.yaml").read_bytes()

    def _refused() -> str:
        with pytest.raises(UsageError) as error:
            resume(run)
        for path, content in pristine.items():
            path.write_bytes(content)
        return str(error.value)

    lines = read_lines(own / "train.jsonl")
    write_lines(own / "train.jsonl", lines[:-3])
    assert f"train: {own / 'train.jsonl'}: had 21 samples, has 18" in _refused()
    write_lines(own / "train.jsonl", [{**lines[0], "text": "low"}, *lines[1:]])
    assert "its 21 samples have other references, labels or segments" in _refused()
    write_lines(own / "heldout.jsonl", read_lines(own / "heldout.jsonl")[1:])
    assert f"held out: {own / 'heldout.jsonl'}: had 21 samples, has 20" in _refused()
    text = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(text.replace("learning_rate: 0.02", "learning_rate: 0.5"))
    assert "setting learning_rate: was 0.02, is 0.5" in _refused()
    model = ToneWords.load(own / "base", None)
    torch.nn.init.ones_(model.module[2].bias)
    model.save(own / "base")
    write_lines(own / "other.jsonl", read_lines(own / "other.jsonl")[1:])
    message = _refused()
    assert f"base model {own / 'base'}: its weights changed" in message
    assert "retention: " in message
    assert "test: " in message
    write_lines(own / "train.jsonl", lines[::-1])  # the order is not part of what it is
    resume(run)


@pytest.mark.sweep(4)
@pytest.mark.parametrize("trainable", ["full", "lora", "frozen-encoder"])
def test_a_network_of_transformers_goes_on_from_a_saved_step(
    tmp_path: Path, trainable: str
) -> None:
    recipe = {
        "model_name": str(assets.model()), "dataset": "demo", "limit": 8, "batch_size": 8,
        "eval_dataset": str(few(tmp_path)), "normalizer": "none", "samples_per_prompt": 2,
        "num_cycles": 1, "steps_per_cycle": 3, "learning_rate": 5e-4, "reward_threshold": 0.0,
        "selection": "random", "trainable": trainable, "device": "cpu", "save_every": 0.0,
    }  # fmt: skip
    train(tmp_path / "whole", recipe)
    with pytest.MonkeyPatch.context() as patch:
        original, calls = WhisperAdapter.logprobs, Counter[str]()

        def _logprobs(*arguments: object) -> object:
            calls["steps"] += 1
            if calls["steps"] == 3:
                raise Stop
            return original(*arguments)

        patch.setattr(WhisperAdapter, "logprobs", _logprobs)
        with pytest.raises(Stop):
            train(tmp_path / "run", recipe)
        resume(tmp_path / "run")
        assert calls["steps"] == 4, "two steps were saved"
    assert results(tmp_path / "run") == results(tmp_path / "whole")


def few(folder: Path) -> Path:
    lines = read_lines(assets.target_heldout())[:4]
    for line in lines:
        line["audio_filepath"] = str(assets.target_heldout().parent / line["audio_filepath"])
    write_lines(folder / "few.jsonl", lines)
    return folder / "few.jsonl"


def test_a_clock_that_jumps_changes_nothing(
    inputs: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hours = itertools.count(0, -1)
    monkeypatch.setattr(time, "time", lambda: 3600.0 * next(hours))
    assert killed(inputs, tmp_path / "run", ToneWords, "loss", 3)
    resume(tmp_path / "run")
    assert results(tmp_path / "run") == results(whole)
