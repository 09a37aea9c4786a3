"""What installed plugins cost at every start: `audioforge --help` and `plugins list`.

Times AudioForge's core with no plugin against the same with many, in pairs, whole processes.

    python benchmarks/plugin_listing.py --plugins 50
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from fresh_environment import OF_PLUGINS, ROOT, FreshEnvironment, build_wheel, write_plugins

COMMANDS = (("--help",), ("plugins", "list"), ("plugins", "list", "--json"))


def main() -> None:
    """Measure and print a line for each command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plugins", type=int, default=50)
    parser.add_argument("--runs", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        wheel = build_wheel(ROOT / "core", Path(scratch) / "wheel")
        none = FreshEnvironment.make(Path(scratch) / "none", OF_PLUGINS)
        many = FreshEnvironment.make(Path(scratch) / "many", OF_PLUGINS)
        for environment in (none, many):
            environment.install(wheel)
        write_plugins(many.site, options.plugins)
        for command in COMMANDS:
            times: dict[FreshEnvironment, list[float]] = {none: [], many: []}
            for number in range(options.runs + 1):
                for environment in (none, many) if number % 2 else (many, none):
                    taken = seconds(environment, command)
                    if number:  # the first pair fills the disk's cache and writes bytecode
                        times[environment].append(taken)
            without, with_many = (statistics.median(times[e]) for e in (none, many))
            print(
                f"audioforge {' '.join(command)}: {1000 * without:.0f} ms with no plugin, "
                f"{1000 * with_many:.0f} ms with {options.plugins}: {with_many / without:.2f} times"
            )


def seconds(environment: FreshEnvironment, command: tuple[str, ...]) -> float:
    """Return how long a command takes, with bytecode as an installation has it."""
    start = time.perf_counter()
    done = environment.run("audioforge", *command, PYTHONDONTWRITEBYTECODE=None)
    taken = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(done.stderr)
    return taken


if __name__ == "__main__":
    main()
