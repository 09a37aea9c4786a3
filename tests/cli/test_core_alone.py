"""Core installed by itself, in an environment without any plugin and without what those need."""

import json

import pytest
from fresh_environment import OF_PLUGINS


@pytest.fixture(scope="module")
def core(shared_environment):
    """An environment that has the dependencies of core, and core."""
    return shared_environment(leave_out=OF_PLUGINS)


def audioforge(core, *arguments):
    return core.run("audioforge", *arguments)


def test_help(core):
    result = audioforge(core, "--help")
    assert result.returncode == 0
    assert "train " in result.stdout
    assert "demo" not in result.stdout


def test_the_listings_say_what_to_install(core):
    result = audioforge(core, "plugins", "list")
    assert (result.returncode, result.stderr) == (0, "")
    assert "No other plugin is installed. Install audioforge[whisper]" in result.stdout
    [engine] = json.loads(audioforge(core, "plugins", "list", "--json").stdout)
    assert engine["distribution"] == "audioforge"
    assert engine["provides"]["selections"]
    assert "Install audioforge[whisper]" in audioforge(core, "models").stdout
    datasets = audioforge(core, "datasets")
    assert "audioforge[datasets]" in datasets.stdout + datasets.stderr
    assert "Traceback" not in datasets.stderr


def test_the_demo_says_what_to_install(core):
    result = audioforge(core, "demo")
    assert result.returncode == 2
    assert result.stderr == (
        "Error: the command 'demo' is not installed: install audioforge[demo].\n"
    )


@pytest.mark.parametrize("command", ["check", "new"])
def test_the_commands_of_the_kit_say_what_to_install(core, command):
    assert f"\n  {command} " in audioforge(core, "plugins", "--help").stdout
    for arguments in (["--help"], ["acme-politeness"], []):
        result = audioforge(core, "plugins", command, *arguments)
        assert (result.returncode, result.stdout) == (2, "")
        assert result.stderr == (
            f"Error: the command 'plugins {command}' is not installed: install audioforge[kit].\n"
        )


def test_training_says_what_to_install(core, tmp_path):
    manifest = tmp_path / "manifest.jsonl"
    manifest.write_text("")
    arguments = ("--model", "openai/whisper-tiny", "--dataset", str(manifest))
    result = audioforge(core, "train", *arguments, "--output", str(tmp_path / "run"))
    assert result.returncode == 2
    assert "audioforge[" in result.stderr
    assert "Traceback" not in result.stderr


def test_doctor_finds_nothing_broken(core):
    result = audioforge(core, "doctor")
    assert result.returncode == 0, result.stdout
    assert "none is loaded" in result.stdout
    assert result.stdout.endswith("Nothing is broken.\n")
