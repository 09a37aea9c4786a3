"""The offline demo: what it promises, and that it takes nothing of the user's away."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from audioforge.cli import cli
from audioforge_demo import assets


@pytest.mark.slow
def test_raft_halves_the_errors_and_the_random_control_does_not_help(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["demo", "--output", str(tmp_path)])
    assert result.exit_code == 0, result.output
    runs = {
        name: json.loads((tmp_path / f"demo-{name}" / "summary.json").read_text())
        for name in ("best", "random", "reference")
    }
    base = runs["best"]["base"]["wer"]
    assert runs["best"]["cycles"][-1]["wer"] < 0.5 * base
    assert runs["best"]["improved"]
    assert runs["random"]["cycles"][-1]["difference_ci95"][1] > 0
    assert not runs["random"]["improved"]
    assert runs["reference"]["improved"]
    steps = {name: [c["steps"] for c in run["cycles"]] for name, run in runs.items()}
    assert steps["best"] == steps["random"] == steps["reference"]
    assert "base model" in result.stdout
    assert str(tmp_path / "demo-best" / "best") in result.stdout
    assert "audioforge train" in result.stdout


def test_a_folder_that_is_no_demo_run_is_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / "demo-random" / "notes.txt"
    mine.parent.mkdir()
    mine.write_text("mine")
    result = CliRunner().invoke(cli, ["demo", "--output", str(tmp_path)])
    assert result.exit_code == 2
    assert "not a demo run" in result.stderr
    assert mine.read_text() == "mine"


def test_the_assets_are_small_and_apart() -> None:
    files = [p for p in assets.ASSETS.rglob("*") if p.is_file()]
    assert sum(p.stat().st_size for p in files) < 10e6
    manifests = (assets.target_train(), assets.target_heldout(), assets.source_heldout())
    texts = [
        {json.loads(line)["text"] for line in manifest.read_text().splitlines()}
        for manifest in manifests
    ]
    assert not texts[0] & texts[1]
    assert not texts[0] & texts[2]
    for manifest in manifests:
        for line in map(json.loads, manifest.read_text().splitlines()):
            assert (manifest.parent / line["audio_filepath"]).is_file()
            assert line["duration"] < 5
