"""A run goes on as the run that began: what changed is refused with a list, or accepted."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from click.testing import CliRunner
from huggingface_hub import constants

from audioforge.cli import cli
from audioforge.errors import UsageError
from audioforge.inference.stop import Interrupted
from audioforge.run.data.sound_digest import sound_digest
from audioforge.run.identity import sound as sound_identity
from audioforge_demo import assets
from audioforge_whisper.adapter import WhisperAdapter

from .tone_run import (
    SETS,
    ToneWords,
    install,
    installed,
    read_lines,
    results,
    resume,
    settings,
    train,
    write_inputs,
    write_lines,
)

SITE = Path(__file__).parent / "third_party"


class Stop(KeyboardInterrupt):
    """As Ctrl-C, twice."""


def stopped(output: Path, recipe: dict[str, Any], owner: type = ToneWords) -> Path:
    """Begin a run, and stop it when the model is first asked for hypotheses."""

    def _stop(*_: object) -> object:
        raise Stop

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, "sample", _stop)
        with pytest.raises(Stop):
            train(output, recipe)
    return output


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where plugins are installed that these tests upgrade."""
    folder = tmp_path_factory.mktemp("plugins")
    with installed(folder), pytest.MonkeyPatch.context() as patch:
        shutil.copytree(SITE / "acme_judge", folder / "acme_judge")
        for name in [name for name in sys.modules if name.partition(".")[0] == "acme_judge"]:
            patch.delitem(sys.modules, name)  # of another folder, where a worker begins anew
        install(folder, "acme-judge", folder)
        patch.setenv("ACME_EARS", str(folder / "ears"))
        (folder / "ears").mkdir()
        ToneWords().save(folder / "ears")
        patch.setattr(constants, "HF_HUB_CACHE", str(folder / "hub"))
        in_hub = folder / "hub" / "models--acme--ears"
        (in_hub / "refs").mkdir(parents=True)
        (in_hub / "refs" / "main").write_text("0" * 40)
        (in_hub / "snapshots" / ("0" * 40)).mkdir(parents=True)
        (in_hub / "snapshots" / ("0" * 40) / "vocab.txt").write_text("low middle")
        yield folder


@pytest.fixture(scope="module")
def own(site: Path) -> Path:
    """Inputs that these tests change, and put back."""
    write_inputs(site / "own")
    (site / "own" / "terms.txt").write_text("low\nhigh\n")
    (site / "own" / "base" / "tokens.dat").write_text("low middle high")
    return site / "own"


@pytest.fixture(scope="module")
def recipe(own: Path) -> dict[str, Any]:
    terms = f"hotwords:terms={own / 'terms.txt'},weight=0.5"
    return settings(own, verifier=["wer", terms, "acme-judge:weight=0.25"])


@pytest.fixture(scope="module")
def expected(own: Path, recipe: dict[str, Any]) -> dict[str, Any]:
    """What a run ends with that nothing interrupted."""
    train(own / "whole", recipe)
    return results(own / "whole")


@pytest.fixture(scope="module")
def begun(own: Path, recipe: dict[str, Any]) -> Path:
    return stopped(own / "begun", recipe)


@pytest.fixture
def run(begun: Path, tmp_path: Path) -> Path:
    """A run that was stopped, for this test alone."""
    return shutil.copytree(begun, tmp_path / "run")


@pytest.fixture
def put_back() -> Iterator[Callable[[Path], Path]]:
    """`put_back(path)` returns a path whose content and times are as before when the test ends."""
    before: dict[Path, tuple[bytes, os.stat_result]] = {}

    def remember(path: Path) -> Path:
        before.setdefault(path, (path.read_bytes(), path.stat()))
        return path

    yield remember
    for path, (content, status) in before.items():
        path.write_bytes(content)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def refusal(run: Path, **how: Any) -> str:
    """Return why a run is not resumed, which leaves everything in its folder as it was.

    But for sound that came in memory, which is stored anew at each start.
    """
    before = {p: p.read_bytes() for p in run.rglob("*") if p.is_file()}
    with pytest.raises(UsageError) as error:
        resume(run, **how)
    after = {p: p.read_bytes() for p in run.rglob("*") if p.is_file()}
    for path in {*before, *after}:
        if not path.name.startswith(("owner-", "skipped")) and path.suffix != ".clip":
            assert before.get(path) == after.get(path), path
    return str(error.value)


def swap(path: Path, one: str, other: str) -> None:
    """Write a file with a piece of it replaced."""
    text = path.read_text()
    assert one in text
    path.write_text(text.replace(one, other))


def test_words_of_a_tokenizer_suppressed_tokens_and_dither(
    tmp_path: Path, put_back: Callable[[Path], Path]
) -> None:
    base = shutil.copytree(assets.model(), tmp_path / "base")
    recipe = {
        "model_name": str(base), "dataset": "demo", "limit": 8, "batch_size": 8,
        "normalizer": "none", "samples_per_prompt": 2, "num_cycles": 1, "steps_per_cycle": 1,
        "reward_threshold": 0.0, "device": "cpu",
    }  # fmt: skip
    run = stopped(tmp_path / "run", recipe, WhisperAdapter)
    tokenizer = put_back(base / "tokenizer.json")
    words = json.loads(tokenizer.read_text())
    vocabulary = words["model"]["vocab"]
    one, other = [w for w in vocabulary if w.startswith("Ġ")][:2]
    vocabulary[one], vocabulary[other] = vocabulary[other], vocabulary[one]
    tokenizer.write_text(json.dumps(words))
    assert f"base model {base}: tokenizer.json: changed" in refusal(run)
    for name, key, value in (
        ("generation_config.json", "suppress_tokens", [5]),
        ("processor_config.json", "feature_extractor", {"dither": 0.1}),
    ):
        content = json.loads(put_back(base / name).read_text())
        is_group = isinstance(content.get(key), dict)
        content[key] = {**content[key], **value} if is_group else value
        (base / name).write_text(json.dumps(content))
    (base / "added_tokens.json").write_text("{}")
    (base / "README.md").write_text("Nobody reads this.")
    listed = refusal(run)
    for line in ("generation_config.json: changed", "processor_config.json: changed",
                 "tokenizer.json: changed", "added_tokens.json: was not there"):  # fmt: skip
        assert f"  base model {base}: {line}\n" in listed
    assert "README.md" not in listed


CHANGES: dict[str, tuple[Callable[[Path], Path], Callable[[Path], object], str]] = {
    "a file beside the model": (
        lambda own: own / "base" / "tokens.dat",
        lambda path: swap(path, "low middle", "middle low"),
        "base model {own}/base: tokens.dat: changed",
    ),
    "terms": (
        lambda own: own / "terms.txt",
        lambda path: swap(path, "high", "hihg"),
        "verifier hotwords, option terms: {own}/terms.txt: changed",
    ),
    "opposite reward": (
        lambda own: own.parent / "acme_judge" / "rules" / "sign.py",
        lambda path: swap(path, "SIGN = 1", "SIGN = -1"),
        "the code of acme-judge, which is still version 1.0: changed",
    ),
    "upgraded": (
        lambda own: own.parent / "acme_judge-1.0.dist-info" / "METADATA",
        lambda path: swap(path, "Version: 1.0", "Version: 2.0"),
        "acme-judge: was version 1.0, is 2.0",
    ),
    "model of a verifier": (
        lambda own: own.parent / "ears" / "config.json",
        lambda path: path.write_text(path.read_text() + " "),
        "model of a verifier {own.parent}/ears: config.json: changed",
    ),
    "model of the hub": (
        lambda own: next(own.parent.glob("hub/*/snapshots/*/vocab.txt")),
        lambda path: swap(path, "low middle", "middle low"),
        "verifier acme-judge, option model acme/ears: vocab.txt: changed",
    ),
    "sound": (
        lambda own: own / "train" / "07.wav",
        lambda path: path.write_bytes(path.read_bytes()[:-2] + b"\x07\x00"),
        "train: {own}/train.jsonl: the sound of 1 of its 21 samples changed, such as "
        "{own}/train/07.wav",
    ),
    "sound to measure on": (
        lambda own: own / "heldout" / "03.wav",
        lambda path: path.write_bytes((path.parent / "04.wav").read_bytes()),
        "held out: {own}/heldout.jsonl: the sound of 1 of its 21 samples changed",
    ),
    "a transcript": (
        lambda own: own / "train.jsonl",
        lambda path: write_lines(path, [{**read_lines(path)[0], "text": "low"},
                                        *read_lines(path)[1:]]),
        "train: {own}/train.jsonl: its 21 samples have other references, labels or segments",
    ),
    "a language": (
        lambda own: own / "train.jsonl",
        lambda path: write_lines(path, [{**line, "language": "pl"} for line in read_lines(path)]),
        "its 21 samples have other languages, speakers or other columns",
    ),
}  # fmt: skip


@pytest.mark.sweep(6)
@pytest.mark.parametrize("what", CHANGES)
def test_what_changed_is_refused_and_can_be_accepted(
    own: Path, run: Path, put_back: Callable[[Path], Path], what: str
) -> None:
    place, change, sentence = CHANGES[what]
    change(put_back(place(own)))
    listed = refusal(run)
    assert sentence.format(own=own) in listed
    assert "--accept-changes goes on all the same" in listed
    assert listed.count("\n  ") == 1, "nothing else changed"
    summary = resume(run, accept_changes=True)
    (accepted,) = summary["accepted_changes"]
    assert sentence.format(own=own) in accepted
    assert json.loads((run / "summary.json").read_text())["accepted_changes"] == [accepted]


def test_a_moved_time_is_no_change(
    own: Path, run: Path, expected: dict[str, Any], put_back: Callable[[Path], Path]
) -> None:
    for path in (own / "train" / "07.wav", own / "base" / "tokens.dat", own / "terms.txt"):
        os.utime(put_back(path), ns=(1, 1))
    summary = resume(run)
    assert summary["accepted_changes"] == []
    assert results(run) == expected


def test_what_a_plugin_writes_in_its_turn_is_no_change(
    own: Path, recipe: dict[str, Any], tmp_path: Path
) -> None:
    """Such as what it fetches when it is first asked."""
    later = tmp_path / "later"
    judges = ["wer", f"acme-judge:later={later},weight=0.25"]
    run = tmp_path / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ToneWords, "loss", lambda *_: (_ for _ in ()).throw(Stop()))
        with pytest.raises(Stop):
            train(run, recipe | {"verifier": judges})
    assert later.is_file()
    assert resume(run)["accepted_changes"] == []


def test_accepted_changes_add_up_and_are_not_asked_about_again(
    own: Path,
    run: Path,
    put_back: Callable[[Path], Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Over three resumes: two accept, each something else, and the last needs no flag."""
    swap(put_back(own / "terms.txt"), "high", "hihg")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ToneWords, "loss", lambda *_: (_ for _ in ()).throw(Stop()))
        with pytest.raises(Stop):
            resume(run, accept_changes=True)
        assert "Warning: accepted, since the run began: verifier hotwords" in (
            " ".join(capsys.readouterr().err.split())
        )
        sound = put_back(own / "train" / "07.wav")
        sound.write_bytes((own / "train" / "08.wav").read_bytes())
        assert "terms" not in refusal(run), "it was accepted"
        with pytest.raises(Stop):
            resume(run, accept_changes=True)
    result = CliRunner().invoke(cli, ["train", "--resume", str(run)])
    assert result.exit_code == 0, result.output
    accepted = json.loads((run / "summary.json").read_text())["accepted_changes"]
    assert len(accepted) == 2
    assert "terms.txt: changed" in accepted[0]
    assert "07.wav" in accepted[1]
    assert "Accepted when it was resumed: verifier hotwords" in " ".join(result.stdout.split())


def test_what_the_runs_files_do_not_fit_cannot_be_accepted(
    own: Path, run: Path, put_back: Callable[[Path], Path]
) -> None:
    swap(run / "config.yaml", "learning_rate: 0.02", "learning_rate: 0.5")
    assert "setting learning_rate: was 0.02, is 0.5" in refusal(run, accept_changes=True)
    swap(run / "config.yaml", "learning_rate: 0.5", "learning_rate: 0.02")
    lines = read_lines(put_back(own / "train.jsonl"))
    write_lines(own / "train.jsonl", [{**lines[0], "id": "another"}, *lines[1:]])
    assert "its 21 samples have other ids" in refusal(run, accept_changes=True)
    write_lines(own / "train.jsonl", lines)
    model = ToneWords.load(own / "base", None)
    torch.nn.init.ones_(model.module[2].bias)
    put_back(own / "base" / "model.safetensors")
    model.save(own / "base")
    swap(put_back(own / "terms.txt"), "high", "hihg")
    listed = refusal(run, accept_changes=True)
    assert f"base model {own / 'base'}: its weights changed" in listed
    assert "terms.txt: changed" in listed, "everything that changed is listed"
    assert "--accept-changes cannot go on with them" in listed


def test_the_flag_goes_with_a_resume() -> None:
    result = CliRunner().invoke(cli, ["train", "--accept-changes", "--model", "m"])
    assert result.exit_code == 2
    assert "--accept-changes: goes with --resume RUN" in result.output


def test_each_file_is_read_once_and_again_only_where_size_or_time_differ(
    own: Path, recipe: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    monkeypatch.setattr(
        sound_identity, "sound_digest", lambda audio: read.append(audio) or sound_digest(audio)
    )
    run = stopped(tmp_path / "run", recipe)  # one dataset is there as retention and as test set
    assert len(read) == len(set(read)) == sum(SETS.values()) + 2
    read.clear()
    os.utime(own / "train" / "05.wav", ns=(2, 2))
    resume(run)
    assert read == [own / "train" / "05.wav"]


def test_asked_to_stop_while_sound_is_read_it_goes_on(
    recipe: dict[str, Any],
    expected: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(
            sound_identity,
            "sound_digest",
            lambda audio: os.kill(os.getpid(), 15) if audio.name == "07.wav" else "",
        )
        with pytest.raises(Interrupted):
            train(tmp_path / "run", recipe)
    assert not (tmp_path / "run" / "state" / "run.json").exists()
    resume(tmp_path / "run")
    assert results(tmp_path / "run") == expected


def test_sound_that_comes_in_memory(
    own: Path, tmp_path: Path, put_back: Callable[[Path], Path]
) -> None:
    """As bytes and as decoded samples; a pipe among the files is waited for by nobody."""
    os.mkfifo(tmp_path / "pipe.wav")
    sounds = shutil.copytree(own / "other", tmp_path / "sounds")
    recipe = settings(
        own, dataset=f"acme-sounds:folder={sounds},pipe={tmp_path / 'pipe.wav'}",
        max_verifier_failures=1.0,
    )  # fmt: skip
    begun = stopped(tmp_path / "begun", recipe)
    time.sleep(1.1)  # some headers hold the second in which they were written
    run = shutil.copytree(begun, tmp_path / "run")
    assert resume(run)["accepted_changes"] == []
    for name in ("00.wav", "01.wav"):  # bytes, samples
        run = shutil.copytree(begun, tmp_path / f"run-{name}")
        changed = put_back(sounds / name)
        changed.write_bytes((sounds / "02.wav").read_bytes())
        listed = refusal(run)
        assert "the sound of 1 of its 5 samples changed" in listed
        assert listed.count("\n  ") == 1, "files of data are compared as samples"
        shutil.copy(own / "other" / name, changed)


def test_a_setting_that_was_not_there_yet_stands_at_its_default(
    run: Path, expected: dict[str, Any]
) -> None:
    for name in ("lora_rank", "top_k"):
        values = yaml.safe_load((run / "config.yaml").read_text())
        del values[name]
        (run / "config.yaml").write_text(yaml.safe_dump(values))
    identity = json.loads((run / "state" / "run.json").read_text())
    del identity["settings"]["lora_rank"], identity["settings"]["weight_decay"]
    (run / "state" / "run.json").write_text(json.dumps(identity))
    resume(run)
    assert results(run) == expected


def test_a_setting_missing_where_it_was_not_the_default_is_told(run: Path) -> None:
    identity = json.loads((run / "state" / "run.json").read_text())
    del identity["settings"]["batch_size"]
    (run / "state" / "run.json").write_text(json.dumps(identity))
    assert "setting batch_size: was 8, is 4" in refusal(run)


def test_a_setting_that_nobody_knows_is_named(run: Path) -> None:
    with (run / "config.yaml").open("a") as file:
        file.write("beam_width: 7\n")
    message = refusal(run)
    assert "does not know: beam_width. AudioForge " in message
    assert "began the run, before they were renamed or removed" in message


def test_a_setting_of_the_identity_that_nobody_knows_is_named(run: Path) -> None:
    identity = json.loads((run / "state" / "run.json").read_text())
    identity["settings"]["beam_width"] = 7
    (run / "state" / "run.json").write_text(json.dumps(identity))
    assert "setting beam_width: was 7, and this AudioForge does not know it" in refusal(run)


@pytest.mark.parametrize("name", ["environment.json", "state/run.json"])
@pytest.mark.parametrize(
    ("written", "sentence"),
    [(99, "a newer AudioForge wrote this run folder, in format 99"), ("2", "no whole number")],
)
def test_a_folder_of_a_newer_format_is_refused(
    run: Path, name: str, written: object, sentence: str
) -> None:
    content = json.loads((run / name).read_text())
    (run / name).write_text(json.dumps(content | {"format": written}))
    with (run / "config.yaml").open("a") as file:
        file.write("setting_of_the_future: 7\n")
    message = refusal(run)
    assert sentence in message
    assert str(run / name) in message


def test_a_folder_of_the_first_format_goes_on_and_says_what_it_cannot_tell(
    own: Path,
    run: Path,
    expected: dict[str, Any],
    put_back: Callable[[Path], Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """From then on it is compared as any other."""
    path = run / "state" / "run.json"
    identity = json.loads(path.read_text())
    first = {k: identity[k] for k in ("settings", "model", "data")}
    del first["settings"]["metric"]
    for data in first["data"].values():
        del data["ids"], data["about"]
    path.write_text(json.dumps(first))
    (run / "state" / "sound.jsonl").unlink()
    environment = json.loads((run / "environment.json").read_text())
    del environment["format"]
    (run / "environment.json").write_text(json.dumps(environment))
    lines = read_lines(put_back(own / "train.jsonl"))
    write_lines(own / "train.jsonl", [{**lines[0], "text": "low"}, *lines[1:]])
    assert "have other ids, references, labels or segments" in refusal(run, accept_changes=True)
    write_lines(own / "train.jsonl", lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ToneWords, "loss", lambda *_: (_ for _ in ()).throw(Stop()))
        with pytest.raises(Stop):
            resume(run)
    said = " ".join(capsys.readouterr().err.split())
    assert "wrote down settings, base weights, ids and texts only" in said
    swap(put_back(own / "terms.txt"), "high", "hihg")
    assert "terms.txt: changed" in refusal(run)
    swap(own / "terms.txt", "hihg", "high")
    resume(run)
    assert "wrote down" not in capsys.readouterr().err
    assert results(run) == expected


@pytest.mark.parametrize("damage", ["cut", "gone", "of other clips"])
def test_damaged_notes_on_sound_are_refused(run: Path, damage: str) -> None:
    path = run / "state" / "sound.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    if damage == "gone":
        path.unlink()
    else:
        path.write_text("".join(lines)[:-9] if damage == "cut" else "".join(lines[::-1]))
    assert f"{path}: cannot be read" in refusal(run)
