"""What several tests of faults use."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest


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
