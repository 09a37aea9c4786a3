"""Plugins of third parties: small distributions, built and installed for real."""

import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from . import doors

PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{name}"
version = "1.2.3"
description = "Test plugin {name}."

[project.entry-points.audioforge]
plugin = "{package}.plugin"

{commands}
"""

IMPORTS = """
from audioforge.hookspecs import hookimpl
from audioforge.specs import AggregatorSpec, VerifierSpec

def verifier(name, factory="nowhere.at_all:Nothing", options=None):
    return VerifierSpec(name=name, summary="A test.", tasks=("asr",), factory=factory,
                        options=options)
"""

GOOD = (
    IMPORTS
    + """
AUDIOFORGE_API = 1
print("a plugin that talks while it is imported")

@hookimpl
def register_verifiers():
    return [verifier("politeness", "acme_good.verifier:Politeness", "acme_good.verifier:Options"),
            verifier("absent-module", "acme_good.not_there:Nothing"),
            verifier("exits", "acme_good.exits:Nothing")]

@hookimpl
def register_aggregators():
    return [AggregatorSpec(name="least", summary="The least.", factory="acme_good.minimum:Min")]
"""
)

GOOD_VERIFIER = """
from attrs import define, frozen

@frozen
class Options:
    word: str
    strict: bool = False

@define
class Politeness:
    word: str
    strict: bool
"""

GOOD_COMMAND = """
import time
import click
from audioforge import errors

@click.group()
def acme():
    "Commands for tests."

@acme.command()
def hello():
    click.echo("hello from acme")

@acme.command()
@click.argument("kind")
def fail(kind):
    if kind == "ConfigError":
        raise errors.ConfigError(["a.b: wrong", "c: wrong too"])
    if kind == "bug":
        raise ZeroDivisionError("a bug")
    raise getattr(errors, kind)("went [bold]wrong[/bold] \\x1b[31m")

@acme.command()
def wait():
    click.echo("ready")
    time.sleep(60)
"""

PLUGINS = {
    "acme-doors": doors.FILES,
    "acme-good": {
        "plugin.py": GOOD,
        "verifier.py": GOOD_VERIFIER,
        "exits.py": "raise SystemExit('this module ends the process')",
        "command.py": GOOD_COMMAND,
    },
    "acme-rival": {
        "plugin.py": IMPORTS
        + """
@hookimpl
def register_verifiers():
    return [verifier("politeness"), verifier("brevity")]
""",
    },
    "acme-usurper": {
        "plugin.py": IMPORTS
        + """
@hookimpl
def register_verifiers():
    return [verifier("wer"), verifier("harmless")]
""",
        "command.py": """
import click

@click.command()
def train():
    click.echo("the usurper trains")
""",
    },
    "acme-missing": {"plugin.py": "import a_module_that_is_not_there"},
    "acme-exits": {"plugin.py": "raise SystemExit('no licence key')"},
    "acme-panics": {"plugin.py": "class Panic(BaseException): pass\nraise Panic('a panic')"},
    "acme-misspelt": {
        "plugin.py": IMPORTS + "@hookimpl\ndef register_verifer():\n    return [verifier('lost')]",
    },
    "acme-signature": {
        "plugin.py": IMPORTS
        + "@hookimpl\ndef register_verifiers(config):\n    return [verifier('lost')]",
    },
    "acme-midway": {
        "plugin.py": IMPORTS
        + """
@hookimpl
def register_verifiers():
    yield verifier("first")
    raise RuntimeError("the second\\ncannot be made")
""",
    },
    "acme-unmarked": {
        "plugin.py": IMPORTS + "def register_verifiers():\n    return [verifier('lost')]",
    },
    "acme-types": {
        "plugin.py": IMPORTS + "@hookimpl\ndef register_verifiers():\n    return ['lost']",
    },
    "acme-malformed": {
        "plugin.py": IMPORTS
        + """
@hookimpl
def register_verifiers():
    return [verifier("Has Blank"), verifier("no-colon", "package.Class"), verifier("well-formed"),
            verifier("twice"), verifier("twice"),
            VerifierSpec(name="odd-task", summary="", tasks="asr", factory="a:B")]
""",
    },
    "acme-wrong-fields": {
        "plugin.py": """
from audioforge.hookspecs import hookimpl
from audioforge.model import KnownCheckpoint, Serves
from audioforge.specs import DatasetSpec, ModelSpec

def model(name, serves=(), checkpoints=()):
    return ModelSpec(name=name, summary="", factory="a:B", serves=serves, checkpoints=checkpoints)

@hookimpl
def register_models():
    return [model("no-serves", None), model("letters", (Serves("asr", "x", "Name"),)),
            model("sizes", checkpoints=(KnownCheckpoint("x/y", "39 M"),)), model("right")]

@hookimpl
def register_datasets():
    return [DatasetSpec(name="no-summary", summary=None, tasks=("asr",), factory="a:B"),
            DatasetSpec(name="one-suffix", summary="", tasks=("asr",), factory="a:B",
                        suffixes=".foo")]
"""
    },
    "acme-reserved": {
        "plugin.py": IMPORTS
        + """
@hookimpl
def register_verifiers():
    options = "acme_reserved.verifier:"
    return [verifier("plain", options=options + "Plain"),
            verifier("written", options=options + "Written"),
            verifier("assigned", options=options + "Assigned"),
            verifier("inherited", "acme_reserved.light:Base", "acme_reserved.light:Inherited")]
""",
        "verifier.py": """
import attrs
import a_heavy_library  # not installed: a check that imports this module fails

@attrs.frozen
class Plain:
    weighting: str = "none"

@attrs.frozen
class Written:
    weight: float = 1.0

@attrs.frozen
class Assigned:
    id = attrs.field(default="x")

""",
        "light.py": """
import attrs

@attrs.frozen
class Base:
    weight: float = 1.0

@attrs.frozen
class Inherited(Base):
    pass
""",
    },
    "acme-command-missing": {
        "plugin.py": IMPORTS + "@hookimpl\ndef register_verifiers():\n    return []",
        "command.py": "import a_module_that_is_not_there",
    },
}

COMMANDS = {
    "acme-good": "acme",
    "acme-usurper": "train",
    "acme-command-missing": "lame",
}


def write_distribution(folder: Path, name: str) -> Path:
    """Write the source of one test plugin."""
    package = name.replace("-", "_")
    source = folder / name
    (source / package).mkdir(parents=True)
    commands = ""
    if name in COMMANDS:
        line = f'{COMMANDS[name]} = "{package}.command:{COMMANDS[name]}"'
        commands = f'[project.entry-points."audioforge.commands"]\n{line}'
    text = PYPROJECT.format(name=name, package=package, commands=commands)
    (source / "pyproject.toml").write_text(text)
    (source / package / "__init__.py").write_text("")
    for file, code in PLUGINS[name].items():
        (source / package / file).write_text(code)
    return source


@pytest.fixture(scope="session")
def install(once):
    """`install(name, …)` builds and installs test plugins, and returns the folders they are in."""

    def _install(*names: str) -> list[Path]:
        return [once(f"test plugin {name}", partial(build, name)) / "installed" for name in names]

    def build(name: str, folder: Path) -> None:
        source = write_distribution(folder / "source", name)
        command = "-m uv pip install --offline --no-deps --no-build-isolation --target"
        result = subprocess.run(
            [sys.executable, *command.split(), folder / "installed", source],
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stderr

    return _install


@pytest.fixture
def with_plugins(install, monkeypatch):
    """`with_plugins(name, …)` makes test plugins part of this process' environment."""
    monkeypatch.delenv("AUDIOFORGE_PLUGINS", raising=False)

    def _with_plugins(*names: str) -> None:
        for folder in install(*names):
            monkeypatch.syspath_prepend(folder)

    return _with_plugins
