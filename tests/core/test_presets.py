"""Presets: settings that go together, which everything else overrides."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from audioforge.cli import cli
from audioforge.cli.train import build_config
from audioforge.config import AudioRAFTConfig, preset_names, read_preset
from audioforge.errors import ConfigError


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_is_a_configuration_that_says_why(name):
    changed = AudioRAFTConfig.from_mapping(read_preset(name))
    defaults = AudioRAFTConfig()
    for key in read_preset(name):
        assert getattr(changed, key) != getattr(defaults, key), f"{key} is set to its default"
    shown = CliRunner().invoke(cli, ["presets", name]).stdout
    paragraphs = shown.strip().split("\n\n")
    assert all(paragraph.startswith("# ") for paragraph in paragraphs), "each has its reason"
    assert all(f"{key}: " in shown for key in read_preset(name))


def test_the_list_tells_what_each_sets_and_train_names_them():
    listed = CliRunner().invoke(cli, ["presets"]).stdout
    helped = CliRunner().invoke(cli, ["train", "--help"]).stdout
    for name in ("aggressive", "conservative"):
        assert f"{name}: " in listed
        assert name in helped
    table = json.loads(CliRunner().invoke(cli, ["presets", "--json"]).stdout)
    assert table == {name: read_preset(name) for name in preset_names()}


def test_file_and_flags_override_a_preset(tmp_path):
    (tmp_path / "run.yaml").write_text("patience: 5\nnum_cycles: 2\n")
    flags = {"num_cycles": "3", "temperature": None}
    config = build_config(tmp_path / "run.yaml", flags, "conservative")
    assert (config.num_cycles, config.patience, config.temperature) == (3, 5, 0.5)


def test_a_file_of_ones_own_is_a_preset(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("learning_rate: [2e-5, 1e-5]\n")
    config = build_config(None, {}, str(tmp_path / "mine.yaml"))
    assert config.learning_rate == (2e-5, 1e-5)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("conservativ", "Did you mean conservative?"),
        ("gone.yaml", "gone.yaml: cannot be read"),
        ("../presets/conservative", "none is called"),
    ],
)
def test_a_preset_that_is_not_there(name, reason):
    with pytest.raises(ConfigError, match=reason):
        build_config(None, {}, name)


def test_a_run_that_is_resumed_has_its_settings(tmp_path):
    arguments = ["train", "--resume", str(tmp_path), "--preset", "conservative"]
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 2
    assert "leave out preset" in " ".join(done.output.split())
