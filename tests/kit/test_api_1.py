"""A plugin of API 1, when the contract tests were in `audioforge.testing`."""

import importlib
import json
import sys

import pytest
from click.testing import CliRunner

from audioforge.cli import cli
from audioforge_kit import CannotCheck, ContractError, contract_checks

FILES = {
    "acme_brevity-1.0.dist-info/METADATA": """Metadata-Version: 2.4
Name: acme-brevity
Version: 1.0
Summary: Rewards short transcripts.
License-Expression: MIT
Requires-Python: >=3.11
Requires-Dist: audioforge<0.2,>=0.1
""",
    "acme_brevity-1.0.dist-info/entry_points.txt": "[audioforge]\nbrevity = acme_brevity.plugin\n",
    "acme_brevity/__init__.py": "",
    "acme_brevity/plugin.py": """
from audioforge.hookspecs import hookimpl
from audioforge.specs import VerifierSpec

AUDIOFORGE_API = 1


@hookimpl
def register_verifiers():
    return [VerifierSpec(name="brevity", summary="Rewards short transcripts.", tasks=("asr",),
                         factory="acme_brevity.verifier:Brevity",
                         example="acme_brevity.example:example")]
""",
    "acme_brevity/verifier.py": """
from audioforge.sample import Score
from audioforge.verifier import Verifier


class Brevity(Verifier):
    tasks = ("asr",)
    needs_reference = False

    def verify(self, samples, hypotheses):
        return [Score(None if h.text is None else 1 / (1 + len(h.text))) for h in hypotheses]
""",
    "acme_brevity/example.py": '''"""What the contract tests check the verifier with."""

from audioforge.testing import Case, VerifierExample


def example(folder):
    return VerifierExample(cases=(Case.texts("turn left", "turn left", "turn", ""),))
''',
}


@pytest.fixture
def example(tmp_path, monkeypatch):
    """The plugin is installed; this is its module with the example."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    monkeypatch.delenv("AUDIOFORGE_PLUGINS", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield tmp_path / "acme_brevity/example.py"
    forget()


def forget():
    """Forget the modules of the plugin, as another process would not know them."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "acme_brevity"]:
        del sys.modules[name]


def checked(*flags):
    return CliRunner().invoke(cli, ["plugins", "check", "acme-brevity", *flags])


def test_it_is_listed_and_used_as_before(example, tmp_path):
    rows = json.loads(CliRunner().invoke(cli, ["plugins", "list", "--json"]).stdout)
    [row] = [row for row in rows if row["distribution"] == "acme-brevity"]
    assert (row["status"], row["error"], row["api_version"]) == ("ok", None, 1)
    assert row["provides"]["verifiers"] == ["brevity"]
    predictions = tmp_path / "predictions.jsonl"
    predictions.write_text('{"text": "a", "pred_text": "abc"}\n')
    command = ["verify", str(predictions), "--verifier", "brevity", "--json"]
    result = CliRunner().invoke(cli, command)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["reward"] == 0.25


def test_check_names_the_one_import_to_change(example):
    result = checked("--json")
    assert result.exit_code == 1
    rows = json.loads(result.stdout)
    [failed] = [row for row in rows if row["status"] == "failed"]
    assert failed["reason"] == (
        "acme_brevity/example.py, line 3: `from audioforge.testing import Case, VerifierExample`, "
        "but the contract tests are in audioforge-kit since plugin API 2"
    )
    assert failed["mend"] == (
        "Write `from audioforge_kit import Case, VerifierExample` there, and require "
        "audioforge-kit in the extra for tests."
    )


def test_with_that_import_changed_it_breaks_no_rule(example):
    text = example.read_text().replace("from audioforge.testing", "from audioforge_kit")
    example.write_text(text)
    result = checked()
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("from audioforge import testing", "import audioforge_kit as testing"),
        ("import audioforge.testing as testing", "import audioforge_kit as testing"),
        (
            "from audioforge.testing.examples import Case",
            "from audioforge_kit.examples import Case",
        ),
    ],
)
def test_an_import_in_a_function_is_named_too(example, old, new):
    example.write_text(f"def example(folder):\n    {old}\n")
    [first, *_] = [error for error in map(error_of, contract_checks("acme-brevity")) if error]
    assert str(first).startswith(f"acme_brevity/example.py, line 2: `{old}`, but")
    assert f"`{new}`" in first.mend


def test_one_that_imports_it_in_the_module_with_the_hooks_is_told_so(example):
    plugin = example.with_name("plugin.py")
    plugin.write_text("from audioforge.testing import VerifierExample\n" + plugin.read_text())
    result = checked("--json")
    [failed, *_] = [row for row in json.loads(result.stdout) if row["status"] == "failed"]
    assert "acme_brevity.plugin: ModuleNotFoundError" in failed["reason"]
    assert failed["mend"].startswith(
        "Import from `audioforge_kit` what was in `audioforge.testing`"
    )


def error_of(check):
    try:
        check()
    except ContractError as error:
        return error
    except CannotCheck:
        return None
    return None
