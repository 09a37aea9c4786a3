"""`audioforge plugins check`: discovery and the contract tests, and how to mend what fails."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import click

from audioforge.cli.plugins.install import run_pip
from audioforge.errors import PluginError
from audioforge.plugin_reference import canonical
from audioforge.plugins import RESTRICT_VARIABLE, restriction
from audioforge.plugins.installed import plugin_distributions
from audioforge.terminal import console

MARKS = {"ok": "green", "failed": "bold red", "skipped": "yellow"}
EXAMPLE = """\b
  audioforge plugins check audioforge-politeness
  audioforge plugins check ./audioforge-politeness
  audioforge plugins check idea.py
"""


@click.command(context_settings={"max_content_width": 100}, epilog=EXAMPLE)
@click.argument("plugin", metavar="DISTRIBUTION|PATH")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(plugin: str, as_json: bool) -> None:
    """Check that a plugin does what its contract says.

    Checks an installed DISTRIBUTION; or, without installing it, the project folder, wheel or single
    .py file at PATH. Everything that the plugin provides goes through the contract tests of its
    kind. Its code runs. Exits with 1 if anything fails.
    """
    if not _is_path(plugin) and Path(plugin).is_dir() and not _is_installed(plugin):
        raise PluginError(f"no installed plugin is called '{plugin}'; the folder is ./{plugin}")
    if _is_path(plugin):
        path = Path(plugin).expanduser()
        if not path.exists():
            raise PluginError(f"{path}: there is no such file or folder")
        if path.suffix != ".py":
            click.get_current_context().exit(_check_project(path, as_json))
        found = check_results(path)
    else:
        found = check_results(plugin)
    results = list(found if as_json else _shown(found))
    if as_json:
        console.print_json(results)
    else:
        _print_counts(results)
    if any(result["status"] == "failed" for result in results):
        click.get_current_context().exit(1)


def check_results(plugin: str | Path) -> Iterator[dict[str, Any]]:
    """Run every check of a plugin.

    Yields:
        For each: subject, name and sentence of the rule, status ("ok", "failed" or "skipped"), and
        where it is not ok the reason and, where it failed, the mend.
    """
    from audioforge_kit import CannotCheck, ContractError, contract_checks

    for one in contract_checks(plugin):
        result = {
            "subject": one.subject,
            "rule": one.rule.name,
            "sentence": one.rule.sentence,
            "status": "ok",
            "reason": None,
            "mend": None,
        }
        try:
            with _stdout_to_stderr():  # a plugin may print, and stdout may be a JSON document
                one()
        except CannotCheck as error:
            result |= {"status": "skipped", "reason": str(error)}
        except ContractError as error:
            mend = error.mend or one.rule.mend
            result |= {"status": "failed", "reason": str(error), "mend": mend}
        yield result


@contextmanager
def _stdout_to_stderr() -> Iterator[None]:
    """Send what is printed to stderr, also by libraries and by processes that are started."""
    sys.stdout.flush()
    saved = os.dup(1)
    os.dup2(2, 1)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(saved, 1)
        os.close(saved)


def _is_installed(name: str) -> bool:
    return canonical(name) in map(canonical, plugin_distributions())


def _is_path(plugin: str) -> bool:
    """Whether a path is meant: it has a slash or a suffix, or it is no installed name."""
    return (
        any(mark in plugin for mark in ("/", os.sep))
        or plugin in (".", "..")
        or (plugin.endswith((".py", ".whl")))
    )


def _check_project(path: Path, as_json: bool) -> int:
    """Install a project or wheel into a folder of its own, and check it in a new process.

    What is checked so is what would be published: a file that the wheel forgets is missing.
    """
    is_project = (path / "pyproject.toml").is_file() or (path / "setup.py").is_file()
    if not is_project and not (path.is_file() and path.suffix == ".whl"):
        raise PluginError(
            f"{path}: is no project (a folder with pyproject.toml), no wheel and no .py file"
        )
    with tempfile.TemporaryDirectory(prefix="audioforge-check-") as folder:
        # Absolute: pip takes what looks like a name for one, and asks an index for it.
        target = str(path.resolve())
        run_pip("install", "--quiet", "--no-deps", "--target", folder, target)
        infos = sorted(Path(folder).glob("*.dist-info"))
        if not infos:
            raise PluginError(f"{path}: pip installed nothing")
        name = infos[0].name.partition("-")[0].replace("_", "-")
        environment = dict(os.environ)
        if restriction() is not None:
            environment[RESTRICT_VARIABLE] = f"{restriction()},{name}"
        others = filter(None, [folder, os.environ.get("PYTHONPATH")])
        environment["PYTHONPATH"] = os.pathsep.join(others)
        command = [sys.executable, "-P", "-m", "audioforge", "plugins", "check", name]
        command += ["--json"] if as_json else []
        # The child's stdout is ours, which may be reserved for a JSON document.
        out = console.stdout().file
        out.flush()
        return subprocess.run(command, env=environment, check=False, stdout=out).returncode  # noqa: S603


def _shown(results: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Print each result as it comes, under its subject."""
    subject = None
    for result in results:
        if result["subject"] != subject:
            subject = result["subject"]
            console.print_line(subject, style="bold")
        _print_result(result)
        yield result


def _print_counts(results: list[dict[str, Any]]) -> None:
    counts = {status: sum(r["status"] == status for r in results) for status in MARKS}
    told = [f"{count} {status}" for status, count in counts.items() if count]
    console.print_line()
    console.print_line(f"{len(results)} checks: {', '.join(told)}")


def _print_result(result: dict[str, Any]) -> None:
    status = result["status"]
    console.print_line(f"  {status:<8}{result['sentence']}", style=MARKS[status])
    if result["reason"]:
        reason = " ".join(result["reason"].split())
        console.print_line(f"          {'but' if status == 'failed' else 'since'}: {reason}")
    if result["mend"]:
        console.print_line(f"          mend: {result['mend']}")
