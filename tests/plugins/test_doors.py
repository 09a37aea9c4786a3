"""Selections, trackers, executors and exporters of a third party: found, told of, created."""

import json
import sys

import pytest
from click.testing import CliRunner

from audioforge.cli import cli
from audioforge.errors import ConfigError, PluginError
from audioforge.plugins import Plugin, Registry, discover
from audioforge.sample import AudioSample, Hypothesis, Rollout, ScoredHypothesis
from audioforge.selection import SelectionContext
from audioforge.specs import ExporterSpec, SelectionSpec


@pytest.fixture(autouse=True)
def _acme(with_plugins):
    with_plugins("acme-doors")


def audioforge(*arguments):
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def info(name):
    result = audioforge("plugins", "info", name, "--json")
    assert result.exit_code == 0, result.output
    [found] = json.loads(result.stdout)
    return found


def test_they_are_listed_by_kind_and_nothing_of_them_is_imported():
    sys.modules.pop("acme_doors.behind", None)
    rows = {
        r["distribution"]: r for r in json.loads(audioforge("plugins", "list", "--json").stdout)
    }
    provided = {kind: names for kind, names in rows["acme-doors"]["provides"].items() if names}
    assert provided == {
        "selections": ["best", "copies", "longest"],
        "trackers": ["lines"],
        "executors": ["nobody"],
        "exporters": ["config"],
    }
    assert "acme_doors.behind" not in sys.modules
    assert (
        "selections: best, copies, longest; trackers: lines; executors: nobody; exporters: config"
    ) in audioforge("plugins", "list").stdout


def test_a_selection_of_audioforge_keeps_its_name():
    registry = discover()
    assert registry.find("selections", "best").full_name == "audioforge/best"
    assert registry.find("selections", "acme-doors/best").full_name == "acme-doors/best"
    [plugin] = [p for p in registry.plugins if p.distribution == "acme-doors"]
    assert plugin.errors == [
        "selection 'best' is also provided by audioforge: ask for it as 'acme-doors/best'"
    ]
    [engine] = [p for p in registry.plugins if p.distribution == "audioforge"]
    assert engine.status == "ok"


def test_info_of_a_selection():
    result = audioforge("plugins", "info", "longest")
    assert result.exit_code == 0
    assert result.output == (
        "selection longest\n"
        "The longest hypothesis.\n"
        "\n"
        "full name         acme-doors/longest\n"
        "from              acme-doors 1.2.3\n"
        "plugin API        2\n"
        "licence           -\n"
        "factory           acme_doors.behind:Longest\n"
        "learns from       sampled hypotheses\n"
        "least hypotheses  2\n"
        "\n"
        "options\n"
        "option  type  default  help\n"
        "most    int   10       Words of a hypothesis to learn.\n"
        "\n"
        "example\n"
        "  audioforge train --model M --dataset train.jsonl --selection longest\n"
    )
    assert info("copies")["facts"]["learns from"] == "references"
    assert info("acme-doors/best")["example"].endswith("--selection acme-doors/best")


@pytest.mark.parametrize(
    ("name", "example"),
    [
        ("lines", "audioforge train --model M --dataset train.jsonl --log-with lines:path=…"),
        ("nobody", "audioforge train --model M --dataset train.jsonl --executor nobody"),
        ("config", "audioforge export RUN --format config --output FOLDER"),
    ],
)
def test_info_of_the_others(name, example):
    assert info(name)["example"] == example


def test_info_of_an_exporter_says_for_which_tasks_it_is():
    assert info("config")["facts"]["tasks"] == ["asr", "tts"]


def test_they_are_created_with_their_options(tmp_path):
    registry = discover()
    assert registry.create("trackers", "lines", path=str(tmp_path)).path == tmp_path
    assert registry.create("executors", "nobody")
    with pytest.raises(ConfigError, match=r"lines.path: required, and not given"):
        registry.create("trackers", "lines")
    with pytest.raises(ConfigError, match=r"config.way: no such option. It takes no options."):
        registry.create("exporters", "config", way="x")


def test_a_selection_selects():
    said = [Hypothesis(i, text=text) for i, text in enumerate(("a b c", "a b", "a"))]
    scored = [ScoredHypothesis(hypothesis, {}, 1.0) for hypothesis in said]
    rollout = Rollout(AudioSample("one"), 1, scored)
    context = SelectionContext(task="asr", seed=0, threshold=0.7, keep_top_percent=20.0)
    selection = discover().create("selections", "longest", most="2")
    selected = selection.select(iter([rollout]), context)
    assert [(kept.target.text, kept.weight) for kept in selected.items] == [("a b", 1.0)]
    assert selected.divisor == "clips"


def test_an_installed_exporter_exports(tmp_path):
    checkpoint = tmp_path / "checkpoint"
    checkpoint.mkdir()
    (checkpoint / "config.json").write_text('{"model_type": "whisper"}')
    (checkpoint / "model.safetensors").write_bytes(b"weights")
    arguments = ("--format", "acme-doors/config", "--output", tmp_path / "out")
    result = audioforge("export", checkpoint, *arguments)
    assert result.exit_code == 0, result.output
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["config.json"]


@pytest.mark.parametrize(
    ("kind", "hint"),
    [
        ("trackers", "Install audioforge again, which brings them."),
        ("exporters", "Install audioforge[export], or give a file by --plugin."),
        ("selections", "Install audioforge again, which brings them."),
    ],
)
def test_where_none_is_installed_it_says_what_brings_one(kind, hint):
    with pytest.raises(PluginError) as raised:
        Registry([]).find(kind, "x")
    noun = kind.removesuffix("s")
    assert str(raised.value) == f"no {noun} is called 'x'. None is installed. {hint}"


WRONG = """
from audioforge.hookspecs import hookimpl
from audioforge.specs import ExporterSpec, SelectionSpec


@hookimpl
def register_selections():
    return [SelectionSpec(name="To P", summary="", factory="a:B")]


@hookimpl
def register_exporters():
    return [ExporterSpec(name="x", summary="", factory="a:B", tasks=("music",))]
"""


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (WRONG, "selection 'To P': a name has lower-case letters"),
        (WRONG, r"exporter 'x': tasks \('music',\) must be some of"),
        (
            WRONG.replace("register_exporters", "register_trackers"),
            "must return TrackerSpec object",
        ),
        (WRONG.replace("register_exporters", "register_exporter"), "Did you mean register_export"),
    ],
)
def test_malformed_ones_are_named(tmp_path, source, reason):
    file = tmp_path / "wrong.py"
    file.write_text(source)
    with pytest.raises(PluginError, match=reason):
        discover(files=[file])


def test_two_third_parties_with_one_exporter():
    def plugin(name):
        spec = ExporterSpec(name="gguf", summary="", factory="a:B", tasks=("asr",))
        plugin = Plugin(name, "1", "x = y")
        plugin.provides["exporters"] = [spec]
        return plugin

    both = Registry([plugin("acme"), plugin("zenith")])
    with pytest.raises(PluginError, match="choose acme/gguf or zenith/gguf"):
        both.find("exporters", "gguf")


def test_a_name_may_hold_hyphens():
    plugin = Plugin("acme", "1", "x = y")
    plugin.provides["selections"] = [SelectionSpec(name="top-5-a", summary="", factory="a:B")]
    assert Registry([plugin]).find("selections", "acme/top-5-a").full_name == "acme/top-5-a"


def test_plugins_check_looks_at_the_plugin():
    result = audioforge("plugins", "check", "acme-doors", "--json")
    status = {row["rule"]: row["status"] for row in json.loads(result.stdout)}
    assert status["provides_something"] == "ok"
    assert status["states_its_api_version"] == "ok"
    assert status["is_light"] == "ok"
