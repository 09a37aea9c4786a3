"""What the light commands cost: those that a user or a shell asks all the time.

Prints the CPU seconds of each, whole processes with all that is installed: the median of several.

    python benchmarks/light_commands.py --runs 15
"""

from __future__ import annotations

import argparse
import statistics

from command_time import cpu_seconds

COMMANDS = (
    ("--help",),
    ("--version",),
    ("train", "--help"),
    ("benchmark", "--help"),
    ("verify", "--help"),
    ("doctor", "--help"),
    ("export", "--help"),
    ("demo", "--help"),
    ("plugins", "check", "--help"),
    ("plugins", "new", "--help"),
    ("plugins", "list"),
    ("plugins", "list", "--json"),
    ("datasets",),
    ("datasets", "--json"),
    ("models",),
    ("models", "--json"),
)
TARGET_SECONDS = 0.2


def main() -> None:
    """Measure and print a line for each command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    options = parser.parse_args()
    for command in COMMANDS:
        cpu_seconds(*command)  # fills the disk's cache and writes bytecode
        median = statistics.median(cpu_seconds(*command) for _ in range(options.runs))
        mark = "" if median <= TARGET_SECONDS else f"  above {TARGET_SECONDS:g} s"
        print(f"audioforge {' '.join(command):<24}{median:.3f} s{mark}")


if __name__ == "__main__":
    main()
