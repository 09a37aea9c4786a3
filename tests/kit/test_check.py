"""`audioforge plugins check` on the command line."""

import json
import re
import shutil

import pytest
from click.testing import CliRunner
from fresh_environment import OF_PLUGINS

from audioforge.cli import cli


def audioforge(*arguments):
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def example(root, tmp_path_factory):
    """A copy of the project in docs/examples."""
    folder = tmp_path_factory.mktemp("example") / "audioforge-phone-digits"
    ignored = shutil.ignore_patterns("__pycache__", ".*_cache")
    shutil.copytree(root / "docs/examples/audioforge-phone-digits", folder, ignore=ignored)
    return folder


@pytest.fixture(scope="module")
def environment(shared_environment, root):
    kit = root / "plugins/kit"
    return shared_environment(kit, leave_out=tuple(set(OF_PLUGINS) - {"jiwer", "rapidfuzz"}))


def test_a_project_is_checked_as_it_would_be_published(environment, example):
    result = environment.run("audioforge", "plugins", "check", ".", cwd=example)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.startswith(
        "plugin audioforge-phone-digits\n  ok      The plugin loads, and "
    )
    assert re.search(r"\n\n(\d+) checks: \1 ok\n$", result.stdout)
    rows = json.loads(environment.run("audioforge", "plugins", "list", "--json").stdout)
    assert [row["distribution"] for row in rows] == ["audioforge"]
    above = f"./{example.name}"  # for pip, without the dot, the name of something in an index
    result = environment.run("audioforge", "plugins", "check", above, cwd=example.parent)
    assert result.returncode == 0, result.stderr
    result = environment.run("audioforge", "plugins", "check", example.name, cwd=example.parent)
    assert result.returncode == 2
    assert f"the folder is ./{example.name}" in result.stderr
    assert not list(example.rglob("*.egg-info")) + list(example.glob("build"))


@pytest.mark.soak
def test_a_wheel_is_checked(environment, example, wheel, root):
    built = wheel(root / "docs/examples/audioforge-phone-digits")
    result = environment.run("audioforge", "plugins", "check", built, "--json")
    assert result.returncode == 0, result.stderr
    assert {row["status"] for row in json.loads(result.stdout)} == {"ok"}


def test_a_module_that_the_wheel_forgets_is_missing(environment, example, tmp_path):
    project = tmp_path / "audioforge-phone-digits"
    shutil.copytree(example, project)
    with (project / "pyproject.toml").open("a") as file:
        file.write('\n[tool.hatch.build]\nexclude = ["verifier.py"]\n')
    result = environment.run("audioforge", "plugins", "check", project)
    assert result.returncode == 1
    assert "No module named 'audioforge_phone_digits.verifier'" in result.stdout


def test_what_fails_is_told_with_what_it_did_and_how_to_mend_it(environment, example, tmp_path):
    project = tmp_path / "audioforge-phone-digits"
    shutil.copytree(example, project)
    path = project / "src/audioforge_phone_digits/verifier.py"
    path.write_text(path.read_text().replace("            Score(None)", "            Score(0.0)"))
    result = environment.run("audioforge", "plugins", "check", project)
    assert result.returncode == 1
    assert (
        "  failed  What it cannot judge has no reward: other hypotheses, and samples that lack its "
        "needs.\n"
        '          but: "yes" for asr has reward 0.0\n'
        "          mend: Return Score(None) for a sample without reference or label, and for a "
        "hypothesis of a kind that its tasks have not, instead of raising or of guessing a reward. "
        "If it needs no reference, say needs_reference = False; if it needs other columns, "
        "needs_metadata.\n"
    ) in result.stdout
    assert result.stdout.endswith("\n25 checks: 24 ok, 1 failed\n")


@pytest.mark.parametrize(
    ("plugin", "reason"),
    [
        ("audioforge-whispr", "Did you mean audioforge-whisper or"),
        ("./nowhere", "there is no such file or folder"),
        ("nowhere.py", "there is no such file or folder"),
    ],
)
def test_what_is_not_there_cannot_be_checked(plugin, reason):
    result = audioforge("plugins", "check", plugin)
    assert result.exit_code == 2
    assert reason in result.output


def test_a_folder_that_is_no_project(environment, tmp_path):
    (tmp_path / "empty").mkdir()
    result = environment.run("audioforge", "plugins", "check", tmp_path / "empty")
    assert result.returncode == 2
    assert "is no project (a folder with pyproject.toml), no wheel and no .py file" in result.stderr
