"""What every plugin must do before anything of it is used: be found, be light, say what it is."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from audioforge.model import TASKS, Task
from audioforge.plugins import API_VERSION, CORE, Plugin
from audioforge.plugins.api_version import STATEMENT
from audioforge.plugins.installed import COMMANDS_GROUP, installed_entry_points
from audioforge_kit.contract import CannotCheck, Contract, ContractError, expect, rule
from audioforge_kit.moved_import import MEND, OLD

HEAVY = ("torch", "transformers", "datasets", "librosa", "tensorflow", "jax", "scipy", "pandas")
LIGHT_IMPORT = """
import sys
from audioforge.plugins import discover
before = set(sys.modules)
discover(sys.argv[1])
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
"""
SECONDS = 120.0
AUDIOFORGE = re.compile(r"audioforge(\[[^\]]*\])?\(?([<>=~!;]|$)", re.IGNORECASE)
"""A requirement of audioforge itself, with blanks taken out."""


class InstallationContract(Contract):
    """The rules of a plugin as a whole.

    Args:
        plugins: The plugin's entry points and what became of them.
        files: The plugin, where it is a single file.
    """

    kind = "plugin"

    def __init__(self, plugins: list[Plugin], files: tuple[Path, ...]) -> None:
        """Take what discovery found."""
        self.plugins = plugins
        self.files = files
        self.distribution = plugins[0].distribution

    @property
    def tasks(self) -> tuple[Task, ...]:
        """All: these rules are not about what a plugin is for."""
        return TASKS

    @property
    def subject(self) -> str:
        """What is checked."""
        return f"plugin {self.distribution}"

    @rule("Mend what the message says; `audioforge plugins list` shows it too.")
    def loads(self) -> None:
        """The plugin loads, and nothing that it registers is malformed or called like another's."""
        errors = [error for plugin in self.plugins for error in plugin.errors]
        if any(OLD in error for error in errors):
            raise ContractError("; ".join(errors), MEND)
        expect(not errors, "; ".join(errors))

    @rule(f"Write {STATEMENT} = {API_VERSION} into the module that the entry point names.")
    def states_its_api_version(self) -> None:
        """The plugin says for which version of the plugin API it was built."""
        for plugin in self.plugins:
            if plugin.entry_point:
                stated = plugin.api_version is not None
                expect(stated, f"{plugin.entry_point}: there is no {STATEMENT}")

    @rule("Return specifications from the hooks.")
    def provides_something(self) -> None:
        """The plugin registers at least one thing, or a subcommand."""
        provided = [spec for p in self.plugins for specs in p.provides.values() for spec in specs]
        expect(provided or self._commands(), "its hooks return nothing")

    @rule(
        "Import nothing heavy in the module with the hooks: name it in factory='package.module:"
        "Class', which is imported when it is used."
    )
    def is_light(self) -> None:
        """Listing it imports no torch, transformers or other heavy library."""
        if self.files:
            raise CannotCheck("a single file is one module for everything")
        # -P: the working directory is not on the path.
        result = subprocess.run(  # noqa: S603
            [sys.executable, "-P", "-c", LIGHT_IMPORT, self.distribution],
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        expect(result.returncode == 0, result.stderr.strip()[-500:])
        imported = set((result.stdout.splitlines() or [""])[-1].split())
        expect(not imported & set(HEAVY), f"it imports {', '.join(sorted(imported & set(HEAVY)))}")

    @rule("Let the entry point name a Click command.")
    def commands_can_be_imported(self) -> None:
        """The subcommands can be imported."""
        import click

        for entry_point in self._commands():
            command = entry_point.load()
            expect(isinstance(command, click.Command), f"{entry_point.value} is no Click command")

    @rule("Fill in description, license and requires-python in pyproject.toml.")
    def says_what_it_is(self) -> None:
        """The metadata have a summary, a licence and the versions of Python that it is for."""
        about = self._metadata()
        expect(about["Summary"], "it has no description")
        licence = about["License-Expression"] or about["License"]
        classified = any(c.startswith("License ::") for c in about.get_all("Classifier") or [])
        expect(licence or classified, "it names no licence")
        expect(about["Requires-Python"], "it does not say for which versions of Python it is")

    @rule('Write "audioforge>=…,<…" into the dependencies: before 1.0 a minor version may break.')
    def requires_audioforge(self) -> None:
        """The distribution requires audioforge, from a version and below another."""
        self._metadata()
        if self.distribution == CORE:
            raise CannotCheck("it is audioforge")
        required = [
            requirement.partition(";")[0].replace(" ", "")
            for requirement in metadata.requires(self.distribution) or []
        ]
        needed = [r for r in required if AUDIOFORGE.match(r)]
        expect(needed, "audioforge is not among its dependencies")
        bounded = any("<" in r or "~=" in r or "==" in r for r in needed)
        expect(bounded, f"{needed[0]}: any later version will do")

    def _commands(self) -> list[metadata.EntryPoint]:
        found = installed_entry_points(COMMANDS_GROUP, self.distribution)
        return [] if self.files else [entry_point for entry_point, _, _ in found]

    def _metadata(self) -> metadata.PackageMetadata:
        if self.files:
            raise CannotCheck("a single file has no metadata")
        try:
            return metadata.metadata(self.distribution)
        except metadata.PackageNotFoundError as error:
            raise ContractError("it is not installed") from error
