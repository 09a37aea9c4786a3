"""The options -q, -v and --log-json of commands that take their time."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from audioforge.terminal import json_log

if TYPE_CHECKING:
    from audioforge.terminal.reporter import Reporter


def output_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add -q, -v and --log-json; the command gets `quiet`, and `reporter` made of all three.

    Until the first heavy import a reporter has cost nothing but Rich.
    """

    @click.option("--quiet", "-q", is_flag=True, help="Only warnings, errors and the final line.")
    @click.option(
        "--verbose",
        "-v",
        is_flag=True,
        help="Say more: every step of the update, and more of the utterances that changed.",
    )
    @click.option(
        "--log-json",
        is_flag=True,
        help="Write one JSON object a line to stderr for everything that happens.",
    )
    @wraps(command)
    def with_reporter(*, quiet: bool, verbose: bool, log_json: bool, **others: Any) -> None:
        if quiet and verbose:
            raise click.UsageError("-q and -v: choose one")
        root = click.get_current_context().find_root()
        # Of the root: what fails is told when the command itself is over.
        log = root.with_resource(json_log.json_on_stderr()) if log_json else None
        command(quiet=quiet, reporter=_reporter(log, quiet=quiet, verbose=verbose), **others)

    return with_reporter


def loading(*named: object) -> str:
    """Return the line that comes before everything heavy.

    Args:
        named: What is loaded, beside PyTorch; None where it is not said.
    """
    return f"loading PyTorch, {', '.join(str(name) for name in named if name is not None)}"


def _reporter(log: json_log.JsonLog | None, *, quiet: bool, verbose: bool) -> Reporter:
    from audioforge.terminal.reporter import Reporter

    if os.environ.get("RANK", "0") != "0":  # of several processes the first one speaks
        return Reporter(quiet=True, warnings=False)
    return Reporter(quiet=quiet, verbose=verbose, log=log)
