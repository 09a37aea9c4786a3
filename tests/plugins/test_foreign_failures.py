"""Factories, options and datasets of third parties that fail: each is told as its own."""

import json

import pytest
from click.testing import CliRunner

from audioforge.cli import cli

PLUGIN = """
import sys
import attrs
from audioforge.dataset import Dataset
from audioforge.hookspecs import hookimpl
from audioforge.sample import AudioSample
from audioforge.specs import DatasetSpec, VerifierSpec
from audioforge.verifier import Verifier

AUDIOFORGE_API = 1


class Boom(Verifier):
    tasks = ("asr",)

    def __init__(self):
        raise ZeroDivisionError("in the factory")

    def verify(self, samples, hypotheses):
        return []


class Exits(Boom):
    def __init__(self):
        sys.exit(3)


class SetupExits(Boom):
    def __init__(self):
        pass

    def setup(self, context):
        sys.exit(4)


class Plain:
    pass


@attrs.frozen
class Unresolved:
    x: "Nowhere" = None


@attrs.frozen
class Raises:
    x: int = attrs.field(default=1, validator=lambda i, a, v: {}[v])


class Corpus(Dataset):
    def __init__(self, request):
        self.split = request.split
        if self.split == "factory":
            raise ZeroDivisionError("in the factory")

    def load(self):
        if self.split == "exits":
            sys.exit(0)
        if self.split == "nothing":
            return None
        yield AudioSample("a")
        raise ZeroDivisionError("in load")


@hookimpl
def register_verifiers():
    def spec(name, factory="Boom", options=None):
        options = options and f"{__name__}:{options}"
        return VerifierSpec(name=name, summary="two\\nlines", tasks=("asr",),
                            factory=f"{__name__}:{factory}", options=options)

    return [spec("boom"), spec("exits", "Exits"), spec("setup-exits", "SetupExits"),
            spec("plain", "SetupExits", "Plain"), spec("unresolved", "SetupExits", "Unresolved"),
            spec("raises", "SetupExits", "Raises")]


@hookimpl
def register_datasets():
    return [DatasetSpec(name="corpus", summary="", tasks=("asr",), factory=f"{__name__}:Corpus")]
"""


@pytest.fixture
def plugin(tmp_path):
    path = tmp_path / "foreign.py"
    path.write_text(PLUGIN)
    return str(path)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("boom", "'foreign.py/boom' cannot be created: ZeroDivisionError: in the factory"),
        ("exits", "'foreign.py/exits' cannot be created: SystemExit: 3"),
        ("setup-exits", "verifier 'setup-exits' cannot be set up: SystemExit: 4"),
        ("plain", "cannot be used: NotAnAttrsClassError"),
        ("unresolved", "cannot be used: NameError"),
        ("raises", "cannot be used: KeyError"),
    ],
)
def test_a_verifier(plugin, tmp_path, name, reason):
    predictions = tmp_path / "predictions.jsonl"
    predictions.write_text('{"text": "a", "pred_text": "a"}\n')
    arguments = ["verify", str(predictions), "--plugin", plugin, "--verifier", name]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code in (1, 2)
    assert reason in result.output
    assert "Traceback" not in result.output
    result = CliRunner().invoke(cli, ["plugins", "info", "--plugin", plugin, "--json", name])
    [found] = json.loads(result.stdout)
    assert bool(found["error"]) == (name in ("plain", "unresolved"))
    result = CliRunner().invoke(cli, ["plugins", "info", "--plugin", plugin, name])
    assert result.output.splitlines()[1] == "two\\nlines"


@pytest.mark.parametrize(
    ("split", "reason"),
    [
        ("factory", "'foreign.py/corpus' cannot be created: ZeroDivisionError: in the factory"),
        ("exits", "dataset 'foreign.py/corpus' failed: SystemExit: 0"),
        ("nothing", "0 usable clips"),
        ("load", "dataset 'foreign.py/corpus' failed: ZeroDivisionError: in load"),
    ],
)
@pytest.mark.parametrize("name", ["corpus", "foreign.py/corpus", "Foreign-PY/corpus"])
def test_a_dataset(plugin, split, reason, name):
    arguments = ["datasets", "show", name, "--split", split, "--plugin", plugin]
    result = CliRunner().invoke(cli, arguments)
    assert reason in result.output
    assert "Traceback" not in result.output
    assert (result.exit_code == 0) == (split == "nothing")


def test_a_format_is_chosen_where_two_read_a_file(tmp_path):
    for name in ("one", "two"):
        text = PLUGIN.replace(
            'name="corpus", summary=""', 'name="foo", suffixes=(".foo",), summary=""'
        )
        (tmp_path / f"{name}.py").write_text(text)
    clips = tmp_path / "clips.foo"
    clips.touch()
    plugins = ["--plugin", str(tmp_path / "one.py"), "--plugin", str(tmp_path / "two.py")]
    result = CliRunner().invoke(cli, ["datasets", "show", str(clips), *plugins])
    assert result.exit_code == 2
    assert "one.py/foo and two.py/foo read it: choose one" in result.output
    chosen = f"{clips}:format=two.py/foo"
    result = CliRunner().invoke(cli, ["datasets", "show", chosen, *plugins, "--split", "nothing"])
    assert result.exit_code == 0, result.output
    result = CliRunner().invoke(cli, ["datasets", "show", f"{clips}:format=three", *plugins])
    assert "no dataset is called 'three'" in result.output
