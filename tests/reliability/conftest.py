"""What several tests of faults use."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .tone_run import installed, settings, train, write_inputs


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A base model and datasets of tones, with the plugin that serves them."""
    folder = tmp_path_factory.mktemp("tones")
    with installed(folder / "site"):
        write_inputs(folder / "inputs")
        yield folder / "inputs"


@pytest.fixture(scope="module")
def whole(inputs: Path) -> Path:
    """A run on them that nothing interrupted."""
    train(inputs / "whole", settings(inputs))
    return inputs / "whole"


@pytest.fixture
def without_coverage() -> dict[str, str]:
    """The environment for a process whose files are limited: what measures coverage writes more."""
    return {name: v for name, v in os.environ.items() if not name.startswith("COVERAGE")}


@pytest.fixture
def no_root(tmp_path) -> tuple[str, ...]:
    """The start of a command line under which permissions hold, for root too."""
    if os.geteuid() != 0:
        return ()
    drop = "-dac_override,-dac_read_search"
    prefix = ("setpriv", f"--bounding-set={drop}", f"--inh-caps={drop}")
    if shutil.which("setpriv") is None:
        pytest.skip("root may write everywhere, and there is no setpriv to forbid it")
    locked = tmp_path / "tried"
    locked.mkdir(mode=0o555)
    tried = subprocess.run([*prefix, "touch", str(locked / "x")], capture_output=True, check=False)
    if tried.returncode == 0:
        pytest.skip("root may write everywhere here")
    locked.rmdir()
    return prefix
