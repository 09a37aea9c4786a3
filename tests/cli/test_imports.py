"""Listings are quick: they import neither torch nor transformers."""

import subprocess
import sys

import pytest

HEAVY = {"torch", "transformers", "datasets", "accelerate", "peft", "librosa", "pyarrow", "pandas"}
KIT_COMMANDS = {
    "audioforge_kit.check_command",
    "audioforge_kit.new_command",
    "audioforge_kit.scaffold",
    "audioforge_kit.scaffold.project",
}
"""Of the kit, what says what its commands take; nothing else is imported for that."""


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("--version",),
        ("plugins", "--help"),
        ("plugins", "check", "--help"),
        ("plugins", "new", "--help"),
        ("plugins", "list"),
        ("plugins", "list", "--json"),
        ("datasets",),
        ("datasets", "--json"),
        ("models",),
        ("models", "--json"),
        ("export", "--help"),
        ("plugins", "info", "audioforge"),
    ],
    ids=" ".join,
)
def test_listings_import_nothing_heavy(arguments):
    result = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "audioforge", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    imported = {
        line.rsplit("|", 1)[1].strip()
        for line in result.stderr.splitlines()
        if line.startswith("import time:")
    }
    assert "audioforge.cli" in imported, "the import times were read"
    assert not {name for name in imported if name.startswith("audioforge_kit.")} - KIT_COMMANDS
    assert not {name for name in imported if name.split(".")[0] in HEAVY}
