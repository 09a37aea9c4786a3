"""`audioforge push` against a server on the loopback address that takes the hub's uploads."""

import json
import socket

import huggingface_hub.constants
import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.numpy import save_file

from audioforge.cli import cli

from .upload_server import TOKEN, serve_uploads


@pytest.fixture
def hub(monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with serve_uploads() as server:
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", server.endpoint)
        yield server


@pytest.fixture
def run(tmp_path):
    """The folder of a finished run, with what must never leave this machine."""
    best = tmp_path / "run/best"
    (best / "adapter").mkdir(parents=True)
    (best / "config.json").write_text('{"model_type": "tiny", "architectures": []}')
    (best / "README.md").write_text('---\nlicense: mit\n---\npipeline("x", model="OWNER/NAME")\n')
    save_file({"w": np.ones(9, np.float32)}, best / "model.safetensors")
    save_file({"a": np.ones(2, np.float32)}, best / "adapter/adapter_model.safetensors")
    _write_base(best, "openai/whisper-tiny")
    (best / "predictions.jsonl").write_text('{"text": "secret"}\n')
    (best / "clip.flac").write_bytes(b"secret")
    (tmp_path / "run/config.yaml").write_text("seed: 0\n")
    (tmp_path / "run/summary.json").write_text("{}")
    return tmp_path / "run"


def _write_base(best, base):
    settings = {"peft_type": "LORA", "base_model_name_or_path": base}
    (best / "adapter/adapter_config.json").write_text(json.dumps(settings))


def push(*arguments, answer=None):
    return CliRunner().invoke(cli, ["push", *map(str, arguments)], input=answer)


def test_a_checkpoint_is_published_privately_and_nothing_else_leaves(hub, run):
    result = push(run, "me/tuned", "--yes")
    assert result.exit_code == 0, (result.output, hub.requests)
    assert hub.repositories == {"me/tuned": True}
    files = hub.commits["me/tuned", "main"]
    assert set(files) == {
        "README.md", "config.json", "model.safetensors",
        "adapter/adapter_config.json", "adapter/adapter_model.safetensors",
    }  # fmt: skip
    assert files["model.safetensors"] == (run / "best/model.safetensors").read_bytes()
    assert b'model="me/tuned"' in files["README.md"]
    assert b"secret" not in b"".join(files.values())
    assert "5 files, 0.3 kB, to" in result.stdout
    assert " 0.1 kB  README.md" in result.stdout
    assert "to the new private repository me/tuned" in result.stdout
    for left in ("predictions.jsonl", "clip.flac"):
        assert f"stays here  {left}" in result.stdout
    assert result.stdout.splitlines()[-1] == f"{hub.endpoint}/me/tuned"


def test_public_and_a_branch_are_as_asked(hub, run):
    result = push(run / "best", "me/tuned", "--public", "--revision", "second", "--yes")
    assert result.exit_code == 0, result.output
    assert hub.repositories == {"me/tuned": False}
    assert hub.branches == [("me/tuned", "second")]
    assert list(hub.commits) == [("me/tuned", "second")]
    assert result.stdout.splitlines()[-1].endswith("/me/tuned/tree/second")


def test_an_update_of_a_local_folder_stays_since_its_path_says_too_much(hub, run):
    _write_base(run / "best", "/home/someone/model")
    assert push(run, "me/tuned", "--yes").exit_code == 0
    assert not [name for name in hub.commits["me/tuned", "main"] if name.startswith("adapter/")]


def test_nothing_is_uploaded_unasked(hub, run):
    result = push(run, "me/tuned")
    assert result.exit_code == 2
    assert "add --yes" in result.stderr
    assert "me/tuned" in result.stdout, "what would be uploaded is said"
    assert not hub.repositories
    assert not hub.commits


def test_what_is_public_is_not_written_to_by_chance(hub, run):
    hub.repositories["me/open"] = False
    result = push(run, "me/open", "--yes")
    assert result.exit_code == 2
    assert "me/open: is there and public. Add --public" in result.stderr
    assert not hub.commits
    assert push(run, "me/open", "--yes", "--public").exit_code == 0
    hub.repositories["me/closed"] = True
    result = push(run, "me/closed", "--yes", "--public")
    assert result.exit_code == 2
    assert "me/closed: is there and private, which --public does not change" in result.stderr
    assert ("me/closed", "main") not in hub.commits


def test_a_hub_without_xet_is_told_of_and_the_empty_repository_too(hub, run, monkeypatch):
    pytest.importorskip("hf_xet")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", False)
    result = push(run, "me/tuned", "--yes")
    assert result.exit_code == 1
    assert (
        "takes no uploads by Xet, which is tried first. Set HF_HUB_DISABLE_XET=1" in result.stderr
    )
    assert "The new repository me/tuned is there now, and empty" in result.stderr
    assert list(hub.repositories) == ["me/tuned"]
    assert "and empty" not in push(run, "me/tuned", "--yes").stderr


@pytest.mark.parametrize("branch", ["a b", "a..b", "/a", "a/", ".a", "a.lock", "-a", ""])
def test_what_is_no_branch_is_refused_before_the_hub_is_asked(hub, run, branch):
    result = push(run, "me/tuned", "--revision", branch, "--yes")
    assert result.exit_code == 2
    assert f"--revision {branch}: is no name of a branch" in result.stderr
    assert not hub.requests


@pytest.mark.parametrize("token", [None, "hf_wrong"])
def test_without_a_good_token_one_is_asked_for(hub, run, monkeypatch, tmp_path, token):
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    if token is None:
        monkeypatch.delenv("HF_TOKEN")
    else:
        monkeypatch.setenv("HF_TOKEN", token)
    result = push(run, "me/tuned", "--yes")
    assert result.exit_code == 1
    assert "log in with: hf auth login (or set HF_TOKEN)" in result.stderr
    assert not hub.repositories


def test_somebody_elses_name_is_refused_in_a_sentence(hub, run):
    result = push(run, "they/tuned", "--yes")
    assert result.exit_code == 1
    assert "they/tuned: the hub lets this token not write to they" in result.stderr


@pytest.mark.parametrize("name", ["tuned", "me/", "me/a b", "me/a--b", "me/x.git", "a/b/c"])
def test_what_is_no_name_is_refused_before_the_hub_is_asked(hub, run, name):
    result = push(run, name, "--yes")
    assert result.exit_code == 2
    assert "is no name on the hub; write OWNER/NAME" in result.stderr
    assert not hub.requests


def test_a_run_without_a_result_and_no_folder_are_refused(hub, run):
    (run / "summary.json").unlink()
    assert "the run is not finished" in push(run, "me/tuned", "--yes").stderr
    assert "there is no such folder" in push(run / "none", "me/tuned", "--yes").stderr
    assert not hub.requests


def test_without_a_network_a_sentence_says_so(hub, run, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", address)
    result = push(run, "me/tuned", "--yes")
    assert result.exit_code == 1
    assert "nothing was published: the hub cannot be reached" in result.stderr
