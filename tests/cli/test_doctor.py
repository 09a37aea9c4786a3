"""`audioforge doctor`, and a torchaudio and torchcodec that do not fit the installed torch."""

import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from audioforge.cli import cli

MISFIT = "raise OSError('libtorch_cuda.so: undefined symbol: _ZN3c104impl\\nsecond line')"
METADATA = "Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n"


@pytest.fixture
def misfits(tmp_path):
    """The environment of a process that finds a broken torchaudio and torchcodec."""
    for name, version in {"torchaudio": "2.10.0", "torchcodec": "0.9.0"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(MISFIT)
        info = tmp_path / f"{name}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(METADATA.format(name=name, version=version))
    return {**os.environ, "PYTHONPATH": str(tmp_path), "AUDIOFORGE_PLUGINS": ""}


def python(env, *arguments):
    return subprocess.run(
        [sys.executable, *arguments], env=env, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
@pytest.mark.soak
def test_doctor_explains_the_misfit_and_its_mend(misfits):
    result = python(misfits, "-m", "audioforge", "doctor", "--json")
    assert result.returncode == 1, result.stderr
    report = json.loads(result.stdout)
    assert report["ok"] is False
    checks = {check["name"]: check for check in report["checks"]}
    audio = checks["torchaudio"]
    assert audio["status"] == "broken"
    assert audio["detail"] == "2.10.0 OSError: libtorch_cuda.so: undefined symbol: _ZN3c104impl"
    assert "pip uninstall torchaudio" in audio["mend"]
    assert checks["torchcodec"]["status"] == "broken"
    # The guard works: what needs them only when they are there can be imported.
    assert checks["transformers"]["status"] == "ok"
    assert checks["datasets"]["status"] == "ok"
    assert checks["plugins"]["status"] == "warning"


WHISPER = "from transformers import WhisperForConditionalGeneration, WhisperFeatureExtractor\n"
AUDIO = "import datasets; datasets.Features({'audio': datasets.Audio()})\n"


@pytest.mark.soak
@pytest.mark.slow
def test_without_the_guard_transformers_breaks(misfits):
    result = python(misfits, "-c", WHISPER)
    assert result.returncode == 1, "the guard is no longer needed"
    assert "undefined symbol" in result.stderr


@pytest.mark.soak
@pytest.mark.slow
def test_with_the_guard_transformers_and_datasets_work(misfits):
    guard = (
        "from audioforge.torch_companions import hide_broken_companions\n"
        "broken = hide_broken_companions()\n"
        "assert set(broken) == {'torchaudio', 'torchcodec'}, broken\n"
        "assert hide_broken_companions() == broken\n"
    )
    result = python(misfits, "-c", guard + WHISPER + AUDIO)
    assert result.returncode == 0, result.stderr


FIRST = (
    "audioforge_whisper.adapter",
    "audioforge_whisper.untrained",
    "audioforge_wav2vec.adapter",
    "audioforge_wav2vec.untrained",
    "audioforge_classification.adapter",
    "audioforge_classification.example",
    "audioforge_speecht5.adapter",
    "audioforge_speecht5.untrained",
    "audioforge_pocket_tts.adapter",
    "audioforge_pocket_tts.untrained",
    "audioforge.huggingface.checkpoint",
    "audioforge.huggingface.network_size",
    "audioforge.huggingface.known_keys",
)
"""Modules of which each may be the first that a Python process imports of AudioForge."""


AT_TRANSFORMERS = """
import importlib, os, sys
import torch  # once; each module then has a process in which it is the first

class AtTransformers:
    def find_spec(self, name, path=None, target=None):
        if name == "transformers":
            os._exit(0 if sys.modules.get("torchaudio", "not looked at") is None else 1)

sys.meta_path.insert(0, AtTransformers())
for name in sys.argv[1:]:
    child = os.fork()
    if not child:
        try:
            importlib.import_module(name)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0, name
"""


@pytest.mark.soak
@pytest.mark.slow
def test_each_module_that_may_be_first_hides_what_is_broken_before_transformers(misfits):
    result = python(misfits, "-c", AT_TRANSFORMERS, *FIRST)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("cuda", "mend"),
    [
        ("13.0", "pip install torch==2.14.1 torchaudio==2.11.0 torchcodec==0.17.0"),
        (None, "is built for a torch with CUDA and this torch has none"),
    ],
)
def test_the_mend_depends_on_the_build_of_torch(monkeypatch, cuda, mend):
    import torch

    from audioforge.cli import doctor

    monkeypatch.delenv("AUDIOFORGE_PLUGINS", raising=False)
    monkeypatch.setattr(torch.version, "cuda", cuda)
    monkeypatch.setattr(doctor, "hide_broken_companions", lambda: {"torchaudio": "OSError: no"})
    result = CliRunner().invoke(cli, ["doctor"])
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("broken   torchaudio"))
    assert mend in lines[at + 1]
    assert lines[-1] == "1 broken."


def test_a_sound_machine_exits_with_0(monkeypatch):
    monkeypatch.delenv("AUDIOFORGE_PLUGINS", raising=False)
    result = CliRunner().invoke(cli, ["doctor", "--json"])
    report = json.loads(result.stdout)
    broken = [check for check in report["checks"] if check["status"] == "broken"]
    assert broken == []
    assert result.exit_code == 0
    assert report["ok"] is True
    names = [check["name"] for check in report["checks"]]
    for name in ("python", "torch", "device", "accelerate", "libsndfile", "hub", "disk: here"):
        assert name in names


def test_a_check_that_raises_does_not_hide_the_others(monkeypatch):
    import soundfile

    monkeypatch.delattr(soundfile, "__libsndfile_version__")
    result = CliRunner().invoke(cli, ["doctor", "--json"])
    checks = {check["name"]: check for check in json.loads(result.stdout)["checks"]}
    assert result.exit_code == 1
    assert checks["sound"]["status"] == "broken"
    assert "__libsndfile_version__" in checks["sound"]["detail"]
    assert checks["hub"]["status"] in ("ok", "warning")


EXECUTOR = """
from audioforge.executor import Check
from audioforge.hookspecs import hookimpl
from audioforge.inference.own_executor import ProcessesExecutor
from audioforge.specs import ExecutorSpec

AUDIOFORGE_API = 4


@hookimpl
def register_executors():
    return [ExecutorSpec(name="far", summary="", factory=f"{__name__}:Far")]


class Far(ProcessesExecutor):
    def examine(self, folder):
        yield Check("node a", "ok", f"sees {folder}")
        raise OSError("the line is dead")
"""


def examined(*arguments):
    result = CliRunner().invoke(cli, ["doctor", "--json", *arguments])
    assert "Traceback" not in result.output
    return result, {c["name"]: c for c in json.loads(result.stdout)["checks"]}


def test_an_executor_tells_what_it_finds_and_its_failure_is_no_traceback(tmp_path):
    plugin = tmp_path / "far.py"
    plugin.write_text(EXECUTOR)
    result, checks = examined("--plugin", str(plugin), "--executor", "far", "--folder", "/runs")
    assert result.exit_code == 1
    assert checks["node a"]["detail"] == "sees /runs"
    assert checks["executor far"]["status"] == "broken"
    assert "the line is dead" in checks["executor far"]["detail"]


@pytest.mark.parametrize(
    ("executor", "status", "said"),
    [
        ("processes", "ok", "has nothing to say: it works on this machine"),
        ("proceses", "broken", "Did you mean processes?"),
        ("processes:workers=2", "broken", "processes.workers: no such option"),
        ("processes:workers", "broken", "write settings as name:key=value"),
    ],
)
def test_executors_that_have_nothing_to_say_or_cannot_be_made(executor, status, said):
    _, checks = examined("--executor", executor)
    check = checks[f"executor {executor}"]
    assert check["status"] == status
    assert said in check["detail"]


def test_a_folder_without_an_executor_is_refused():
    result = CliRunner().invoke(cli, ["doctor", "--folder", "/runs"])
    assert result.exit_code == 2
    assert "add --executor" in str(result.output) + str(result.exception)
