"""CPU seconds of whole processes."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from typing import Any

AUDIOFORGE = (sys.executable, "-m", "audioforge")


def children_clock() -> float:
    """Return the CPU seconds of all processes that were started here and have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def running(*command: str) -> Callable[[Any], None]:
    """Return what runs a command, with bytecode as an installation has it.

    Raises:
        RuntimeError: From what is returned: if the command fails, with what it said.
    """

    def work(_: Any) -> None:
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")

    return work
