"""Input that is meant to do harm: pickles, code in configurations, escapes, paths that lead away.

The trap is a pickle that makes a file when it is loaded, as any other code could be run.
"""

import hashlib
import io
import json
import os
import pickle
import pty
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import datasets
import numpy as np
import pyarrow
import pytest
import soundfile
import torch
from click.testing import CliRunner
from pyarrow import parquet
from safetensors.torch import load_file, save_file

from audioforge.audio import load_clip
from audioforge.cli import cli
from audioforge.config import read_config_file
from audioforge.dataset import DatasetRequest
from audioforge.errors import (
    AudioError,
    AudioForgeError,
    CheckpointError,
    ConfigError,
    DatasetError,
    PluginError,
)
from audioforge.find_adapter import load_adapter, read_config
from audioforge.find_dataset import open_dataset
from audioforge.inference.hypothesis_audio import store_audio
from audioforge.model import LoadOptions
from audioforge.plugins import discover
from audioforge.run.data.spool import Spool
from audioforge.sample import AudioSample, Hypothesis, Problem
from audioforge.terminal import console
from audioforge_datasets.archive import Archive, fetch
from audioforge_demo import assets
from audioforge_verifiers.ecapa import PICKLED, EcapaEncoder
from audioforge_wav2vec.untrained import model_config, write_untrained

from .tone_run import Fork, command

pytestmark = pytest.mark.no_cover  # shorter tests pass the same lines

EVIL = "\x1b]0;title\x07\x1b[2J[bold red]x[/]\r\x9b31m\u202etxt\x00\u200b\nError: made up"
"""A terminal's escape sequences, Rich's markup, a reversal of the reading order, a made-up line."""

RAW = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u202a-\u202e]|\r(?!\n)")


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, sprung: Path) -> None:
        self.sprung = sprung

    def __reduce__(self):
        return os.mkdir, (str(self.sprung),)


@pytest.fixture
def sprung(tmp_path):
    """What the trap makes; nothing may have made it when a test ends."""
    path = tmp_path / "sprung"
    pickle.loads(pickle.dumps(Trap(path)))  # noqa: S301
    path.rmdir()  # the trap works
    yield path
    assert not path.exists()


@pytest.fixture(scope="session")
def sound_checkpoints(tmp_path_factory):
    """Checkpoints of each adapter that are fine."""
    wav2vec = tmp_path_factory.mktemp("wav2vec")
    write_untrained(wav2vec, model_config("wav2vec2"))
    return {"asr": assets.model(), "classification": assets.commands_model(), "ctc": wav2vec}


@pytest.fixture(params=["asr", "classification", "ctc"])
def checkpoint(request, sound_checkpoints, tmp_path):
    """A copy of a sound checkpoint of each adapter, to turn into a hostile one."""
    return copy_of(sound_checkpoints[request.param], tmp_path)


@pytest.fixture
def whisper(sound_checkpoints, tmp_path):
    return copy_of(sound_checkpoints["asr"], tmp_path)


def copy_of(folder: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "it's a $HOME"
    shutil.copytree(folder, copy)
    return copy


def load(folder: Path):
    architecture = read_config(str(folder))["architectures"][0]
    task = "classification" if "Classification" in architecture else "asr"
    return load_adapter(discover(), str(folder), task, LoadOptions())


def change(file: Path, **values) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


def take_weights(folder: Path) -> dict[str, torch.Tensor]:
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    return weights


@pytest.mark.sweep(4)
@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "last.ckpt"])
def test_pickled_weights_are_refused_without_unpickling(checkpoint, name, sprung):
    weights = take_weights(checkpoint)
    torch.save({**weights, "trap": Trap(sprung)}, checkpoint / name)
    with pytest.raises(CheckpointError, match=r"unpickling can run any code.*python -c '") as error:
        load(checkpoint)
    assert name in str(error.value)


@pytest.mark.soak
@pytest.mark.sweep(18)
@pytest.mark.parametrize(
    ("kind", "name"),
    [("asr", "pytorch_model.bin"), pytest.param("ctc", "model.pt", marks=pytest.mark.soak)],
)
def test_the_conversion_that_is_named_works(kind, name, sound_checkpoints, tmp_path):
    checkpoint = copy_of(sound_checkpoints[kind], tmp_path)
    weights = take_weights(checkpoint)
    torch.save(weights, checkpoint / name)
    with pytest.raises(CheckpointError) as error:
        load(checkpoint)
    command = shlex.split(str(error.value).partition("convert them once: ")[2])
    assert command[0] == "python"
    subprocess.run([sys.executable, *command[1:]], check=True, capture_output=True)
    load(checkpoint)
    converted = load_file(checkpoint / "model.safetensors")
    assert converted
    assert all(torch.equal(weight, weights[name]) for name, weight in converted.items())


def test_sharded_pickles_are_refused(whisper, sprung):
    torch.save({**take_weights(whisper), "x": Trap(sprung)}, whisper / "pytorch_model-00001.bin")
    (whisper / "pytorch_model.bin.index.json").write_text('{"metadata": {}, "weight_map": {}}')
    with pytest.raises(CheckpointError, match="its weights are pickled"):
        load(whisper)


def test_an_index_of_shards_cannot_name_pickles_or_other_folders(whisper, sprung, tmp_path):
    weights = take_weights(whisper)
    torch.save({**weights, "trap": Trap(sprung)}, whisper / "shard.bin")
    save_file(weights, tmp_path / "elsewhere.safetensors", metadata={"format": "pt"})
    outside = str(tmp_path / "elsewhere.safetensors")
    for shard in ("shard.bin", "../elsewhere.safetensors", outside, "..\\x.safetensors", 5, None):
        index = {"metadata": {}, "weight_map": dict.fromkeys(weights, shard)}
        (whisper / "model.safetensors.index.json").write_text(json.dumps(index))
        with pytest.raises(CheckpointError, match=r"only \.safetensors files beside it are read"):
            load(whisper)
    for index in ("[" * 100_000, "[]", "{}", '{"weight_map": 5}'):
        (whisper / "model.safetensors.index.json").write_text(index)
        with pytest.raises(CheckpointError, match="cannot be read as an index"):
            load(whisper)


def test_shards_in_safetensors_are_read(whisper):
    weights = take_weights(whisper)
    names = sorted(weights)
    parts = {"model-1.safetensors": names[::2], "model-2.safetensors": names[1::2]}
    for file, part in parts.items():
        save_file({n: weights[n] for n in part}, whisper / file, metadata={"format": "pt"})
    index = {"metadata": {}, "weight_map": {n: file for file, part in parts.items() for n in part}}
    (whisper / "model.safetensors.index.json").write_text(json.dumps(index))
    state = load(whisper).module.state_dict()
    assert all(torch.equal(state[name], weights[name]) for name in names)


def test_config_json_cannot_name_pickles_code_or_kernels(checkpoint, sprung):
    (checkpoint / "evil.py").write_text(f"import os\nos.mkdir({str(sprung)!r})\nclass C: pass\n")
    torch.save({"trap": Trap(sprung)}, checkpoint / "adapter_model.bin")
    before = (checkpoint / "config.json").read_text()
    for value in (
        {"transformers_weights": "adapter_model.bin"},
        {"quantization_config": {"quant_method": "torchao"}},
        {"attn_implementation": "evil/kernel"},
        {"_attn_implementation": {"": "evil/kernel"}},
        {"encoder_layers": 10**9, "num_hidden_layers": 10**9},
        {"num_labels": 10**9},
    ):
        (checkpoint / "config.json").write_text(before)
        change(checkpoint / "config.json", **value)
        with pytest.raises(CheckpointError, match=r"config\.json .*" + "|".join(value)):
            load(checkpoint)


def test_code_of_a_checkpoint_is_never_run_nor_asked_about(checkpoint, sprung, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda _: pytest.fail("asked whether to run code"))
    (checkpoint / "evil.py").write_text(f"import os\nos.mkdir({str(sprung)!r})\nclass C: pass\n")
    names = ("AutoConfig", "AutoModel", "AutoTokenizer", "AutoFeatureExtractor", "AutoProcessor")
    auto_map = dict.fromkeys(names, "evil.C") | {"AutoTokenizer": ["evil.C", "evil.C"]}
    for file in checkpoint.glob("*config.json"):
        change(file, auto_map=auto_map)
    load(checkpoint)  # Transformers has classes of its own for all of it
    for file in checkpoint.glob("*config.json"):
        if file.name != "config.json":
            change(file, tokenizer_class="C", feature_extractor_type="C", processor_class="C")
    with suppress(CheckpointError):
        load(checkpoint)


def test_code_that_a_checkpoint_needs_is_named_and_not_asked_about(tmp_path, sprung, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda _: pytest.fail("asked whether to run code"))
    write_untrained(tmp_path / "wavlm", model_config("wavlm"))  # has no tokenizer of its own
    code = tmp_path / "wavlm" / "evil.py"
    code.write_text(f"import os\nos.mkdir({str(sprung)!r})\nclass C: pass\n")
    tokenizer = tmp_path / "wavlm" / "tokenizer_config.json"
    change(tokenizer, auto_map={"AutoTokenizer": ["evil.C", "evil.C"]}, tokenizer_class="C")
    with pytest.raises(CheckpointError, match=r"code of their own \(auto_map\), .* never run"):
        load(tmp_path / "wavlm")


def test_a_low_rank_update_beside_a_model_is_refused(whisper, sprung):
    config = {"peft_type": "LORA", "r": 1, "base_model_name_or_path": "someone/else"}
    (whisper / "adapter_config.json").write_text(json.dumps(config))
    torch.save({"trap": Trap(sprung)}, whisper / "adapter_model.bin")
    with pytest.raises(CheckpointError, match=r"low-rank update.*merge_and_unload"):
        load(whisper)


def header(content: bytes, length: int | None = None) -> bytes:
    return (len(content) if length is None else length).to_bytes(8, "little") + content


@pytest.mark.sweep(4)
@pytest.mark.parametrize(
    "content",
    [
        b"",
        header(b"{}", 2**63 - 1),
        header(b"{" * 100, 90_000_000),
        header(b"[" * 100_000),
        header(b'{"a":{"dtype":"F32","shape":[1099511627776,1099511627776],"data_offsets":[0,4]}}'),
        header(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,99]}}') + b"\0" * 4,
        header(b'{"a":{"dtype":"PICKLE","shape":[1],"data_offsets":[0,4]}}') + b"\0" * 4,
    ],
)
def test_safetensors_that_lie_about_themselves_are_refused(whisper, content):
    (whisper / "model.safetensors").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"cannot read its weights|the file is empty"):
        load(whisper)


@pytest.mark.parametrize(
    "file", ["config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json"]
)
def test_json_of_a_checkpoint_cannot_blow_up(whisper, file):
    (whisper / file).write_bytes(b"[" * 1_000_000)
    with pytest.raises(CheckpointError):
        load(whisper)
    with (whisper / file).open("wb") as sparse:
        sparse.truncate(2**40)
    with pytest.raises(CheckpointError, match=r"larger than"):
        load(whisper)


@pytest.mark.sweep(4)
@pytest.mark.parametrize(
    "change_",
    [
        {"model_type": ["whisper"]},
        {"architectures": 5},
        {"architectures": [{}]},
        {"architectures": "WhisperForConditionalGeneration"},
        {"d_model": -1},
        {"d_model": 10**7},
        {"num_mel_bins": float("nan")},
        {"vocab_size": 10**30},
        {"eos_token_id": []},
        {"max_source_positions": "x"},
        {"id2label": {"x": 1}},
    ],
)
def test_odd_values_in_config_json_are_errors_for_people(whisper, change_):
    change(whisper / "config.json", **change_)
    with pytest.raises(AudioForgeError):
        load(whisper)


def test_a_hostile_architecture_gets_into_no_command(whisper):
    torch.save(take_weights(whisper), whisper / "pytorch_model.bin")
    change(
        whisper / "config.json",
        architectures=["x; import os; os.abort()", "WhisperForConditionalGeneration"],
    )
    with pytest.raises(CheckpointError, match="import WhisperForConditionalGeneration as") as error:
        load(whisper)
    assert "abort" not in str(error.value)


def test_speaker_weights_are_read_as_tensors_only(tmp_path, sprung):
    torch.save({"trap": Trap(sprung)}, tmp_path / PICKLED)
    try:
        EcapaEncoder(str(tmp_path), "cpu")
    except PluginError as error:
        pytest.skip(str(error))
    except CheckpointError as error:
        refusal = str(error)
    assert "holds more than tensors, and that could run code" in refusal


SETTINGS = {
    "aliases": "a: &x [1]\nb: *x",
    "a billion laughs": "a: &a [lol]\n"
    + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 9)}]\n" for i in range(9)
    ),
    "recursion": "&a [*a]",
    "Python objects": "a: !!python/object/apply:os.mkdir [{sprung}]",
    "Python modules": "!!python/object/new:os.mkdir [{sprung}]: 1",
    "brackets": "[" * 90_000,
    "braces": "{a: " * 20_000,
    "dashes": "- " * 45_000,
    "merged keys": "<<: {" * 18_000,
    "decimal digits": "seed: " + "9" * 90_000,
    "hexadecimal digits": "seed: 0x" + "f" * 90_000,
    "base 60": "seed: " + ":".join(["59"] * 30_000),
    "base 60 with a fraction": "seed: " + "1:" * 2000 + "1.5",
    "a number that is none": "!!int",
    "a truth that is none": "a: !!bool x",
    "a date that is none": "a: 2020-13-45",
    "a key twice": "seed: 1\nseed: 2",
    "a list as a key": "? [a]\n: 1",
    "two documents": "a: 1\n---\nb: 1",
    "NUL": "a: \0",
    "size": "#" * 2_000_000,
}


@pytest.mark.sweep(4)
@pytest.mark.parametrize("what", SETTINGS)
def test_a_settings_file_runs_no_code_and_does_not_blow_up(what, tmp_path, sprung):
    file = tmp_path / "settings.yaml"
    file.write_text(SETTINGS[what].replace("{sprung}", str(sprung)))
    with pytest.raises(ConfigError, match=r"settings\.yaml: "):
        read_config_file(file)


def test_settings_come_from_no_device_or_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(ConfigError, match="pipe or a device"):
            read_config_file(path)


@pytest.fixture
def hostile_manifest(tmp_path):
    """Text that would take over a terminal, in every place of a manifest; its name too."""
    tone = 0.1 * np.sin(np.arange(16_000) * 0.2)
    name = "e\x1b[2J\r\u202e[red]il\n.wav"
    for file in ("x.wav", name):
        soundfile.write(str(tmp_path / file), tone, 16_000)
    rows = [
        {"audio_filepath": "x.wav", "text": EVIL, "label": EVIL, "speaker": EVIL, "lang": EVIL}
        | {"id": EVIL, EVIL: 1, "pred_text": EVIL},
        {"audio_filepath": name, "text": "one", "label": "a", "pred_text": "one"},
        {"audio_filepath": "gone" + EVIL, "text": "x", "label": "b", "pred_text": "one"},
        {"audio_filepath": "x.wav", "text": 5, "label": [EVIL, 1.5], "pred_text": {EVIL: 1}},
        {"audio_filepath": "cut.wav", "text": "x", "label": "b" + EVIL},
    ]
    (tmp_path / "cut.wav").write_bytes((tmp_path / "x.wav").read_bytes()[:100])
    path = tmp_path / "m\x1b[2J\u202e.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


COMMANDS = {
    "datasets show": ["datasets", "show", "{manifest}"],
    "benchmark": ["benchmark", "--model", "{asr}", "--dataset", "{manifest}"],
    "classes": [
        *("benchmark", "--task", "classification", "--model", "{cls}", "--dataset", "{manifest}"),
    ],
    "verify": ["verify", "{manifest}"],
    "verify classes": ["verify", "--task", "classification", "{manifest}"],
    "no such key": ["verify", "--task", "tts", "{manifest}"],
    "no such verifier": ["verify", "{manifest}", "--verifier", EVIL.replace("\0", "")],
    "plan": [
        *("train", "--dry-run", "--model", "{asr}", "--dataset", "{manifest}"),
        *("--eval-dataset", "{manifest}"),
        *("--output", "{manifest}.run"),
    ],
    "settings": ["train", "--config", "{settings}"],
    "no such dataset": ["datasets", "show", "x\x1b[2J"],
    "no such model": ["benchmark", "--model", "x\x1b[2J", "--dataset", "{manifest}"],
    "no such command": ["x\x1b[2J"],
    "no such option": ["verify", "--x\x1b[2J"],
}


@pytest.fixture
def arguments(hostile_manifest):
    """A function from a command's name to its arguments."""
    settings = hostile_manifest.with_name("c\x1b[2J.yaml")
    settings.write_text('"k\\e[2Jey": 1\nseed: "\\e[31m"\n')
    names = {
        "manifest": hostile_manifest,
        "settings": settings,
        "asr": assets.model(),
        "cls": assets.commands_model(),
    }

    def _arguments(name: str) -> list[str]:
        return [argument.format(**names) for argument in COMMANDS[name]]

    return _arguments


@pytest.mark.sweep(4)
@pytest.mark.parametrize("name", COMMANDS)
def test_text_from_outside_is_escaped_wherever_it_is_shown(name, arguments):
    result = CliRunner().invoke(cli, arguments(name), catch_exceptions=True)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert not RAW.findall(result.output)
    assert "\nError: made up" not in result.output
    assert "\\x1b" in result.output


CURSOR = re.compile(r"\x1b\[(?:\?25[lh]|1A|[12]?K|[0-9;]*m)|\r")
"""What Rich itself sends: colours, a hidden cursor, and the bars' way back to their line."""


@pytest.mark.parametrize("name", ["datasets show", "benchmark", "no such verifier"])
def test_text_from_outside_is_escaped_on_a_terminal(name, arguments):
    ours, theirs = pty.openpty()
    fork = Fork(on_terminal, theirs, arguments(name), TERM="xterm-256color", COLUMNS="100")
    os.close(theirs)
    shown = read_terminal(ours).decode(errors="surrogateescape")
    os.close(ours)
    assert fork.end() in (0, 2)
    assert not RAW.findall(CURSOR.sub("", shown))
    assert "\\x1b" in shown
    assert "[bold red]" in shown.replace("\r\n", "")


def on_terminal(descriptor: int, arguments: list[str]) -> None:
    """Be the command line, whose output goes to a terminal."""
    for made in (console.stdout, console.stderr):
        made.cache_clear()  # what other tests have made found no terminal
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    command(*arguments)


def read_terminal(descriptor: int) -> bytes:
    shown = b""
    while True:
        try:
            chunk = os.read(descriptor, 65_536)
        except OSError:  # Linux says so when the last program has closed the terminal
            return shown
        if not chunk:
            return shown
        shown += chunk


def test_json_holds_the_text_itself(hostile_manifest):
    result = CliRunner().invoke(cli, ["datasets", "show", str(hostile_manifest), "--json"])
    shown = json.loads(result.stdout)
    assert shown["dataset"] == str(hostile_manifest)
    assert shown["examples"][0]["reference"] == EVIL
    assert shown["labels"][EVIL] == 1


def test_warnings_logs_and_tracebacks_of_libraries_are_escaped(tmp_path):
    module = tmp_path / "acme_loud.py"
    module.write_text(
        "import logging, warnings, click\n"
        "@click.command()\n"
        "def loud():\n"
        "    warnings.warn('w \\x1b[2J')\n"
        "    logging.getLogger('acme').warning('l %s', '\\x1b[2J')\n"
        "    raise ValueError('t \\x1b[2J')\n"
    )
    info = tmp_path / "acme_loud-1.dist-info"
    info.mkdir()
    metadata = "Metadata-Version: 2.4\nName: acme-loud\nVersion: 1\nSummary: s \x1b[2J\n"
    (info / "METADATA").write_text(metadata)
    (info / "entry_points.txt").write_text("[audioforge.commands]\nloud = acme_loud:loud\n")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    outputs = []
    for argument in ("loud", "--help"):
        command = [sys.executable, "-m", "audioforge", argument]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        outputs.append(done.stdout + done.stderr)
    assert "Traceback" in outputs[0]
    for line in ("w \\x1b[2J", "l \\x1b[2J", "ValueError: t \\x1b[2J"):
        assert line in outputs[0]
    assert "s \\x1b[2J" in outputs[1]
    assert not RAW.findall("".join(outputs))


NAMES = (
    "../../x.wav",
    "/abs/x.wav",
    "..\\..\\x.wav",
    "C:\\x.wav",
    "x\0.wav",
    "CON",
    "nul.wav",
    "~/x.wav",
    ".",
    "..",
    "-rf",
    "a\nb",
    "\u202ex",
    "x" * 10_000,
    "é" * 200,
    "$(touch x)",
)


@pytest.mark.parametrize("name", NAMES)
def test_no_file_that_is_named_after_an_id_leaves_its_folder(name, tmp_path):
    tone = np.full(1600, 0.1, np.float32)
    folder = tmp_path / "run" / "audio"
    folder.parent.mkdir()
    (stored,) = store_audio([Hypothesis(audio=tone, sampling_rate=16_000)], name, folder)
    kept = Spool(folder).keep(AudioSample(name, tone, 16_000))
    for path in (stored.audio, kept.audio):
        assert path.parent == folder
        assert path.is_file()
    everything = {path.name for path in tmp_path.rglob("*")}
    assert everything == {"run", "audio", stored.audio.name, kept.audio.name}


def test_paths_of_a_manifest_are_read_and_no_more(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "loop.wav").symlink_to("loop.wav")
    (tmp_path / "folder.wav").mkdir()
    device = Path("/dev/zero"), Path("/dev/stdin"), Path("/etc/passwd")
    paths = [*NAMES, *map(str, device), "pipe.wav", "loop.wav", "folder.wav"]
    paths += ["http://127.0.0.1:9/x.wav", "file:///etc/passwd", "|touch x", "a/" * 5000 + "x.wav"]
    before = sorted(tmp_path.rglob("*"))
    manifest = tmp_path / "m.jsonl"
    rows = [{"audio_filepath": p, "text": "a", "pred_audio": p, "pred_text": "a"} for p in paths]
    manifest.write_text("\n".join(map(json.dumps, rows)))
    result = CliRunner().invoke(cli, ["datasets", "show", str(manifest), "--json"])
    assert json.loads(result.stdout)["problems"]["n"] == len(paths)
    model = ["benchmark", "--model", str(assets.model()), "--dataset", str(manifest)]
    speech = ["verify", "--task", "tts", "--verifier", "quality", str(manifest)]
    for line in (model, ["verify", str(manifest)], speech):
        result = CliRunner().invoke(cli, line)
        assert isinstance(result.exception, SystemExit | None)
        assert result.exit_code in (0, 1, 2)
    assert sorted(tmp_path.rglob("*")) == sorted([*before, manifest])


@pytest.fixture
def publish(tmp_path, monkeypatch):
    """A function that puts an archive on a web server and returns its address."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            """Keep quiet."""

        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(self.server.content)))
            self.end_headers()
            self.wfile.write(self.server.content)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()

        def _publish(content: bytes) -> str:
            server.content = content
            return f"http://127.0.0.1:{server.server_address[1]}/words.tar"

        yield _publish
        server.shutdown()
        thread.join()


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize(
    "members",
    [
        [member("../outside")],
        [member("a/../../outside")],
        [member("link", tarfile.SYMTYPE, "/etc"), member("link/outside")],
        [member("link", tarfile.SYMTYPE, "../.."), member("link/outside")],
        [member("hard", tarfile.LNKTYPE, "../../outside")],
        [member("pipe", tarfile.FIFOTYPE)],
        [member("device", tarfile.CHRTYPE)],
    ],
    ids=lambda members: members[0].name,
)
def test_an_archive_cannot_write_outside_its_folder(members, publish, tmp_path):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for info in members:
            tar.addfile(info)
    content = packed.getvalue()
    with pytest.raises(DatasetError, match="cannot be had"):
        fetch(Archive("words", publish(content), hashlib.sha256(content).hexdigest(), "1 kB"))
    assert not (tmp_path / "cache" / "audioforge" / "words").exists()
    assert not list(tmp_path.rglob("outside"))


def test_an_archive_of_another_digest_is_not_even_opened(publish, monkeypatch):
    monkeypatch.setattr(tarfile, "open", lambda *_, **__: pytest.fail("opened"))
    with pytest.raises(DatasetError, match="is not the archive that was published"):
        fetch(Archive("words", publish(b"x" * 1000), "0" * 64, "1 kB"))


HUGGING_FACE = (
    b"[" * 100_000,
    b"5",
    b"\xff",
    b'{"info": {"features": [1]}}',
    b'{"info": {"features": {"label": {"_type": "ClassLabel"}}}}',
    b'{"info": {"features": {"label": {"_type": "ClassLabel", "names": 5}}}}',
)


@pytest.mark.parametrize("metadata", HUGGING_FACE)
def test_what_parquet_says_of_itself_is_not_trusted(metadata, tmp_path):
    table = pyarrow.table({"audio": ["../../x.wav"], "text": ["a"], "label": [0]})
    table = table.replace_schema_metadata({b"huggingface": metadata})
    parquet.write_table(table, tmp_path / "a.parquet")
    (item,) = items_of(tmp_path / "a.parquet")
    assert item.labels == ("0",)


def test_parquet_cannot_hold_pickles_or_dates_that_break(tmp_path, sprung):
    extension = {
        b"ARROW:extension:name": b"arrow.py_extension_type",
        b"ARROW:extension:metadata": pickle.dumps(Trap(sprung)),
    }
    schema = pyarrow.schema([pyarrow.field("audio", pyarrow.binary(), metadata=extension)])
    parquet.write_table(pyarrow.table([[b"x"]], schema=schema), tmp_path / "a.parquet")
    assert len(items_of(tmp_path / "a.parquet")) == 1
    dates = pyarrow.array([2**62], pyarrow.date64())
    parquet.write_table(pyarrow.table({"audio": ["a"], "day": dates}), tmp_path / "b.parquet")
    with pytest.raises(DatasetError, match=r"b\.parquet: cannot be read as Parquet"):
        items_of(tmp_path / "b.parquet")


def test_a_saved_dataset_cannot_name_code_or_blow_up(tmp_path):
    folder = tmp_path / "saved"
    datasets.Dataset.from_dict({"audio": ["x.wav"], "text": ["a"]}).save_to_disk(str(folder))
    info = folder / "dataset_info.json"
    plain = info.read_text()
    for kind in ("pickle", "generate_from_dict", "__builtins__", 5, [], None):
        info.write_text(plain)
        change(info, features={"audio": {"_type": kind}})
        with pytest.raises(DatasetError, match="Save it again"):
            items_of(folder)
    info.write_text("[" * 1_000_000)
    with pytest.raises(DatasetError, match="Save it again"):
        items_of(folder)


def items_of(location: Path) -> list[AudioSample | Problem]:
    return list(open_dataset(discover(), str(location), DatasetRequest("")).load())


@pytest.mark.sweep(6)
@pytest.mark.parametrize("kind", ["WAV", "CAF", "W64", "AIFF", "FLAC", "OGG", "MP3"])
def test_a_sound_in_memory_that_leads_nowhere_prints_no_traceback(kind, monkeypatch):
    ignored = []  # what C code calls and cannot raise, Python prints with its traceback
    monkeypatch.setattr(sys, "unraisablehook", ignored.append)
    file = io.BytesIO()
    soundfile.write(file, np.zeros(4000), 16_000, format=kind)
    for place in range(0, 120, 2):
        for damage in (b"\xff" * 8, b"\xff\xff\xff\x7f", b"\0\0\0\x80"):
            data = bytearray(file.getvalue())
            data[place : place + len(damage)] = damage
            with suppress(AudioError):
                load_clip(AudioSample("x", bytes(data)), 16_000)
    assert not ignored


@pytest.mark.parametrize(
    ("rate", "loudness", "reason"),
    [
        (1, 0.1, "sampling rate of 1 Hz"),
        (2_000_000_000, 0.1, "sampling rate of 2000000000 Hz"),
        (16_000, 3e38, r"samples of 3e\+38"),
    ],
)
def test_sound_that_would_overflow_is_refused(rate, loudness, reason):
    file = io.BytesIO()
    samples = np.full((4000, 2), loudness, np.float32)
    soundfile.write(file, samples, rate, "FLOAT", format="WAV")
    with pytest.raises(AudioError, match=reason):
        load_clip(AudioSample("x", file.getvalue()), 16_000)
