"""Which dataset a user means: a name, a path, a hub id, or a typo."""

from pathlib import Path

import pytest

from audioforge.dataset import DatasetRequest
from audioforge.errors import ConfigError, DatasetError, PluginError, UsageError
from audioforge.find_dataset import find_dataset, open_dataset
from audioforge.plugins import Plugin, Registry
from audioforge.specs import DatasetSpec

MODULE = """
from attrs import frozen

@frozen
class Options:
    dialect: str = "none"
    share: float = 1.0

class Recorder:
    def __init__(self, request, **options):
        self.request, self.options = request, options
"""


def spec(name, **fields):
    return DatasetSpec(
        name=name,
        summary="A test.",
        tasks=("asr",),
        factory="recorder_for_datasets:Recorder",
        options="recorder_for_datasets:Options",
        **fields,
    )


def plugin(distribution, *specs, errors=()):
    kinds = {"models": [], "verifiers": [], "datasets": list(specs), "aggregators": []}
    return Plugin(distribution, "1", "x = y", kinds, list(errors))


@pytest.fixture
def registry(tmp_path, monkeypatch):
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "recorder_for_datasets.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path / "modules")
    return Registry(
        [
            plugin(
                "acme",
                spec("librispeech"),
                spec("common_voice"),
                spec("lines", suffixes=(".jsonl", ".json")),
                spec("folder", markers=("metadata.csv", "*/metadata.csv")),
                spec("hub", hub=True),
            )
        ]
    )


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder that is the working folder."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def found(registry, location) -> str:
    return find_dataset(registry, location).spec.name


def test_a_registered_name_comes_first_even_beside_a_folder_of_that_name(registry, here):
    (here / "librispeech").mkdir()
    assert found(registry, "librispeech") == "librispeech"
    assert found(registry, "acme/librispeech") == "librispeech"


def test_a_path_is_served_by_its_ending_or_by_what_the_folder_holds(registry, here):
    (here / "train.JSONL").touch()
    (here / "clips" / "deep").mkdir(parents=True)
    (here / "clips" / "deep" / "metadata.csv").touch()
    assert found(registry, "train.JSONL") == "lines"
    assert found(registry, str(here / "clips")) == "folder"
    assert found(registry, "clips/deep") == "folder"


def test_anything_else_of_two_parts_is_a_hub_id_unless_it_is_there(registry, here):
    assert found(registry, "owner/name") == "hub"
    (here / "owner").mkdir()
    (here / "owner" / "name").touch()
    with pytest.raises(DatasetError, match=r"owner/name: no dataset format has this ending"):
        find_dataset(registry, "owner/name")


@pytest.mark.parametrize(
    "location", ["./data/x", "/no/such", "a/b/c", "train.jsonl", "data/train.JSONL", "owner/", ""]
)
def test_what_is_neither_is_refused_with_what_could_be_meant(registry, here, location):
    with pytest.raises(DatasetError) as raised:
        find_dataset(registry, location)
    assert "Install" not in str(raised.value)


def test_a_typo_gets_the_close_name(registry, here):
    with pytest.raises(DatasetError) as raised:
        find_dataset(registry, "librispech")
    message = str(raised.value)
    assert "dataset 'librispech': there is no such file or folder" in message
    assert "Did you mean librispeech? Known: common_voice, librispeech." in message


def test_a_folder_or_file_of_no_known_format_says_what_is_known(registry, here):
    (here / "notes.txt").touch()
    (here / "void").mkdir()
    with pytest.raises(DatasetError, match=r"notes\.txt: .* Known: \.json, \.jsonl\."):
        find_dataset(registry, "notes.txt")
    with pytest.raises(
        DatasetError, match=r"void: the folder holds no dataset\. .*metadata\.csv\.$"
    ):
        find_dataset(registry, "void")
    (here / "void" / "train.jsonl").touch()
    with pytest.raises(DatasetError, match=r"Or give one of its files: train\.jsonl\.$"):
        find_dataset(registry, "void")


def test_without_plugins_it_says_what_to_install(here):
    (here / "a.jsonl").touch()
    for location in ("a.jsonl", "librispeech", "owner/name"):
        with pytest.raises(DatasetError, match=r"Install audioforge\[datasets\]"):
            find_dataset(Registry([]), location)


def test_a_plugin_that_failed_is_named(here):
    registry = Registry([plugin("acme-broken", errors=["x: ImportError: no y"])])
    with pytest.raises(DatasetError, match="plugin acme-broken failed: x: ImportError: no y"):
        find_dataset(registry, "librispeech")


def test_two_plugins_with_one_name_are_told_apart(registry):
    both = Registry([*registry.plugins, plugin("rival", spec("librispeech"))])
    with pytest.raises(PluginError, match=r"choose acme/librispeech or rival/librispeech"):
        find_dataset(both, "librispeech")
    assert find_dataset(both, "rival/librispeech").distribution == "rival"


def test_a_third_partys_format_takes_no_file_from_audioforges_own(registry, here):
    (here / "a.jsonl").touch()
    own = plugin("audioforge-datasets", spec("manifest", suffixes=(".jsonl",)))
    both = Registry([*registry.plugins, own])
    assert find_dataset(both, "a.jsonl").distribution == "audioforge-datasets"


def test_what_the_environment_keeps_out_is_said(here, monkeypatch):
    monkeypatch.setenv("AUDIOFORGE_PLUGINS", "audioforge-whisper")
    (here / "a.jsonl").touch()
    for location in ("a.jsonl", "librispeech"):
        with pytest.raises(DatasetError, match="AUDIOFORGE_PLUGINS is 'audioforge-whisper'"):
            find_dataset(Registry([]), location)


DEFAULTS = DatasetRequest("", split="train", text_column="words", streaming=True)


def test_the_runs_settings_are_the_defaults(registry):
    dataset = open_dataset(registry, "librispeech", DEFAULTS)
    assert dataset.request == DatasetRequest(
        "librispeech", split="train", text_column="words", streaming=True
    )
    assert dataset.options == {"dialect": "none", "share": 1.0}


def test_settings_of_its_own_stand_over_the_runs(registry):
    text = "librispeech:split=test,data_dir=/a/b,streaming=no,dialect=irish,share=0.5"
    dataset = open_dataset(registry, text, DEFAULTS)
    assert dataset.request == DatasetRequest(
        "librispeech", split="test", text_column="words", data_dir=Path("/a/b"), streaming=False
    )
    assert dataset.options == {"dialect": "irish", "share": 0.5}


@pytest.mark.parametrize(("text", "value"), [("true", True), ("yes", True), ("False", False)])
def test_streaming_may_be_said_in_words(registry, text, value):
    dataset = open_dataset(registry, f"owner/name:streaming={text}", DatasetRequest(""))
    assert dataset.request.streaming is value


def test_wrong_settings_are_refused(registry):
    with pytest.raises(ConfigError, match=r"librispeech\.streaming: 'maybe' is not bool"):
        open_dataset(registry, "librispeech:streaming=maybe", DEFAULTS)
    with pytest.raises(ConfigError, match=r"librispeech\.dialekt: .* Did you mean dialect"):
        open_dataset(registry, "librispeech:dialekt=x", DEFAULTS)
    with pytest.raises(UsageError, match="'irish' is not"):
        open_dataset(registry, "librispeech:irish", DEFAULTS)


def test_a_path_with_a_colon_is_a_path_when_it_is_there(registry, here):
    (here / "a:b.jsonl").touch()
    assert open_dataset(registry, "a:b.jsonl", DEFAULTS).request.location == "a:b.jsonl"
    with_settings = open_dataset(registry, "owner/name:split=x", DEFAULTS)
    assert (with_settings.request.location, with_settings.request.split) == ("owner/name", "x")
