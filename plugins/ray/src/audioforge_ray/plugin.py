"""What this plugin provides: data only, nothing heavy is imported."""

from __future__ import annotations

from audioforge.hookspecs import hookimpl
from audioforge.specs import ExecutorSpec

AUDIOFORGE_API = 4


@hookimpl
def register_executors() -> list[ExecutorSpec]:
    """Return the executor."""
    return [
        ExecutorSpec(
            name="ray",
            summary="A Ray cluster: this machine's own, or one of many nodes that come and go",
            factory="audioforge_ray.executor:RayExecutor",
            options="audioforge_ray.options:RayOptions",
        )
    ]
