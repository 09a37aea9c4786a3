"""What a run was started with: versions, plugins, command, working directory."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from audioforge.inference.matrix_products import library
from audioforge.plugins import Plugin, Registry
from audioforge.run.identity.run_format import FORMAT

LIBRARIES = (
    *("torch", "transformers", "accelerate", "peft", "rapidfuzz", "text2num", "soundfile", "soxr"),
    *("numpy", "av"),
)


def library_versions() -> dict[str, str | None]:
    """Return the versions of the libraries that a run's figures can depend on."""
    versions: dict[str, str | None] = {}
    for name in LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    return versions


def _plugin(plugin: Plugin) -> dict[str, Any]:
    described: dict[str, Any] = {"version": plugin.version, "status": plugin.status}
    if plugin.file is not None:
        described |= {"file": str(plugin.file), "sha256": sha256_of(plugin.file)}
    if plugin.given:
        described["given"] = [[kind, name] for kind, name in plugin.given]
    return described


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def environment(registry: Registry, processes: int) -> dict[str, Any]:
    """Return what `environment.json` holds.

    Args:
        registry: The plugins that are loaded.
        processes: How many processes share the run.
    """
    return {
        "format": FORMAT,
        "audioforge": metadata.version("audioforge"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "libraries": library_versions(),
        "plugins": {p.distribution: _plugin(p) for p in registry.plugins},
        "processes": processes,
        "threads": os.environ.get("OMP_NUM_THREADS"),
        "matrix_products": library(),
        "command": sys.argv,
        "working_directory": str(Path.cwd()),
    }
