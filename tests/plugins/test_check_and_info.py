"""`audioforge plugins check` and `plugins info` on the command line."""

import json
import re
import shutil

import pytest
from click.testing import CliRunner
from fresh_environment import OF_PLUGINS

from audioforge.cli import cli
from audioforge.plugins.description import attribute_help


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
def environment(shared_environment):
    return shared_environment(leave_out=tuple(set(OF_PLUGINS) - {"jiwer", "rapidfuzz"}))


def test_a_project_is_checked_as_it_would_be_published(environment, example):
    result = environment.run("audioforge", "plugins", "check", ".", cwd=example)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.startswith("plugin audioforge-phone-digits\n  ok      It loads, and ")
    assert re.search(r"\n\n(\d+) checks: \1 ok\n$", result.stdout)
    assert environment.run("audioforge", "plugins", "list", "--json").stdout == "[]\n"
    above = f"./{example.name}"  # for pip, without the dot, the name of something in an index
    result = environment.run("audioforge", "plugins", "check", above, cwd=example.parent)
    assert result.returncode == 0, result.stderr
    result = environment.run("audioforge", "plugins", "check", example.name, cwd=example.parent)
    assert result.returncode == 2
    assert f"the folder is ./{example.name}" in result.stderr
    assert not list(example.rglob("*.egg-info")) + list(example.glob("build"))


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
        "  failed  What it cannot judge has no reward: other hypotheses, and no reference if it "
        "needs it.\n"
        '          but: "yes" for asr has reward 0.0\n'
        "          mend: Return Score(None) for a sample without reference or label, and for a "
        "hypothesis of a kind that its tasks have not, instead of raising or of guessing a reward. "
        "If it needs no reference, say needs_reference = False.\n"
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


def test_info_of_a_verifier():
    result = audioforge("plugins", "info", "wer")
    assert result.exit_code == 0
    assert result.output == (
        "verifier wer\n"
        "Word error rate of the transcript; reward 1 − WER.\n"
        "\n"
        "full name          audioforge-verifiers/wer\n"
        "from               audioforge-verifiers 0.1.0\n"
        "plugin API         1\n"
        "licence            Apache-2.0\n"
        "factory            audioforge_verifiers.error_rate:WordErrorRate\n"
        "tasks              asr\n"
        "metrics            wer, hits, substitutions, deletions, insertions, reference_words\n"
        "corpus metrics     wer (lower is better)\n"
        "needs a reference  yes\n"
        "scope              hypothesis\n"
        "\n"
        "options\n"
        "option     type          default  help\n"
        "threshold  float | None  None     Error rate up to which a transcript passes; None for "
        "the run's `wer_threshold`.\n"
        "\n"
        "example\n"
        "  audioforge verify predictions.jsonl --verifier wer\n"
    )


def test_every_own_option_is_explained():
    rows = json.loads(audioforge("plugins", "list", "--json").stdout)
    explained = 0
    for row in rows:
        for kind in ("verifiers", "aggregators", "datasets", "models"):
            for name in row["provides"][kind]:
                full_name = f"{row['distribution']}/{name}"
                result = audioforge("plugins", "info", full_name, "--json")
                assert result.exit_code == 0, result.output
                [found] = json.loads(result.stdout)
                assert found["example"].startswith("audioforge ")
                for option in found["options"]:
                    assert option["help"], f"{full_name}: {option['option']}"
                    assert option["type"]
                    explained += 1
    assert explained > 20


def test_info_of_a_distribution():
    result = audioforge("plugins", "info", "Audioforge_Demo")
    assert result.output.startswith("plugin audioforge-demo\nThe offline demo of AudioForge:")
    assert "entry points  demo = audioforge_demo.plugin\n" in result.output
    assert re.search(r"^dataset +demo +Spoken digits", result.output, re.MULTILINE)
    assert re.search(r"^command +demo +audioforge_demo.command:demo", result.output, re.MULTILINE)


def test_info_of_what_cannot_be_imported(with_plugins):
    with_plugins("acme-good")
    result = audioforge("plugins", "info", "absent-module")
    assert result.exit_code == 1
    assert "acme-good/absent-module" in result.output
    assert "cannot be imported" in result.output
    result = audioforge("plugins", "info", "politeness")
    assert re.search(r"^word +str +\(required\)", result.output, re.MULTILINE)
    assert "--verifier politeness:word=…" in result.output


def test_a_required_option_is_in_the_example_of_an_aggregator():
    assert "--aggregator gated:require=…" in audioforge("plugins", "info", "gated").output


@pytest.mark.parametrize(
    ("docstring", "expected"),
    [
        ("Options.", {}),
        ("X.\n\n    Attributes:\n        a: One.\n        b: Two\n            lines.\n", None),
        ("X.\n\nAttributes:\n    a (int): One.\n    b: Two lines.\n\nRaises:\n    c: x", None),
    ],
)
def test_help_comes_from_the_docstring(docstring, expected):
    wanted = {"a": "One.", "b": "Two lines."} if expected is None else expected
    assert attribute_help(docstring) == wanted
