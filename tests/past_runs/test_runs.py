"""`audioforge runs` and `runs clean`, on run folders that are written here."""

import errno
import json
import os
import shutil
import time

import pytest
import yaml
from click.testing import CliRunner
from filelock import FileLock

from audioforge.cli import cli

CONFIG = {"model_name": "tiny", "dataset": "d", "num_cycles": 2, "output_dir": "o"}


def write_run(folder, *, finished=True, age_days=0, **settings):
    for cycle in (1, 2):
        weights = folder / f"cycle-0{cycle}/checkpoint/model.safetensors"
        weights.parent.mkdir(parents=True)
        weights.write_bytes(b"w" * 40_000)
    (folder / "best").mkdir()
    (folder / "best/model.safetensors").write_bytes(b"w" * 40_000)
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG | {"selection": "best"} | settings))
    environment = {"audioforge": "1", "working_directory": str(folder.parent)}
    (folder / "environment.json").write_text(json.dumps(environment))
    rows = {"cycle-01/metrics.json": 0.3, "cycle-00/metrics.json": 0.4}
    for name, wer in rows.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps({"metric": "wer", "wer": wer}))
    if finished:
        best = {"cycle": 2, "wer": 0.25}
        summary = {"metric": "wer", "improved": True, "base": {"wer": 0.4}, "best": best}
        (folder / "summary.json").write_text(json.dumps(summary))
    else:
        (folder / "state").mkdir()
    then = time.time() - age_days * 24 * 3600
    for path in folder.rglob("*"):
        if path.is_file():
            os.utime(path, (then, then))
    return folder


def runs(*arguments, code=0):
    result = CliRunner().invoke(cli, ["runs", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result.stdout if code == 0 else result.stderr


def listed(folder):
    return {run["folder"].rpartition("/")[2]: run for run in json.loads(runs(folder, "--json"))}


def removals(*arguments):
    return [r["path"] for r in json.loads(runs("clean", *arguments, "--json"))["removals"]]


def everything(folder):
    return sorted(str(path) for path in folder.rglob("*"))


@pytest.fixture
def root(tmp_path):
    """One of each: finished, at work, stopped, and folders that only look like a run."""
    root = tmp_path / "runs"
    write_run(root / "deep/er/done", age_days=40)
    write_run(root / "new")
    write_run(root / "stopped", finished=False, age_days=40)
    write_run(root / "working", age_days=40)  # its result is written, its lock still held
    (root / "working/state").mkdir()
    foreign = write_run(root / "foreign", age_days=40)
    (foreign / "config.yaml").write_text("model_name: another program's\n")
    bare = write_run(root / "bare", age_days=40)
    (bare / "config.yaml").unlink()
    with FileLock(root / "working/state/lock-00000"):
        yield root


def test_every_run_below_with_state_result_size_and_age(root):
    found = listed(root)
    assert {name: run["state"] for name, run in found.items()} == {
        "done": "finished",
        "new": "finished",
        "stopped": "interrupted",
        "working": "running",
    }
    assert (found["done"]["base"], found["done"]["best"], found["done"]["cycle"]) == (0.4, 0.25, 2)
    assert (found["stopped"]["best"], found["stopped"]["cycle"]) == (0.3, 1)
    assert found["stopped"]["improved"] is None
    assert 120_000 <= found["done"]["bytes"] < 200_000
    printed = runs(root)
    assert "wer 40.0 % → 25.0 %" in printed
    assert "wer 40.0 % → 30.0 % (cycle 1)" in printed
    assert "40 days" in printed
    assert "There is no run" in runs(root / "bare/best")
    assert "there is no such folder" in runs(root / "none", code=2)


def test_a_run_folder_itself_is_listed(root):
    assert listed(root / "new").keys() == {"new"}


def test_clean_lists_and_removes_only_when_told(root):
    before = everything(root)
    expected = [
        str(root / run / f"cycle-0{cycle}/checkpoint")
        for run in ("deep/er/done", "new")
        for cycle in (1, 2)
    ]
    assert removals(root) == expected
    assert "would be removed" in runs("clean", root)
    assert everything(root) == before
    assert "removed" in runs("clean", root, "--yes")
    gone = {path for e in expected for path in before if path.startswith(e)}
    assert everything(root) == sorted(set(before) - gone)
    assert (root / "new/best/model.safetensors").is_file()
    assert removals(root) == []


def test_whole_runs_and_only_old_ones(root):
    assert removals(root, "--older-than", "30", "--whole") == [str(root / "deep/er/done")]
    before = everything(root)
    runs("clean", root, "--older-than", "30", "--whole", "--yes")
    left = [path for path in before if not path.startswith(str(root / "deep/er/done"))]
    assert everything(root) == left


def test_what_an_unfinished_run_begins_with_stays(root):
    write_run(root / "child", finished=False, model_name="new/best", parent="new")
    assert removals(root, "--whole") == [str(root / "deep/er/done")]


def test_a_run_in_another_is_listed_too_and_an_unfinished_one_keeps_it(tmp_path):
    outer = write_run(tmp_path / "runs/outer")
    inner = write_run(outer / "inner")
    assert removals(tmp_path / "runs", "--whole") == [str(outer), str(inner)]
    write_run(inner / "stopped", finished=False)
    write_run(outer / "old", age_days=9)
    assert removals(tmp_path / "runs", "--whole") == [str(outer / "old")]
    before = everything(outer)
    runs("clean", tmp_path / "runs", "--whole", "--yes")
    assert everything(outer) == [path for path in before if "/old" not in path]
    (inner / "stopped/summary.json").write_text('{"improved": true}')
    runs("clean", tmp_path / "runs", "--whole", "--yes")
    assert everything(tmp_path / "runs") == []


def test_what_an_unfinished_run_beside_the_folder_begins_with_stays(tmp_path):
    parent = write_run(tmp_path / "runs/parent")
    group = write_group(tmp_path / "runs/group")
    child = write_run(tmp_path / "runs/later/child", finished=False, parent=str(parent))
    assert removals(parent, "--whole") == []
    config = yaml.safe_load((child / "config.yaml").read_text())
    config["parent"] = str(group / "seed-1")
    (child / "config.yaml").write_text(yaml.safe_dump(config))
    assert removals(parent, "--whole") == [str(parent)]
    assert removals(group / "seed-1", "--whole") == []


def write_group(folder):
    for seed in (0, 1):
        write_run(folder / f"seed-{seed}")
    (folder / "base").mkdir()
    (folder / "base/identity.json").write_text("{}")
    (folder / "group.yaml").write_text("seeds: [0, 1]\n")
    (folder / "summary.json").write_text("{}")
    return folder


def test_seeds_of_a_group_that_is_not_finished_stay(tmp_path):
    group = write_group(tmp_path / "runs/group")
    (group / "summary.json").unlink()
    assert removals(tmp_path / "runs", "--whole") == []
    assert removals(group / "seed-0", "--whole") == []


def test_what_seeds_share_goes_with_the_last_of_them(tmp_path):
    group = write_group(tmp_path / "runs/group")
    seeds = [str(group / "seed-0"), str(group / "seed-1")]
    assert removals(group / "seed-0", "--whole", "--yes") == seeds[:1]
    assert (group / "group.yaml").is_file()
    (group / "mine").write_text("mine")
    assert removals(tmp_path / "runs", "--whole", "--yes") == [str(group), seeds[1]]
    assert everything(group) == [str(group / "mine")]
    (group / "mine").unlink()
    write_group(group)
    runs("clean", tmp_path / "runs", "--whole", "--yes")
    assert not group.exists()


def test_what_cannot_be_removed_is_named_and_the_rest_goes(root, monkeypatch):
    stuck = root / "deep/er/done/cycle-01/checkpoint"
    rmtree = shutil.rmtree

    def fail(path, *arguments):
        if path == stuck:
            raise PermissionError(errno.EPERM, "Operation not permitted", str(stuck / "file"))
        rmtree(path, *arguments)

    monkeypatch.setattr(shutil, "rmtree", fail)
    result = CliRunner().invoke(cli, ["runs", "clean", str(root), "--yes"])
    assert result.exit_code == 1
    assert f"{stuck} was not removed: {stuck}/file: Operation not permitted" in result.stderr
    assert str(root / "new/cycle-02/checkpoint") in result.stdout
    assert str(stuck) not in result.stdout
    assert not (root / "new/cycle-02/checkpoint").exists()
    assert removals(root) == [str(stuck)]


def test_links_are_not_followed(root, tmp_path):
    outside = write_run(tmp_path / "outside/run")
    (root / "linked").symlink_to(outside, target_is_directory=True)
    target = tmp_path / "weights"
    target.mkdir()
    (target / "mine").write_text("mine")
    inside = root / "new/cycle-03"
    inside.mkdir()
    (inside / "checkpoint").symlink_to(target, target_is_directory=True)
    (root / "new/best/kept").symlink_to(target, target_is_directory=True)
    assert "linked" not in listed(root)
    runs("clean", root, "--yes")
    runs("clean", root, "--whole", "--yes")
    assert not (root / "new").exists()
    assert (target / "mine").read_text() == "mine"
    assert (outside / "summary.json").is_file()


def test_a_run_without_its_exported_weights_keeps_the_others(root):
    (root / "new/best/model.safetensors").unlink()
    assert not any("/new/" in path for path in removals(root))


def test_a_hostile_config_is_no_run_and_its_text_is_inert(root):
    (root / "foreign/config.yaml").write_text("[" * 2_000)
    assert "foreign" not in listed(root)
    write_run(root / "evil", model_name="\x1b[2J")
    assert "\x1b" not in runs(root)
