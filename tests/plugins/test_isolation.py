"""A plugin that fails is listed with its reason; the others work."""

import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from audioforge.cli import cli
from audioforge.errors import PluginError
from audioforge.plugins import discover

FAILURES = {
    "acme-missing": "ModuleNotFoundError: No module named 'a_module_that_is_not_there'",
    "acme-exits": "SystemExit: no licence key",
    "acme-panics": "Panic: a panic",
    "acme-misspelt": "'register_verifer' is not a hook. Did you mean register_verifiers",
    "acme-signature": "config",
    "acme-midway": "RuntimeError: the second; cannot be made",
    "acme-unmarked": "it implements no hook: mark its functions with",
    "acme-types": "register_verifiers must return VerifierSpec objects, not str",
}


def plugin_of(registry, distribution):
    return next(p for p in registry.plugins if p.distribution == distribution)


@pytest.mark.parametrize(("name", "reason"), FAILURES.items())
def test_a_failed_plugin_keeps_its_reason_and_the_others_work(with_plugins, name, reason):
    with_plugins(name, "acme-good")
    registry = discover()

    failed = plugin_of(registry, name)
    assert failed.status == "failed"
    assert reason in "; ".join(failed.errors)
    assert f"{name.replace('-', '_')}.plugin" in failed.errors[0], "the origin is named"
    assert not any(failed.provides.values()), "a plugin that fails on the way provides nothing"

    assert plugin_of(registry, "acme-good").status == "ok"
    assert registry.create("verifiers", "politeness", word="please").word == "please"
    with pytest.raises(PluginError) as raised:
        registry.find("verifiers", "lost")
    assert reason in str(raised.value)
    assert f"plugin {name} failed" in str(raised.value)


def test_one_malformed_specification_leaves_the_others(with_plugins):
    with_plugins("acme-malformed")
    registry = discover()
    plugin = plugin_of(registry, "acme-malformed")
    assert [spec.name for spec in plugin.provides["verifiers"]] == ["well-formed", "twice"]
    reasons = "\n".join(plugin.errors)
    assert "'Has Blank': a name has lower-case letters" in reasons
    assert "'no-colon': 'package.Class' is not of the form 'package.module:Class'" in reasons
    assert "'odd-task': tasks 'asr' must be some of" in reasons
    assert "'twice': repeated" in reasons
    assert registry.find("verifiers", "well-formed").distribution == "acme-malformed"


def test_a_field_of_the_wrong_type_breaks_no_listing(with_plugins):
    with_plugins("acme-wrong-fields")
    plugin = plugin_of(discover(), "acme-wrong-fields")
    reasons = "\n".join(plugin.errors)
    assert "model 'no-serves': serves must be tuple[audioforge.model.Serves, ...], not" in reasons
    assert "dataset 'no-summary': summary must be str, not None" in reasons
    assert "dataset 'one-suffix': suffixes must be tuple[str, ...], not '.foo'" in reasons
    assert [spec.name for spec in plugin.provides["models"]] == ["right"]
    for command in (["models"], ["datasets"], ["plugins", "list"]):
        result = CliRunner().invoke(cli, command)
        assert result.exit_code == 0, result.output


def test_reserved_names_are_refused_at_registration_without_an_import(with_plugins):
    with_plugins("acme-reserved")
    registry = discover()
    plugin = plugin_of(registry, "acme-reserved")
    assert plugin.errors == [
        "verifier 'written': acme_reserved.verifier:Written has the field weight: id, name, weight "
        "are reserved",
        "verifier 'assigned': acme_reserved.verifier:Assigned has the field id: id, name, weight "
        "are reserved",
    ]
    assert [spec.name for spec in plugin.provides["verifiers"]] == ["plain", "inherited"]
    assert "acme_reserved.verifier" not in sys.modules
    with pytest.raises(PluginError, match=r"'acme-reserved/inherited': .* has the field weight"):
        registry.create("verifiers", "inherited")


def test_listing_imports_no_factory(with_plugins):
    with_plugins("acme-good")
    sys.modules.pop("acme_good.verifier", None)
    registry = discover()
    assert "politeness" in registry.names("verifiers")
    assert "acme_good.verifier" not in sys.modules
    registry.create("verifiers", "politeness", word="please")
    assert "acme_good.verifier" in sys.modules


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("absent-module", "ModuleNotFoundError: No module named 'acme_good.not_there'"),
        ("exits", "SystemExit: this module ends the process"),
    ],
)
def test_a_factory_that_cannot_be_imported_names_its_distribution(with_plugins, name, reason):
    with_plugins("acme-good")
    with pytest.raises(PluginError) as raised:
        discover().create("verifiers", name)
    assert f"'acme-good/{name}' cannot be imported" in str(raised.value)
    assert reason in str(raised.value)
    assert raised.value.__cause__ is not None


def test_a_talking_plugin_does_not_write_to_stdout(with_plugins, capsys):
    with_plugins("acme-good")
    for module in [m for m in sys.modules if m.startswith("acme_good")]:
        del sys.modules[module]
    discover()
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "a plugin that talks" in captured.err


DAMAGED = {
    "no-metadata": {"entry_points.txt": b"[audioforge]\nx = nowhere\n"},
    "no-name": {
        "METADATA": b"Metadata-Version: 2.4\nVersion: 1\n",
        "entry_points.txt": b"[audioforge]\nx = nowhere\n",
    },
    "latin": {
        "METADATA": b"Metadata-Version: 2.4\nName: latin\nVersion: 1\n",
        "entry_points.txt": b"[audioforge]\nx\xe9 = nowhere\n",
    },
    "no-equals": {
        "METADATA": b"Metadata-Version: 2.4\nName: no-equals\nVersion: 1\n",
        "entry_points.txt": b"[audioforge]\njunk\n",
    },
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_metadata_take_nothing_else_down(with_plugins, tmp_path, monkeypatch, name):
    with_plugins("acme-good")
    info = tmp_path / f"{name}-1.dist-info"
    info.mkdir()
    for file, content in DAMAGED[name].items():
        (info / file).write_bytes(content)
    monkeypatch.syspath_prepend(tmp_path)
    registry = discover()
    assert "politeness" in registry.names("verifiers")
    [damaged] = [p for p in registry.plugins if p.distribution == f"{name}-1.dist-info"]
    assert damaged.errors[0].startswith("its metadata: ")
    for command in (["--help"], ["plugins", "list"], ["plugins", "list", "--json"]):
        result = CliRunner().invoke(cli, command)
        assert result.exit_code == 0, result.output
    monkeypatch.setenv("AUDIOFORGE_PLUGINS", "")
    assert [p.distribution for p in discover().plugins] == ["audioforge"]


EVIL = {
    "str": "class E(Exception):\n    def __str__(self): raise ValueError\nraise E",
    "closes": "import sys\nsys.stdout.close()\nraise OSError('closed')",
    "bom": "\ufeffAUDIOFORGE_API = 7\nraise SystemExit('imported')",
    "chain": "x = AUDIOFORGE_API = 7\nraise SystemExit('imported')",
    "twice": "AUDIOFORGE_API = 1\nAUDIOFORGE_API = 7\nraise SystemExit('imported')",
}


@pytest.mark.parametrize("name", EVIL)
def test_an_evil_module_is_one_failure(tmp_path, monkeypatch, name, capsys):
    package = f"evil_{name}"
    info = tmp_path / f"{package}-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {package}\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[audioforge]\nx = {package}.inner.plugin\n")
    (tmp_path / package / "inner").mkdir(parents=True)  # namespace packages
    (tmp_path / package / "inner/plugin.py").write_text(EVIL[name], encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    registry = discover()
    [evil] = [p for p in registry.plugins if p.distribution == package]
    [error] = evil.errors
    assert "imported" not in error
    if name in ("bom", "chain", "twice"):
        assert error.startswith("it was built for plugin API 7")
    print("stderr is open", file=sys.stderr)
    assert "stderr is open" in capsys.readouterr().err


LOUD = """
import os
print("loud")
os.write(1, b"louder\\n")
os.system("echo loudest")

from audioforge.hookspecs import hookimpl
from audioforge.specs import VerifierSpec


@hookimpl
def register_verifiers():
    os.write(1, b"hook\\n")
    return [VerifierSpec(name="loud", summary="", tasks=("asr",), factory="loud_verifier:Loud")]
"""
LOUD_VERIFIER = """
import os
from audioforge.sample import Score
from audioforge.verifier import Verifier

print("loud again")


class Loud(Verifier):
    tasks = ("asr",)

    def verify(self, samples, hypotheses):
        print("verifying")
        os.write(1, b"verifying\\n")
        return [Score(0.5 if h.text else None) for h in hypotheses]
"""


@pytest.mark.parametrize(
    "command",
    [
        "plugins list --json",
        "plugins info loud --json",
        "models --json",
        "datasets --json",
        "verify predictions.jsonl --verifier loud --json",
        "plugins check loud --json",
    ],
)
def test_json_is_json_whatever_plugins_print(tmp_path, command):
    info = tmp_path / "loud-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.4\nName: loud\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[audioforge]\nloud = loud_plugin\n")
    (tmp_path / "loud_plugin.py").write_text(LOUD)
    (tmp_path / "loud_verifier.py").write_text(LOUD_VERIFIER)
    (tmp_path / "predictions.jsonl").write_text('{"text": "a", "pred_text": "a"}\n')
    done = subprocess.run(
        [sys.executable, "-m", "audioforge", *command.split()],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert json.loads(done.stdout), done.stderr
    assert "louder" in done.stderr
