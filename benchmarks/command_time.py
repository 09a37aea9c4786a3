"""CPU seconds of a command of AudioForge, a whole process."""

from __future__ import annotations

import os
import resource
import subprocess
import sys


def cpu_seconds(*command: str) -> float:
    """Return the CPU seconds of one command, with bytecode as an installation has it."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "audioforge", *command],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
