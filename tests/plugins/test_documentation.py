"""The pages on plugins say what is true, and their examples work."""

import importlib.util
import inspect
import json
import re

import pytest
from click.testing import CliRunner

from audioforge import hookspecs
from audioforge.cli import cli
from audioforge.specs import KINDS
from audioforge_kit.checks import CONTRACTS, contract_of


@pytest.fixture(scope="module")
def page(root):
    return (root / "docs/plugins.md").read_text(encoding="utf-8")


def test_the_reference_is_what_the_code_says(root, monkeypatch):
    monkeypatch.syspath_prepend(root / "docs")
    spec = importlib.util.spec_from_file_location("reference", root / "docs/write_reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, text in module.pages().items():
        written = (root / "docs" / name).read_text(encoding="utf-8")
        assert written == text, f"{name}: run `make docs`"


def test_the_reference_has_every_hook_and_every_rule(root):
    written = (root / "docs/plugin-reference.md").read_text(encoding="utf-8")
    for kind in KINDS:
        hook = getattr(hookspecs, f"register_{kind}")
        assert inspect.getdoc(hook).splitlines()[0] in written
        assert f"def {hook.__name__}" in written
    rules = [rule.name for kind in CONTRACTS for rule, _ in contract_of(kind).rules()]
    assert len(rules) > 40
    assert all(f"| `{name}` |" in written for name in rules)


@pytest.mark.parametrize("kind", KINDS)
def test_each_hook_is_documented_with_its_signature(page, kind):
    hook = getattr(hookspecs, f"register_{kind}")
    assert f"`{hook.__name__}{inspect.signature(hook)}`".replace("'", "") in page


def test_the_single_file_works(page, tmp_path, monkeypatch):
    code = re.search(r"```python\n# idea.py\n(.*?)```", page, re.DOTALL)[1]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "idea.py").write_text(code)
    lines = [{"text": "one two", "pred_text": said} for said in ("one two", "one two three")]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (tmp_path / "predictions.jsonl").write_text(text)
    command = re.search(r"`audioforge (verify predictions.jsonl --plugin idea.py .*?)`", page)[1]
    result = CliRunner().invoke(cli, [*command.split(), "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["reward"] == 0.75
    result = CliRunner().invoke(cli, ["plugins", "check", "idea.py"])
    assert result.exit_code == 0, result.output


def test_the_page_begins_with_the_third_party_path_in_under_ten_lines(page):
    start = page.index("    audioforge plugins install")
    block = page[start : page.index("\n| Command", start)]
    commands = [line.strip() for line in block.splitlines() if line.strip()]
    assert len(block.splitlines()) < 10
    for line in commands:
        words = line.partition("#")[0].split()
        group, command = words[1], words[2]
        names = [group, *([command] if group == "plugins" else [])]
        result = CliRunner().invoke(cli, [*names, "--help"])
        assert result.exit_code == 0
        for flag in [word for word in words if word.startswith("--")]:
            assert flag in result.output


def test_every_command_of_the_group_is_on_the_page(page):
    result = CliRunner().invoke(cli, ["plugins", "--help"])
    names = re.findall(r"^  (\w+) ", result.output.partition("Commands:")[2], re.MULTILINE)
    assert set(names) == {"list", "info", "check", "install", "uninstall", "new"}
    assert all(f"audioforge plugins {name}" in page for name in names)
