"""The options of `audioforge verify` that name predictions, and that limit what is measured."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from audioforge.scoring.sources import FORMATS, Predictions
from audioforge.scoring.thresholds import Threshold, least_reward, most_errors, of_metric

STDIN, STDIN_NAME = Path("-"), Path("stdin")
"""How standard input is asked for, and what it is called; its paths start where the process is."""


def _threshold(make: Callable[[str, str], Threshold]) -> Callable[..., Any]:
    """Return what makes thresholds of the values of an option."""

    def made(_: click.Context, parameter: click.Parameter, value: Any) -> list[Threshold]:
        values = [] if value is None else [value] if isinstance(value, str) else value
        try:
            return [make(parameter.opts[0], text) for text in values]
        except ValueError as error:
            raise click.BadParameter(str(error)) from error

    return made


def threshold_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that limit what is measured, and pass them on together as `thresholds`."""

    @click.option(
        "--fail-under",
        callback=_threshold(least_reward),
        metavar="REWARD",
        help="Exit with 1 if the mean reward of what could be scored is lower.",
    )
    @click.option(
        "--max-wer",
        callback=_threshold(most_errors),
        metavar="RATE",
        help="Exit with 1 if the word error rate is higher; 0.1 is 10 %.",
    )
    @click.option(
        "--at-most",
        callback=_threshold(partial(of_metric, is_most=True)),
        multiple=True,
        metavar="METRIC=VALUE",
        help="Exit with 1 if a metric is higher, as mer=0.1; may be given more than once.",
    )
    @click.option(
        "--at-least",
        callback=_threshold(partial(of_metric, is_most=False)),
        multiple=True,
        metavar="METRIC=VALUE",
        help="Exit with 1 if a metric is lower, as slot_f1=0.9; may be given more than once.",
    )
    @wraps(command)
    def with_thresholds(
        *,
        fail_under: list[Threshold],
        max_wer: list[Threshold],
        at_most: list[Threshold],
        at_least: list[Threshold],
        **others: Any,
    ) -> None:
        command(thresholds=[*fail_under, *max_wer, *at_most, *at_least], **others)

    return with_thresholds


def prediction_file(command: Callable[..., None]) -> Callable[..., None]:
    """Add what names the predictions and what is right, and pass it on as `predictions`."""

    @click.argument(
        "file", required=False, type=click.Path(dir_okay=False, path_type=Path, allow_dash=True)
    )
    @click.option(
        "--manifest",
        type=click.Path(dir_okay=False, path_type=Path),
        help="The same as FILE: the texts that were to be spoken.",
    )
    @click.option(
        "--format",
        "form",
        type=click.Choice(FORMATS),
        help="How FILE is written; otherwise by its ending, and JSON lines from stdin.",
    )
    @click.option(
        "--reference",
        type=click.Path(dir_okay=False, path_type=Path),
        help="File of what is right, where FILE does not say it: a manifest, table, .trn or .stm.",
    )
    @wraps(command)
    def with_predictions(
        *,
        file: Path | None,
        manifest: Path | None,
        form: str | None,
        reference: Path | None,
        **others: Any,
    ) -> None:
        given = [path for path in (file, manifest) if path is not None]
        if len(given) != 1:
            raise click.UsageError("give one file: FILE, or --manifest FILE")
        if given[0] != STDIN:
            command(predictions=Predictions(given[0], form, reference), **others)
            return
        with TemporaryDirectory() as folder:
            content = Path(folder) / "stdin"
            with content.open("wb") as copy:  # it is read twice
                shutil.copyfileobj(sys.stdin.buffer, copy)
            named = Predictions(STDIN_NAME, form, reference, content)
            command(predictions=named, **others)

    return with_predictions
