"""`--plugin FILE.py`: one file as a plugin, by this flag and by nothing else."""

import json

import pytest
from click.testing import CliRunner

from audioforge.cli import cli
from audioforge.errors import PluginError
from audioforge.plugins import discover

IDEA = """
from audioforge.hookspecs import hookimpl
from audioforge.sample import Score
from audioforge.specs import VerifierSpec
from audioforge.verifier import Verifier

AUDIOFORGE_API = 1


class Idea(Verifier):
    tasks = ("asr",)
    metrics = ("letters",)

    def verify(self, samples, hypotheses):
        return [self._score(s.reference, h.text) for s, h in zip(samples, hypotheses)]

    def _score(self, reference, text):
        if reference is None or text is None:
            return Score(None)
        return Score(min(1.0, len(text) / 10), metrics={"letters": len(text)})


@hookimpl
def register_verifiers():
    return [VerifierSpec(name="idea", summary="Long is good.", tasks=("asr",),
                         factory=f"{__name__}:Idea")]
"""


@pytest.fixture
def idea(tmp_path):
    path = tmp_path / "json.py"  # hides no module of that name
    path.write_text(IDEA)
    return path


@pytest.fixture
def predictions(tmp_path):
    path = tmp_path / "predictions.jsonl"
    path.write_text('{"text": "a", "pred_text": "abcde"}\n')
    return path


def audioforge(*arguments):
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def test_it_is_used_by_its_name(idea, predictions):
    for name in ("idea", "json.py/idea"):
        arguments = ("verify", predictions, "--plugin", idea, "--verifier", name, "--json")
        result = audioforge(*arguments)
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)["reward"] == 0.5


def test_it_is_listed_as_what_it_is(idea):
    result = audioforge("plugins", "list", "--json", "--plugin", idea)
    rows = {row["distribution"]: row for row in json.loads(result.stdout)}
    assert rows["json.py"]["provides"]["verifiers"] == ["idea"]
    assert (rows["json.py"]["version"], rows["json.py"]["api_version"]) == ("", 1)
    result = audioforge("plugins", "info", "--plugin", idea, "idea")
    assert "from               json.py\n" in result.stdout
    assert f"audioforge verify predictions.jsonl --verifier idea --plugin {idea}\n" in result.stdout


def test_nothing_but_the_flag_loads_it(idea, predictions, monkeypatch):
    monkeypatch.chdir(idea.parent)
    for variable in ("", "json.py", "json"):
        monkeypatch.setenv("AUDIOFORGE_PLUGINS", variable)
        assert "idea" not in discover().names("verifiers")
    monkeypatch.delenv("AUDIOFORGE_PLUGINS")
    assert "idea" not in discover().names("verifiers")
    config = idea.with_name("run.yaml")
    config.write_text(f"plugin: {idea}\nmodel_name: x\n")
    result = audioforge("train", "--config", config)
    assert result.exit_code == 2
    assert "plugin: there is no such setting" in result.output


def test_with_every_installed_plugin_kept_out_it_is_the_only_one(idea, monkeypatch):
    monkeypatch.setenv("AUDIOFORGE_PLUGINS", "")
    plugins = discover(files=[idea]).plugins
    assert [p.distribution for p in plugins] == ["audioforge", "json.py"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import nothing_of_this_name", "No module named 'nothing_of_this_name'"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("def f(:", "SyntaxError"),
        ("AUDIOFORGE_API = 9\nimport later", "it was built for plugin API 9"),
        ("AUDIOFORGE_API = 'one'\n" + IDEA.replace("= 1", "= 'one'"), "must be a whole number"),
        ("x = 1", "it implements no hook"),
        (IDEA.replace('name="idea"', 'name="An Idea"'), "a name has lower-case letters"),
        ("from . import other", "attempted relative import"),
    ],
)
def test_one_that_cannot_be_loaded_ends_the_command(tmp_path, predictions, text, reason):
    path = tmp_path / "broken.py"
    path.write_text(text)
    result = audioforge("verify", predictions, "--plugin", path, "--verifier", "wer")
    assert result.exit_code == 2
    assert result.output.startswith(f"Error: --plugin {path}: ")
    assert reason in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("absent.py", None, "cannot be read: No such file"),
        ("folder.py", "folder", "is a folder"),
        ("idea.txt", b"", "does not end in .py"),
        ("latin.py", b"# \xff", "not UTF-8"),
    ],
)
def test_one_that_is_no_python_file(tmp_path, name, content, reason):
    path = tmp_path / name
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(PluginError, match=reason):
        discover(files=[path])


def test_two_files_of_one_name(idea, tmp_path):
    (tmp_path / "other").mkdir()
    other = tmp_path / "other" / "json.py"
    other.write_text(IDEA)
    with pytest.raises(PluginError, match="has the same name; give one another name"):
        discover(files=[idea, other])
    plugins = discover("", [idea, idea]).plugins
    assert [p.distribution for p in plugins] == ["audioforge", "json.py"]


def test_a_name_of_audioforge_keeps_its_meaning(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(IDEA.replace('name="idea"', 'name="wer"'))
    registry = discover(files=[path])
    assert registry.find("verifiers", "wer").distribution == "audioforge-verifiers"
    assert registry.find("verifiers", "mine.py/wer").distribution == "mine.py"


def test_it_can_be_checked_without_being_installed(idea):
    result = audioforge("plugins", "check", idea, "--json")
    rows = json.loads(result.stdout)
    failed = [row["rule"] for row in rows if row["status"] == "failed"]
    assert failed == [], result.stdout
    skipped = {row["rule"] for row in rows if row["status"] == "skipped"}
    assert skipped == {"is_light", "says_what_it_is", "requires_audioforge"}
    assert {row["subject"] for row in rows} == {"plugin json.py", "verifier idea"}


def test_the_flag_stands_where_the_command_reads_it(idea):
    result = audioforge("datasets", "--plugin", idea, "show", "demo")
    assert result.exit_code == 2
    assert "--plugin goes after show" in result.output
