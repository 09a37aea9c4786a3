"""The machine and the versions that figures belong to."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).parents[2]
SOURCES = ("core", "plugins", "benchmarks")
"""What figures depend on; the page that they are written into is none of it."""
VECTORS = ("avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "amx_bf16")
"""The flags of a CPU that matrix products go by."""
PACKAGES = ("torch", "transformers", "peft", "ctranslate2", "numpy", "audioforge")


def machine() -> dict[str, Any]:
    """Return the CPU, its flags, the threads that are used, and the versions of the libraries."""
    facts = _cpu_facts()
    flags = facts.get("flags", "").split()
    return {
        "cpu": facts.get("model name") or platform.processor() or platform.machine(),
        "flags": [flag for flag in VECTORS if flag in flags],
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "versions": {name: version for name in PACKAGES if (version := _version(name))},
    }


def lacks_bf16() -> str | None:
    """Return why bfloat16 is not worth measuring here, or None where the CPU computes in it."""
    flags = _cpu_facts().get("flags", "").split()
    return None if {"avx512_bf16", "amx_bf16"} & set(flags) else "no bf16 hardware"


def revision() -> str:
    """Return the commit that is measured, with "-dirty" where the sources differ from it."""
    commit = _git("rev-parse", "--short=10", "HEAD")
    changed = _git("status", "--porcelain", "--", *SOURCES)
    return f"{commit}-dirty" if changed else commit or "unknown"


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(ROOT), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _cpu_facts() -> dict[str, str]:
    """Return what Linux says of the first core; elsewhere nothing."""
    path = Path("/proc/cpuinfo")
    if not path.is_file():
        return {}
    first, _, _ = path.read_text().partition("\n\n")
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
