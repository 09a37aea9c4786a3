"""The command line as a whole: help, versions, unknown commands, closed pipes, hostile text."""

import subprocess
import sys
from importlib import metadata

import pytest
from click.testing import CliRunner

from audioforge.cli import COMMANDS, cli


@pytest.fixture(autouse=True)
def _all_plugins(monkeypatch):
    monkeypatch.delenv("AUDIOFORGE_PLUGINS", raising=False)


def test_version():
    result = CliRunner().invoke(cli, ["--version"])
    assert result.output == f"audioforge {metadata.version('audioforge')}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_line_in_the_help_is_the_commands_own(name):
    listing = CliRunner().invoke(cli, ["--help"]).output
    assert f"{name} {COMMANDS[name]}" in " ".join(listing.split())
    own = CliRunner().invoke(cli, [name, "--help"]).output
    assert COMMANDS[name] in " ".join(own.split())
    assert "\\b" not in own, "Click's mark for text that keeps its lines is not shown"


def test_an_unknown_command_names_the_close_ones():
    result = CliRunner().invoke(cli, ["trian"])
    assert result.exit_code == 2
    assert result.stderr.startswith(
        "Error: no command is called 'trian'. Did you mean train? Known: benchmark, "
    )


def test_the_demo_says_what_to_install(monkeypatch):
    monkeypatch.setenv("AUDIOFORGE_PLUGINS", "audioforge-whisper")
    result = CliRunner().invoke(cli, ["demo"])
    assert result.exit_code == 2
    assert "the command 'demo' is not installed: install audioforge[demo]." in result.stderr
    assert "AUDIOFORGE_PLUGINS is 'audioforge-whisper'" in result.stderr


def test_an_unknown_option_is_wrong_usage():
    result = CliRunner().invoke(cli, ["models", "--jason"])
    assert result.exit_code == 2
    assert "Did you mean '--json'?" in result.stderr


def test_control_characters_of_a_user_are_spelt_out():
    result = CliRunner().invoke(cli, ["\x1b[2J[red]x"])
    assert result.exit_code == 2
    assert "'\\x1b[2J[red]x'" in result.stderr
    assert "\x1b" not in result.stderr


@pytest.mark.parametrize("arguments", [("plugins", "list"), ("models", "--json"), ("--help",)])
def test_a_closed_pipe_is_quiet(arguments):
    process = subprocess.Popen(
        [sys.executable, "-m", "audioforge", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.close()
    stderr = process.stderr.read()
    process.wait(timeout=20)
    process.stderr.close()
    assert stderr == ""


def test_text_that_stdout_cannot_encode_is_spelt_out():
    result = subprocess.run(
        [sys.executable, "-m", "audioforge", "ü–\N{SNOWMAN}"],
        env={"PYTHONIOENCODING": "ascii", "PATH": ""},
        capture_output=True,
        check=False,
    )
    assert result.returncode == 2
    assert b"'\\xfc\\u2013\\u2603'" in result.stderr
