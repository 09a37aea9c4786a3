"""`audioforge plugins new`: what it writes works as it is, for every kind of plugin."""

import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

from audioforge.cli import cli
from audioforge_kit.new_command import new
from audioforge_kit.scaffold.project import SUMMARIES

NAMES = {
    "verifier": "phone-digits",
    "model": "clip",  # its class cannot be called like a name that the template uses
    "dataset": "3d-audio",  # nor like a number
    "aggregator": "mean",
    "selection": "selected",
    "tracker": "table",
    "executor": "courteous",
    "exporter": "weights",
    "augmentation": "volume",
}


@pytest.fixture(scope="module", params=SUMMARIES)
def project(request, tmp_path_factory):
    """A new project of each kind: kind, name, folder."""
    folder = tmp_path_factory.mktemp("new")
    kind, name = request.param, NAMES[request.param]
    arguments = ["plugins", "new", name, "--kind", kind, "--directory", str(folder)]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.output
    return kind, name, folder / f"audioforge-{name}"


@pytest.fixture(scope="module")
def environment(project, shared_environment, root):
    return shared_environment(root / "plugins/kit", project[2])


def test_it_is_a_complete_package(project):
    kind, name, folder = project
    package = f"src/audioforge_{name.replace('-', '_')}"
    files = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    assert files == {
        ".github/workflows/test.yml",
        ".gitignore",
        "LICENSE",
        "README.md",
        "pyproject.toml",
        f"{package}/__init__.py",
        f"{package}/py.typed",
        f"{package}/plugin.py",
        f"{package}/{kind}.py",
        f"{package}/example.py",
        "tests/test_contract.py",
        f"tests/test_{kind}.py",
    }
    text = "".join((folder / file).read_text(encoding="utf-8") for file in files)
    assert not re.search(r"\$\{?[a-z_]+\b(?!\s*\{)", text.replace("${{", "{{"))
    assert "@@" not in text


def test_its_style_is_clean(project):
    folder = project[2]
    rules = ("--select", "E,F,I,B,D,UP,N,SIM,PTH,RET", "--config", 'src=["src"]')
    google = ("--config", 'lint.pydocstyle.convention="google"')
    exempt = ("--config", 'lint.per-file-ignores={"tests/**"=["D"]}', "--ignore", "D107")
    command = [sys.executable, "-m", "ruff", "check", *rules, *google, *exempt, "."]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
    command = [sys.executable, "-m", "ruff", "format", "--check", "."]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


@pytest.mark.sweep(8)
def test_its_tests_pass_where_it_is_installed(project, environment):
    folder = project[2]
    result = environment.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=folder)
    assert result.returncode == 0, result.stdout
    assert "skipped" not in result.stdout
    assert int(re.search(r"(\d+) passed", result.stdout)[1]) > 15, "the contract is among them"
    assert "warning" not in result.stdout


@pytest.mark.sweep(8)
def test_what_it_is_can_be_shown(project, environment):
    kind, name, _ = project
    result = environment.run("audioforge", "plugins", "info", f"audioforge-{name}/{name}")
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(f"{kind} {name}\n{SUMMARIES[kind].format(name=name)}\n")
    assert "Apache-2.0" in result.stdout
    if kind != "model":
        assert re.search(r"^option +type +default +help$", result.stdout, re.MULTILINE)


def test_the_page_names_every_kind(root):
    page = (root / "docs/plugins.md").read_text(encoding="utf-8")
    assert f"`audioforge plugins new NAME --kind {'|'.join(SUMMARIES)}`" in page


def test_nothing_is_overwritten(tmp_path):
    arguments = ["phone-digits", "--kind", "verifier", "--directory", str(tmp_path)]
    assert CliRunner().invoke(new, arguments).exit_code == 0
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    result = CliRunner().invoke(cli, ["plugins", "new", *arguments])
    assert result.exit_code == 2
    assert "audioforge-phone-digits: is there already; choose another name" in result.output
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before
    (tmp_path / "audioforge-other").write_text("a file")
    result = CliRunner().invoke(cli, ["plugins", "new", "other", *arguments[1:]])
    assert result.exit_code == 2
    assert (tmp_path / "audioforge-other").read_text() == "a file"


def test_names_that_would_not_work_are_refused_or_made_to(tmp_path):
    arguments = ["plugins", "new", "--directory", str(tmp_path), "--kind"]
    for kind, name, reason in (
        ("verifier", "wer", "verifier 'wer' is AudioForge's own"),
        ("aggregator", "gated", "aggregator 'gated' is AudioForge's own"),
        ("model", "x" * 61, "more than 60 letters"),
    ):
        result = CliRunner().invoke(cli, [*arguments, kind, name])
        assert result.exit_code == 2
        assert reason in result.output
    for name in ("true", "none", "class"):
        result = CliRunner().invoke(cli, [*arguments, "dataset", name])
        assert result.exit_code == 0, result.output
        source = tmp_path / f"audioforge-{name}/src/audioforge_{name}/dataset.py"
        compile(source.read_text(), str(source), "exec")


@pytest.mark.parametrize("name", ["Phone", "phone_digits", "phone digits", "-x", "x--y", "", "é"])
def test_a_name_that_cannot_be_used(tmp_path, name):
    arguments = ["plugins", "new", "--kind", "model", "--directory", str(tmp_path), "--", name]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 2
    assert "lower-case letters and digits" in result.output
    assert list(tmp_path.iterdir()) == []


def test_the_summary_can_be_given(tmp_path):
    arguments = ["plugins", "new", "x", "--kind", "verifier", "--directory", str(tmp_path)]
    for summary in ('says "yes"', "two\nlines", "a\\b", " "):
        result = CliRunner().invoke(cli, [*arguments, "--summary", summary])
        assert result.exit_code == 2
        assert "one line of text" in result.output
    result = CliRunner().invoke(cli, [*arguments, "--summary", "It's 5 $ & <more>."])
    assert result.exit_code == 0, result.output
    pyproject = tmp_path / "audioforge-x/pyproject.toml"
    assert 'description = "It\'s 5 $ & <more>."' in pyproject.read_text()


def test_the_names_of_audioforge_are_taken(tmp_path):
    for name in ("whisper", "audioforge-verifiers"):
        arguments = ["plugins", "new", name, "--kind", "model", "--directory", str(tmp_path)]
        result = CliRunner().invoke(cli, arguments)
        assert result.exit_code == 2
        assert "is AudioForge's own" in result.output


def test_the_author_is_derived_from_git(tmp_path, monkeypatch):
    (tmp_path / "gitconfig").write_text('[user]\n\tname = Ada "Byte" Łovelace\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, ["plugins", "new", "x", "--kind", "verifier"])
    assert result.exit_code == 0, result.output
    text = (tmp_path / "audioforge-x/pyproject.toml").read_text(encoding="utf-8")
    assert 'authors = [{ name = "Ada Byte Łovelace" }]' in text
