"""Plugins that were built for another version of the plugin API."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from click.testing import CliRunner

from audioforge.cli import cli
from audioforge.errors import PluginError
from audioforge.plugins import OWN_DISTRIBUTIONS, api_version, discover
from audioforge.plugins.api_version import API_VERSION, mismatch, version_of, written_version

OLDER_PLUGIN = """
from audioforge.hookspecs import hookimpl
from audioforge.specs import VerifierSpec

AUDIOFORGE_API = 1


@hookimpl
def register_verifiers():
    return [VerifierSpec(name="older", summary="", tasks=("asr",), factory="a:B")]
"""

NEWER_PLUGIN = """
from audioforge.hookspecs import hookimpl
from audioforge.specs import VerifierSpec

AUDIOFORGE_API = 5


@hookimpl
def register_verifiers(locale):
    return [VerifierSpec(name=f"newer-{locale}", summary="", tasks=("asr",), factory="a:B")]
"""


def install(site, name, code):
    info = site / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[audioforge]\n{name} = {name}_plugin\n")
    (site / f"{name}_plugin.py").write_text(code)


@pytest.fixture
def later_core(tmp_path, root):
    """A copy of the core as a later version may be: one hook has an argument more, the API is 5."""
    core = tmp_path / "later"
    shutil.copytree(root / "core/src/audioforge", core / "audioforge")
    changes = {
        "hookspecs.py": (
            "def register_verifiers() -> Iterable[VerifierSpec]:",
            "def register_verifiers(locale: str) -> Iterable[VerifierSpec]:",
        ),
        "plugins/discovery.py": (
            'getattr(manager.hook, f"register_{kind}")()',
            'getattr(manager.hook, f"register_{kind}")'
            '(**({"locale": "fi"} if kind == "verifiers" else {}))',
        ),
        "plugins/api_version.py": ("API_VERSION = 4\n", "API_VERSION = 5\n"),
    }
    for file, (old, new) in changes.items():
        path = core / "audioforge" / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) >= 1
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return core


def listed(*path):
    command = [sys.executable, "-m", "audioforge", "plugins", "list"]
    # Without coverage: the copy of the core is not what is measured.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("COV")}
    environment["PYTHONPATH"] = os.pathsep.join(map(str, path))
    environment["AUDIOFORGE_PLUGINS"] = "older,newer"
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    return done.stdout


def test_an_older_plugin_works_when_a_hook_gets_an_argument(tmp_path, later_core):
    install(tmp_path / "site", "older", OLDER_PLUGIN)
    install(tmp_path / "site", "newer", NEWER_PLUGIN)
    assert listed(later_core, tmp_path / "site") == (
        "distribution  version  status  API  provides\n"
        "audioforge    0.1.0    ok      4    selections: best, grpo, mix, mwer, random, reference, "
        "rloo, top-n, top-percent, weighted; trackers: mlflow, tensorboard, trackio, "
        "wandb; executors: processes; augmentations: noise\n"
        "newer         1.0      ok      5    verifiers: newer-fi\n"
        "older         1.0      ok      1    verifiers: older\n"
    )


def test_the_newer_plugin_says_what_it_needs_where_it_is_not_there(tmp_path):
    install(tmp_path / "site", "older", OLDER_PLUGIN)
    install(tmp_path / "site", "newer", NEWER_PLUGIN)
    assert listed(tmp_path / "site").endswith(
        "newer: it was built for plugin API 5, and this AudioForge has 4: update audioforge\n"
    )


@pytest.fixture(autouse=True)
def _imported_anew():
    yield
    for name in ("older_plugin", "newer_plugin"):
        sys.modules.pop(name, None)


def test_a_plugin_that_is_too_old_is_named(tmp_path, monkeypatch):
    install(tmp_path, "older", OLDER_PLUGIN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(api_version, "API_VERSION", 5)
    monkeypatch.setattr(api_version, "OLDEST_API_VERSION", 3)
    [_, plugin] = discover("older").plugins
    assert plugin.errors == [
        "it was built for plugin API 1, and this AudioForge takes 3 to 5: update the plugin"
    ]
    assert plugin.provides["verifiers"] == []
    with pytest.raises(PluginError, match="plugin older failed: it was built for plugin API 1"):
        discover("older").find("verifiers", "older")


def test_a_version_that_is_computed_is_read_after_the_import(tmp_path, monkeypatch):
    install(tmp_path, "older", OLDER_PLUGIN.replace("AUDIOFORGE_API = 1", "AUDIOFORGE_API = 3 + 4"))
    monkeypatch.syspath_prepend(tmp_path)
    [_, plugin] = discover("older").plugins
    assert plugin.api_version == 7
    assert "built for plugin API 7" in plugin.errors[0]


def test_one_that_says_nothing_is_taken_on_trust(tmp_path, monkeypatch):
    install(tmp_path, "older", OLDER_PLUGIN.replace("AUDIOFORGE_API = 1", ""))
    monkeypatch.syspath_prepend(tmp_path)
    [_, plugin] = discover("older").plugins
    assert (plugin.status, plugin.api_version) == ("ok", None)


OF_API_1 = """
from audioforge.hookspecs import hookimpl
from audioforge.sample import Score
from audioforge.specs import SelectionSpec, VerifierSpec
from audioforge.verifier import Verifier

AUDIOFORGE_API = 1


class Long(Verifier):
    tasks = ("asr",)

    def verify(self, samples, hypotheses):
        return [Score(None if h.text is None else min(1.0, len(h.text) / 10)) for h in hypotheses]


@hookimpl
def register_verifiers():
    return [VerifierSpec(name="long", summary="Long is good.", tasks=("asr",),
                         factory=f"{__name__}:Long")]


@hookimpl
def register_selections():
    return [SelectionSpec(name="of-a-later-hook", summary="", factory="a:B")]
"""


@pytest.mark.parametrize("statement", ["AUDIOFORGE_API = 1", ""])
def test_one_for_api_1_or_for_none_runs_unchanged(tmp_path, statement):
    path = tmp_path / "older.py"
    path.write_text(OF_API_1.replace("AUDIOFORGE_API = 1", statement))
    predictions = tmp_path / "predictions.jsonl"
    predictions.write_text('{"text": "a", "pred_text": "abcde"}\n')
    arguments = ["verify", predictions, "--plugin", path, "--verifier", "long", "--json"]
    result = CliRunner().invoke(cli, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["reward"] == 0.5
    assert "of-a-later-hook" in discover(files=[path]).names("selections"), "its hooks are read"


def test_the_own_plugins_were_built_for_this_version():
    versions = {p.distribution: p.api_version for p in discover().plugins}
    own = {name: version for name, version in versions.items() if name in OWN_DISTRIBUTIONS}
    assert own.keys() == OWN_DISTRIBUTIONS - {"audioforge-kit"}  # which is for authors
    assert set(own.values()) == {API_VERSION}


@pytest.mark.parametrize(
    ("source", "version"),
    [
        ("AUDIOFORGE_API = 3", 3),
        ("import later\nAUDIOFORGE_API: int = 2\n", 2),
        ("x = 1\n", None),
        ("AUDIOFORGE_API = True", None),
        ("AUDIOFORGE_API = 'one'", None),
        ("AUDIOFORGE_API = 1 + 1", None),
        ("if x:\n    AUDIOFORGE_API = 2", None),
        ("def broken(:", None),
        ("\x00", None),
        ("", None),
    ],
)
def test_the_version_is_read_from_the_source(source, version):
    assert written_version(source) == version


@pytest.mark.parametrize("version", [True, 0, -1, 1.0, "1", [1]])
def test_what_is_no_version(version):
    with pytest.raises(ValueError, match="must be a whole number from 1"):
        version_of(type("module", (), {"AUDIOFORGE_API": version}))


def test_only_what_fits_is_no_mismatch():
    assert mismatch(None) is None
    assert mismatch(API_VERSION) is None
    assert "update audioforge" in mismatch(API_VERSION + 1)
