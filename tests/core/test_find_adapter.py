"""An adapter is found by what a checkpoint's `config.json` says."""

import json

import pytest

from audioforge.errors import CheckpointError, PluginError
from audioforge.find_adapter import find_adapter, load_adapter, read_config
from audioforge.model import LoadOptions, Serves
from audioforge.plugins import Plugin, Registry
from audioforge.specs import ModelSpec

MODULE = """
import torch


class Adapter:
    def __init__(self, *asked):
        self.asked, self.module = asked, torch.nn.Linear(1, 1)

    @classmethod
    def load(cls, checkpoint, options):
        return cls(checkpoint, options)
"""


def model(name, *serves):
    factory = "adapter_to_be_found:Adapter"
    return ModelSpec(name=name, summary="A test.", factory=factory, serves=serves)


def plugin(distribution, *specs, errors=()):
    kinds = {"models": list(specs), "verifiers": [], "datasets": [], "aggregators": []}
    return Plugin(distribution, "1", "x = y", kinds, list(errors))


WHISPER = Serves("asr", "whisper", ("WhisperForConditionalGeneration",))
CLASSIFIER = Serves("classification", "whisper", ("WhisperForAudioClassification",))


@pytest.fixture
def registry():
    return Registry([plugin("acme", model("whisper", WHISPER), model("classes", CLASSIFIER))])


def config(architecture="WhisperForConditionalGeneration", model_type="whisper"):
    return {"model_type": model_type, "architectures": [architecture]}


@pytest.fixture
def checkpoint(tmp_path):
    def _checkpoint(content: str | bytes | None) -> str:
        folder = tmp_path / "whisper-named-folder"
        folder.mkdir()
        if content is not None:
            data = content.encode() if isinstance(content, str) else content
            (folder / "config.json").write_bytes(data)
        return str(folder)

    return _checkpoint


def test_model_type_architecture_and_task_decide(registry):
    assert find_adapter(registry, "c", "asr", config()).spec.name == "whisper"
    audio_classes = config("WhisperForAudioClassification")
    assert find_adapter(registry, "c", "classification", audio_classes).spec.name == "classes"
    assert find_adapter(registry, "c", "asr", {"model_type": "whisper"}).spec.name == "whisper"


def test_a_model_for_another_task_is_said_to_be_one(registry):
    with pytest.raises(PluginError, match=r"c \(.*\) is a model for asr, not for classification"):
        find_adapter(registry, "c", "classification", config())


def test_a_kind_that_nobody_serves_lists_what_is_installed(registry):
    with pytest.raises(PluginError) as raised:
        find_adapter(registry, "my-whisper", "asr", config("Wav2Vec2ForCTC", "wav2vec2"))
    message = str(raised.value)
    assert "my-whisper: no installed adapter serves model_type 'wav2vec2'" in message
    assert "Wav2Vec2ForCTC" in message
    assert "Installed: classes, whisper." in message
    with pytest.raises(PluginError, match="model_type 'None', architectures not stated"):
        find_adapter(registry, "c", "asr", {})


def test_without_adapters_it_says_what_to_install_and_what_failed():
    broken = Registry([plugin("acme-broken", errors=["x: ImportError: no y"])])
    with pytest.raises(PluginError) as raised:
        find_adapter(broken, "c", "asr", config())
    assert "Installed: none. Install audioforge[whisper], " in str(raised.value)
    assert "plugin acme-broken failed: x: ImportError: no y" in str(raised.value)


def test_without_adapters_the_checkpoint_is_not_even_looked_for():
    with pytest.raises(PluginError, match=r"no model adapter is installed\. Install audioforge"):
        load_adapter(Registry([]), "no/such-checkpoint", "asr", LoadOptions())


def test_two_adapters_for_one_checkpoint_ask_for_a_choice(registry):
    both = Registry([*registry.plugins, plugin("rival", model("whisper2", WHISPER))])
    with pytest.raises(PluginError, match=r"acme/whisper, rival/whisper2 all serve it.*--adapter"):
        find_adapter(both, "c", "asr", config())


def test_a_checkpoint_is_loaded_by_its_config_or_by_the_named_adapter(
    registry, checkpoint, tmp_path, monkeypatch
):
    (tmp_path / "adapter_to_be_found.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    folder = checkpoint(json.dumps(config()))
    options = LoadOptions(language="pl")
    assert load_adapter(registry, folder, "asr", options).asked == (folder, options)
    named = load_adapter(registry, "no-config-is-read", "asr", options, adapter="acme/classes")
    assert named.asked == ("no-config-is-read", options)
    with pytest.raises(PluginError, match=r"no model is called 'wisper'\. Did you mean whisper"):
        load_adapter(registry, folder, "asr", options, adapter="wisper")


def test_a_config_is_read_from_its_folder(checkpoint):
    assert read_config(checkpoint('{"model_type": "x"}')) == {"model_type": "x"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "has no config.json"),
        ("", "the file is empty"),
        ('{"a": 1', "cannot be read as JSON"),
        (b"\xff\xfe{}", "cannot be read as JSON"),
        ("[" * 100_000, "cannot be read as JSON"),
        ("[1]", "expected a JSON object"),
    ],
)
def test_a_config_that_is_none_is_refused(checkpoint, content, reason):
    folder = checkpoint(content)
    with pytest.raises(CheckpointError) as raised:
        read_config(folder)
    assert folder in str(raised.value)
    assert reason in str(raised.value)


@pytest.mark.parametrize("name", ["./no/such/folder", "a/b/c", "has blank"])
def test_what_is_neither_folder_nor_hub_id_is_refused_without_the_network(name):
    with pytest.raises(CheckpointError, match="there is no such folder, and it is not a hub id"):
        read_config(name)
