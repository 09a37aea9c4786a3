"""A plugin that hangs while it is imported is named, and everything else goes on."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from audioforge.cli import cli
from audioforge.errors import PluginError
from audioforge.plugins import discover, discovery

HOOK = """
from audioforge.hookspecs import hookimpl
from audioforge.specs import VerifierSpec

@hookimpl
def register_verifiers():
    {body}
    return [VerifierSpec(name="acme", summary="", tasks=("asr",), factory="acme_hang.heavy:Acme")]
"""
HANGS = "import time; time.sleep(60)"
PLUGINS = {
    "module": f"{HANGS}\n",
    "stubborn": "import time\nwhile True:\n    try:\n        time.sleep(60)\n"
    "    except Exception:\n        pass\n",
    "hook": HOOK.format(body=HANGS),
}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUDIOFORGE_PLUGINS", raising=False)
    monkeypatch.setattr(discovery, "LOAD_SECONDS", 1.0)
    for module in ("audioforge.plugins.registry", "audioforge.cli.plugin_commands"):
        monkeypatch.setattr(sys.modules[module], "IMPORT_SECONDS", 1.0)


@pytest.fixture
def hanging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`hanging(source)` installs a plugin of this source, and a command and a factory that hang."""

    def _hanging(source: str) -> None:
        entry_points = "[audioforge]\nacme = acme_hang.plugin\n"
        entry_points += "[audioforge.commands]\nacme = acme_hang.heavy:acme\n"
        files = {
            "acme_hang-1.0.dist-info/METADATA": "Metadata-Version: 2.4\nName: acme-hang\n"
            "Version: 1.0\nSummary: Hangs.\n",
            "acme_hang-1.0.dist-info/entry_points.txt": entry_points,
            "acme_hang/__init__.py": "",
            "acme_hang/plugin.py": source,
            "acme_hang/heavy.py": HANGS,
        }
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        monkeypatch.syspath_prepend(tmp_path)
        for module in ("acme_hang", "acme_hang.plugin", "acme_hang.heavy"):
            monkeypatch.delitem(sys.modules, module, raising=False)

    return _hanging


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.mark.sweep(2)
@pytest.mark.parametrize("where", PLUGINS)
def test_one_that_hangs_is_listed_as_failed_and_the_others_work(hanging, where: str) -> None:
    hanging(PLUGINS[where])
    found = {p.distribution: p for p in discover().plugins}
    assert found["acme-hang"].errors == ["acme_hang.plugin: it was not loaded within 1 s"]
    assert found["audioforge-verifiers"].status == "ok"


def test_every_command_goes_on_without_it(hanging, tmp_path: Path) -> None:
    hanging(PLUGINS["module"])
    listed = run("plugins", "list", "--json")
    [row] = [p for p in json.loads(listed.stdout) if p["distribution"] == "acme-hang"]
    assert row["status"] == "failed"
    assert "not loaded within 1 s" in str(row)
    file = tmp_path / "p.jsonl"
    file.write_text('{"id": "a", "text": "one", "pred_text": "one"}\n')
    assert run("verify", file, "--device", "cpu").exit_code == 0
    assert run("--help").exit_code == 0


def test_a_factory_or_a_command_that_hangs_is_named(hanging) -> None:
    hanging(HOOK.format(body="pass"))
    with pytest.raises(PluginError, match=r"'acme-hang/acme' cannot be imported: .* within 1 s"):
        discover().create("verifiers", "acme")
    result = run("acme")
    assert result.exit_code == 2
    assert "'acme-hang/acme' (acme_hang.heavy:acme) cannot be imported within 1 s" in result.stderr


def test_a_file_that_hangs_is_named(tmp_path: Path) -> None:
    path = tmp_path / "idea.py"
    path.write_text(HANGS)
    result = run("plugins", "list", "--plugin", path)
    assert result.exit_code == 2
    assert f"--plugin {path}: it was not loaded within 1 s" in result.stderr.replace("\n", "")
