"""Distributions that third parties publish, as source for wheels."""

from pathlib import Path

PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{name}"
version = "2.0"
description = "A third party's plugin."
license = "MIT"
dependencies = ["audioforge>=0.1,<0.2"]

[project.entry-points.audioforge]
plugin = "{package}.plugin"
"""

POLITENESS = """
from audioforge.hookspecs import hookimpl
from audioforge.specs import VerifierSpec

AUDIOFORGE_API = 1


@hookimpl
def register_verifiers():
    return [VerifierSpec(name="politeness", summary="Says please.", tasks=("asr",),
                         factory=f"{__package__}.verifier:Politeness")]
"""

VERIFIER = """
from audioforge.sample import Score
from audioforge.verifier import Verifier


class Politeness(Verifier):
    tasks = ("asr",)
    needs_reference = False
    metrics = ("pleases",)

    def verify(self, samples, hypotheses):
        return [self._score(h.text) for h in hypotheses]

    def _score(self, text):
        if text is None:
            return Score(None)
        pleases = text.lower().split().count("please")
        return Score(float(pleases > 0), pleases > 0, {"pleases": pleases})
"""

NEWER = """
import os
from pathlib import Path

AUDIOFORGE_API = 7

if "IMPORTED" in os.environ:
    Path(os.environ["IMPORTED"]).touch()

from audioforge.hookspecs import hookimpl, something_that_comes_later
"""

BROKEN = "import a_library_that_nobody_installed\n"

PLUGINS = {
    "acme-politeness": {"plugin.py": POLITENESS, "verifier.py": VERIFIER},
    "zenith-politeness": {"plugin.py": POLITENESS, "verifier.py": VERIFIER},
    "acme-broken": {"plugin.py": BROKEN},
    "acme-newer": {"plugin.py": NEWER},
}


def write_project(folder: Path, name: str) -> Path:
    """Write the source of one distribution, and return its folder."""
    package = name.replace("-", "_")
    source = folder / name
    (source / package).mkdir(parents=True)
    (source / "pyproject.toml").write_text(PYPROJECT.format(name=name, package=package))
    for file, code in {"__init__.py": "", **PLUGINS[name]}.items():
        (source / package / file).write_text(code)
    return source
