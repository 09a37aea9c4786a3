"""A virtual environment with what AudioForge needs and nothing of AudioForge, made offline.

The libraries are links to those of the running environment; distributions are installed into it
from wheels, as a user would.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OF_PLUGINS = (
    *("transformers", "tokenizers", "datasets", "pyarrow", "pandas", "jiwer", "rapidfuzz"),
    *("peft", "librosa", "torchaudio", "torchcodec", "speechbrain", "speechmos", "distillmos"),
    "text2num",
)
"""Libraries that only plugins need."""


class FreshEnvironment:
    """One virtual environment.

    Args:
        folder: Where it is.

    Attributes:
        python: The environment's interpreter.
        site: The environment's `site-packages`.
    """

    def __init__(self, folder: Path) -> None:
        """Find the environment, which `make` has made."""
        self.python = folder / "bin" / "python"
        self.site = next(folder.glob("lib/python*/site-packages"))

    @classmethod
    def make(cls, folder: Path, leave_out: Sequence[str] = ()) -> FreshEnvironment:
        """Make an environment.

        Args:
            folder: To make it in; must be new.
            leave_out: Names of libraries that it has not, by how they start.
        """
        venv.create(folder, with_pip=False)
        made = cls(folder)
        names = ("audioforge", *leave_out)
        for entry in Path(str(metadata.distribution("click").locate_file(""))).iterdir():
            name = entry.name.lower().lstrip("_").replace("__editable___", "")
            if not name.startswith(names) and entry.suffix != ".pth":
                (made.site / entry.name).symlink_to(entry)
        return made

    def install(self, *wheels: Path) -> None:
        """Install wheels, without asking an index for anything."""
        command = "-m uv pip install --quiet --offline --no-deps --python"
        run([sys.executable, *command.split(), str(self.python), *map(str, wheels)])

    def run(
        self, *command: str | Path, cwd: Path | None = None, **environment: str | None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of the environment, such as `audioforge`, with changed variables."""
        variables = {**os.environ, "PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "false"}
        bin_folder = self.python.parent
        variables["PATH"] = f"{bin_folder}{os.pathsep}{variables['PATH']}"
        for name in ("PYTHONPATH", "AUDIOFORGE_PLUGINS"):
            variables.pop(name, None)
        for name, value in environment.items():
            variables.pop(name, None)
            if value is not None:
                variables[name] = value
        program, *arguments = command
        return subprocess.run(
            [bin_folder / program, *arguments],
            env=variables,
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
        )


def build_wheel(project: Path, folder: Path) -> Path:
    """Build a project's wheel into a new folder, offline."""
    command = "-m uv build --quiet --wheel --offline --no-build-isolation --out-dir"
    run([sys.executable, *command.split(), str(folder), str(project)])
    return next(folder.glob("*.whl"))


def run(command: list[str]) -> None:
    """Run a command, and say what it said if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr}")


def write_plugins(site: Path, count: int) -> None:
    """Write what pip leaves of `count` installed plugins, each with a verifier and an option."""
    for number in range(count):
        name = f"acme_{number:02d}"
        package = site / name
        package.mkdir()
        (package / "__init__.py").write_text("")
        (package / "plugin.py").write_text(
            "from audioforge.hookspecs import hookimpl\n"
            "from audioforge.specs import VerifierSpec\n\n"
            "AUDIOFORGE_API = 1\n\n\n"
            "@hookimpl\n"
            "def register_verifiers():\n"
            f'    return [VerifierSpec(name="judge-{number:02d}", summary="A test.",\n'
            f'        tasks=("asr",), factory="{name}.verifier:Judge",\n'
            f'        options="{name}.verifier:Options")]\n'
        )
        (package / "verifier.py").write_text("import torch\n")
        info = site / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.4\nName: acme-{number:02d}\nVersion: 1.0\n"
            "Summary: A generated plugin.\nLicense-Expression: MIT\n"
            "Requires-Dist: audioforge<0.2,>=0.1\n\n" + "A long description.\n" * 100
        )
        (info / "entry_points.txt").write_text(f"[audioforge]\njudge = {name}.plugin\n")
