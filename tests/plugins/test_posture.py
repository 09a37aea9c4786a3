"""When code of plugins runs, and when it does not; and what fifty of them cost."""

import os
import subprocess
import sys

import pytest
from fresh_environment import write_plugins

PLUGIN = """
import os
from pathlib import Path

Path(os.environ["MARKS"], "loaded").touch()

from audioforge.hookspecs import hookimpl

AUDIOFORGE_API = 1


@hookimpl
def register_verifiers():
    return []
"""
COMMAND = """
import os
from pathlib import Path

Path(os.environ["MARKS"], "command").touch()

import click


@click.command()
def spy():
    pass
"""


@pytest.fixture
def marks(tmp_path):
    """`marks(*arguments)` are what code of an installed plugin ran for a command."""
    site, folder = tmp_path / "site", tmp_path / "marks"
    info = site / "spy-1.0.dist-info"
    info.mkdir(parents=True)
    folder.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.4\nName: spy\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[audioforge]\nspy = spy_plugin\n[audioforge.commands]\nspy = spy_command:spy\n"
    )
    (site / "spy_plugin.py").write_text(PLUGIN)
    (site / "spy_command.py").write_text(COMMAND)

    def run(*arguments, **variables):
        for mark in folder.iterdir():
            mark.unlink()
        environment = {k: v for k, v in os.environ.items() if k != "AUDIOFORGE_PLUGINS"}
        environment |= {"PYTHONPATH": str(site), "MARKS": str(folder), **variables}
        subprocess.run(
            [sys.executable, "-m", "audioforge", *map(str, arguments)],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            check=False,
        )
        return {mark.name for mark in folder.iterdir()}

    return run


@pytest.mark.sweep(3)
@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["train", "--help"],
        ["verify", "--help"],
        ["plugins", "--help"],
        ["plugins", "info", "--help"],
        ["plugins", "new", "x", "--kind", "verifier"],
        ["plugins", "uninstall", "no-such-plugin"],
        ["no-such-command"],
        ["train", "--no-such-flag"],
        ["train", "--cycles", "many"],
    ],
    ids=" ".join,
)
def test_a_command_that_needs_no_plugin_loads_none(marks, arguments):
    assert marks(*arguments) == set()


@pytest.mark.sweep(2)
@pytest.mark.parametrize(
    "arguments",
    [["plugins", "list"], ["models"], ["datasets"], ["plugins", "info", "wer"]],
    ids=" ".join,
)
def test_a_command_that_needs_plugins_loads_them_and_no_subcommand(marks, arguments):
    assert marks(*arguments) == {"loaded"}


def test_a_subcommand_loads_itself_and_no_plugin(marks):
    assert marks("spy") == {"command"}


@pytest.mark.parametrize(
    "arguments",
    [["plugins", "list"], ["models"], ["datasets"], ["spy"], ["plugins", "check", "spy"]],
    ids=" ".join,
)
@pytest.mark.parametrize("names", ["", "audioforge-whisper"])
def test_the_variable_keeps_plugins_out(marks, arguments, names):
    assert marks(*arguments, AUDIOFORGE_PLUGINS=names) == set()


def test_a_check_of_a_project_loads_no_other_plugin(marks, root):
    example = root / "docs/examples/audioforge-phone-digits"
    variables = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "false"}
    assert marks("plugins", "check", example, AUDIOFORGE_PLUGINS="", **variables) == set()


def test_a_subcommand_of_a_plugin_with_another_api_does_not_run(marks, tmp_path):
    (tmp_path / "site/spy_plugin.py").write_text(PLUGIN.replace("_API = 1", "_API = 9"))
    assert marks("spy") == set()


IMPORTED = """
import sys
from click.testing import CliRunner
from audioforge.cli import cli

result = CliRunner().invoke(cli, sys.argv[1:])
assert result.exit_code == 0, result.output
print(result.output.count("judge-"), *sys.modules)
"""


def test_fifty_plugins_are_listed_without_importing_what_they_name(tmp_path):
    """Each costs its package and its module: nothing that grows faster than their number."""
    imported = {}
    for count in (0, 50):
        site = tmp_path / str(count)
        site.mkdir()
        write_plugins(site, count)
        for command in ("--help", "plugins list"):
            done = subprocess.run(
                [sys.executable, "-c", IMPORTED, *command.split()],
                env={**os.environ, "PYTHONPATH": str(site)},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            listed, *names = done.stdout.split()
            assert int(listed) == (count if "list" in command else 0)
            assert not {name for name in names if name.split(".")[0] in ("torch", "transformers")}
            imported[count, command] = set(names)
    assert imported[50, "--help"] == imported[0, "--help"]
    assert imported[50, "plugins list"] - imported[0, "plugins list"] == {
        f"acme_{number:02d}{end}" for number in range(50) for end in ("", ".plugin")
    }
