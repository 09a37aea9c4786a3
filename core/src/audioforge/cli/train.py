"""`audioforge train`: RAFT from the command line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from audioforge.cli.completions import complete_preset
from audioforge.cli.language_table import print_by_language
from audioforge.cli.output_options import loading, output_options
from audioforge.cli.plugin_option import plugin_option
from audioforge.cli.sections import CONTEXT, SectionedCommand
from audioforge.cli.setting_options import given_flags, setting_options
from audioforge.config import AudioRAFTConfig, preset_names, read_config_file, read_preset
from audioforge.errors import UsageError
from audioforge.plugins import discover
from audioforge.terminal import json_log
from audioforge.terminal.console import print_json, print_line, print_note, print_table

if TYPE_CHECKING:
    from audioforge.raft.summary import Summary
    from audioforge.seeds import SeedGroup
    from audioforge.trainer import AudioRAFTTrainer


def build_config(
    config_file: Path | None, flags: dict[str, Any], preset: str | None = None
) -> AudioRAFTConfig:
    """Return the settings of a preset, overridden by those of a file, then by flags.

    Where one of them names a parent, its settings stand below all of them.

    Raises:
        ConfigError: With everything that is wrong, in the files and in the flags.
        UsageError: If the parent is no finished run.
    """
    values = read_preset(preset) if preset else {}
    values |= read_config_file(config_file) if config_file else {}
    values |= given_flags(flags)
    if values.get("parent"):
        from audioforge.run.parent import settings_after

        values = {**settings_after(Path(values.pop("parent")).expanduser()), **values}
    return AudioRAFTConfig.from_mapping(values)


EXAMPLE = """\b
  audioforge train --model openai/whisper-small --dataset train.jsonl \\
      --eval-dataset heldout.jsonl --output runs/mine
"""


@click.command(cls=SectionedCommand, context_settings=CONTEXT, epilog=EXAMPLE)
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="YAML file with the same settings; flags override it.",
)
@click.option(
    "--preset",
    metavar="NAME|FILE",
    shell_complete=complete_preset,
    help=f"Settings that go together: {', '.join(preset_names())}, or a YAML file of your own; "
    "--config and flags override them. `audioforge presets NAME` shows one, with its reasons.",
)
@click.option(
    "--resume",
    "resumed",
    metavar="RUN",
    type=click.Path(path_type=Path),
    help="Go on with the interrupted run, or runs of several seeds, in this folder, with its own "
    "settings.",
)
@click.option(
    "--accept-changes",
    is_flag=True,
    help="With --resume: go on although files, plugins, texts or sound have changed since the run "
    "began; summary.json lists what.",
)
@click.option(
    "--seeds",
    metavar="INT,…",
    help="Train once for each of these seeds, in --output/seed-N; ends with mean and spread.",
)
@setting_options(AudioRAFTConfig)
@plugin_option
@output_options
@click.option(
    "--dry-run",
    is_flag=True,
    help="Check everything, say what would run, how long and with how much memory, and stop.",
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print summary.json instead of a table; with --dry-run, the resolved settings.",
)
def train(
    resumed: Path | None,
    accept_changes: bool,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
    **flags: Any,
) -> None:
    """Train a model from verifiable rewards (RAFT).

    Samples k hypotheses for each clip, scores them, keeps the best, fine-tunes on them, and
    repeats. The run folder then holds the best model in best/, every rollout with its scores, and
    summary.json. A run that was stopped or killed goes on with --resume RUN; --continue RUN begins
    another one where a finished one ended. --seeds 0,1,2 makes a run of each seed.
    """
    # A run is gone on with, by its own settings, or begun with those that were given.
    runs: AudioRAFTTrainer | SeedGroup | None
    if resumed is not None:
        runs = _resumed(resumed, flags, accept_changes=accept_changes)
    elif accept_changes:
        raise UsageError("--accept-changes: goes with --resume RUN")
    else:
        runs = _new(flags)
    if runs is None:
        return
    # A dry run does everything that can fail early, and writes nothing.
    if dry_run:
        from audioforge.cli.train_plan import show_plan

        show_plan(runs, as_json=as_json)
        return
    from audioforge.raft.summary import Summary
    from audioforge.report.write import REPORT

    summary = runs.train()
    # Of several processes one speaks: in JSON to programs, in a table to people.
    if not summary.is_main:
        return
    if as_json:
        print_json(summary.as_mapping())
        return
    if not quiet:
        print_table(summary.columns, summary.rows)
        if isinstance(summary, Summary):
            _print_details(summary)
        print_line()
    print_line(summary.conclusion)
    if not quiet and isinstance(summary, Summary) and json_log.running() is None:
        print_note(f"Look at it: {summary.root / REPORT}")


def _new(flags: dict[str, Any]) -> AudioRAFTTrainer | SeedGroup:
    """Return what trains anew, once or for each seed."""
    plugin_files, reporter = flags.pop("plugin_files"), flags.pop("reporter")
    seeds = flags.pop("seeds")
    if seeds is not None and flags["seed"] is not None:
        raise UsageError("--seed: is one of --seeds; leave it out")
    config = build_config(flags.pop("config"), flags, flags.pop("preset"))
    reporter.info(loading(config.model_name, config.dataset))
    registry = discover(files=plugin_files)
    from audioforge import AudioRAFTTrainer

    if seeds is None:
        return AudioRAFTTrainer(config, registry, reporter)
    from audioforge.seeds import SeedGroup, parse_seeds

    return SeedGroup.of(config, parse_seeds(seeds), registry, reporter)


def _resumed(
    folder: Path, flags: dict[str, Any], *, accept_changes: bool
) -> AudioRAFTTrainer | SeedGroup | None:
    """Return what goes on with a run, or with those of several seeds; None when it is finished.

    Raises:
        UsageError: If there is no run in the folder, or settings were given that it has already.
    """
    plugin_files, reporter = flags.pop("plugin_files"), flags.pop("reporter")
    given = given_flags(flags)
    folder = folder.absolute()
    from audioforge.run.folder import RunFolder
    from audioforge.run.new_folder import GROUP_FILE

    finished = RunFolder(folder).read_summary()
    if finished is not None and not given:
        RunFolder(folder).remove_state()  # which a kill at the very end leaves
        print_line(f"{folder}: the run is finished; {folder / 'summary.json'} has its result.")
        return None
    reporter.info(loading(f"the run in {folder}"))
    registry = discover(files=plugin_files)  # before the working directory changes
    if (folder / GROUP_FILE).is_file():
        from audioforge.seeds import SeedGroup

        if accept_changes:
            raise UsageError("--accept-changes: the runs of several seeds have to be alike")
        group = SeedGroup.read(folder, registry, reporter, **given)
        _go_to(group.working_directory)
        return group
    _go_to(RunFolder(folder).read_working_directory())
    from audioforge import AudioRAFTTrainer

    return AudioRAFTTrainer.resume(
        folder, registry, reporter, accept_changes=accept_changes, **given
    )


def _print_details(summary: Summary) -> None:
    """Say what the models of a run came to language by language, and what the intervals claim."""
    models = [("base", summary.base), *((f"cycle {row['cycle']}", row) for row in summary.cycles)]
    print_by_language([(name, summary.metric, figures) for name, figures in models])
    print_line(summary.claims)


def _go_to(folder: Path | None) -> None:
    """Stand where the run was started: relative paths in its settings count from there."""
    if folder is None or folder == Path.cwd():
        return
    try:
        os.chdir(folder)
        print_note(f"the run was started in {folder}: its relative paths count from there")
    except OSError as error:
        print_note(f"{folder}, where the run was started, cannot be entered: {error.strerror}")
