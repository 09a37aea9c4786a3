"""`audioforge verify`: score what another system produced."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from audioforge.cli.local_path import LocalPath
from audioforge.cli.plugin_option import plugin_option
from audioforge.cli.prediction_options import prediction_file, threshold_options
from audioforge.cli.sections import CONTEXT, SectionedCommand
from audioforge.cli.setting_options import given_flags, setting_options
from audioforge.config import VerifyConfig
from audioforge.measuring.cut_short import cut_short
from audioforge.measuring.style import describe_style
from audioforge.plugins import discover
from audioforge.tasks import speech_task
from audioforge.terminal.console import print_error, print_json, print_line, print_note, print_table
from audioforge.terminal.figures import decimal, decimal_interval, percent

if TYPE_CHECKING:
    from audioforge.scoring.score import Scoring
    from audioforge.scoring.sources import Predictions
    from audioforge.scoring.thresholds import Threshold

FILES_NAMED = 5
"""Generated files that no line asked for, of which so many are named."""

EXAMPLE = """\b
  audioforge verify predictions.jsonl --max-wer 0.1 --junit wer.xml
  audioforge verify hypotheses.trn --reference references.trn
  audioforge verify --task tts --audio-dir out/ --manifest prompts.jsonl
"""


@click.command(cls=SectionedCommand, context_settings=CONTEXT, epilog=EXAMPLE)
@prediction_file
@click.option(
    "--audio-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="With --task tts: folder of the generated sound files, named as a line's id or recording.",
)
@setting_options(VerifyConfig)
@threshold_options
@click.option(
    "--output",
    type=LocalPath(dir_okay=False),
    help="Write a JSON line of scores for each line; must be a new file.",
)
@click.option(
    "--junit",
    type=LocalPath(dir_okay=False),
    help="Write a JUnit file for continuous integration: a test case for each limit.",
)
@plugin_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def verify(
    predictions: Predictions,
    audio_dir: Path | None,
    thresholds: list[Threshold],
    output: Path | None,
    junit: Path | None,
    plugin_files: tuple[Path, ...],
    as_json: bool,
    **flags: Any,
) -> None:
    """Score what another system produced: no model, no training.

    FILE holds text (what is right) and pred_text (what the system said) on each line, as
    predictions.jsonl does: JSON lines, CSV or TSV, by its ending, or - for stdin; or it is a .trn
    or .ctm, and --reference says what is right. For --task tts, pred_audio or --audio-dir tells the
    sound files. Consecutive lines of one sample are its k hypotheses. Exits with 1 when a limit is
    missed, something under a limit has no prediction (--on-error skip allows that), nothing could
    be scored, or a verifier failed too often; with 2 under --on-error fail
    when a line cannot be scored.
    """
    given = given_flags(flags)
    config = VerifyConfig.from_mapping(given)
    if audio_dir is not None and not speech_task(config.task).generates_speech:
        raise click.UsageError("--audio-dir goes with --task tts")
    if junit is not None and junit.suffix != ".xml":  # it replaces what is there: no manifest
        raise click.UsageError(f"--junit {junit}: its name must end in .xml; name another file")
    from audioforge.scoring.junit import write_junit
    from audioforge.scoring.score import score_predictions
    from audioforge.scoring.thresholds import checked

    registry = discover(files=plugin_files)
    scoring = score_predictions(config, predictions, registry, audio_dir=audio_dir, output=output)
    missing = 0 if "on_error" in given else scoring.unpredicted  # "fail" has ended it already
    checks = checked(thresholds, scoring.measured, missing)
    if junit is not None:
        write_junit(junit, scoring, checks)
    if as_json:
        print_json(scoring.as_mapping())
    else:
        _print(scoring.as_mapping())
    _print_left_out(scoring)
    if output is not None:
        print_note(f"scores of each line: {output}")
    if scoring.reward is None:
        print_error("nothing could be scored")
        click.get_current_context().exit(1)
    failures = [failure for failure in checks.values() if failure is not None]
    for failure in failures:
        print_error(failure)
    if failures:
        click.get_current_context().exit(1)


def _print(result: dict[str, Any]) -> None:
    print_table(
        ["verifier", "weight", "reward", "passed", "unscored"],
        [
            [
                identity,
                f"{row['weight']:g}",
                decimal(row["reward"]),
                percent(row["passed"]),
                f"{row['unscored']:,}",
            ]
            for identity, row in result["verifiers"].items()
        ],
        right=["weight", "reward", "passed", "unscored"],
    )
    print_line()
    measured = {"reward": result["reward"], **result["metrics"]}
    others = result.get("without_runaway", {})
    print_table(
        ["mean or rate", "value", "95 %", "samples", *(["without run-away"] if others else [])],
        [
            [
                name,
                decimal(value),
                decimal_interval(*bounds) if (bounds := result["ci95"].get(name)) else "",
                f"{result['counted'].get(name, 0):,}",
                *([decimal(others[name]) if name in others else ""] if others else []),
            ]
            for name, value in measured.items()
        ],
        right=["value", "samples", "without run-away"],
    )
    print_line()
    if "style" in result:
        print_line(f"style of the transcripts: {describe_style(result['style'])}")
    print_line(
        f"{result['scored']:,} of {result['n']:,} scored; {percent(result['passed'])} of these "
        f"passed; normaliser {result['normalizer']}"
        + ("" if speech_task(result["task"]).has_classes else f"; run-away: {result['runaway']:,}")
        + (f"; {cut_short(result['cut'], result['n'])}" if result["cut"] else "")
    )


def _print_left_out(scoring: Scoring) -> None:
    """Say what has no reward and why, what failed, and which files were not asked for."""
    for sentence in scoring.failures:
        print_note(f"Warning: {sentence}", style="yellow")
    for kind, count in scoring.tally.unscored.most_common():
        first = scoring.tally.examples[kind]
        print_note(f"Warning: {count:,} not scored: {kind} (first: {first})", style="yellow")
    if scoring.unmatched:
        named = ", ".join(map(str, scoring.unmatched[:FILES_NAMED]))
        more = len(scoring.unmatched) - FILES_NAMED
        print_note(
            f"Warning: no line asks for {len(scoring.unmatched):,} sound files: {named}"
            + (f" and {more:,} more" if more > 0 else ""),
            style="yellow",
        )
