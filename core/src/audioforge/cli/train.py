"""`audioforge train`: RAFT from the command line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from audioforge.cli.language_table import print_by_language
from audioforge.cli.plugin_option import plugin_option
from audioforge.cli.setting_options import given_flags, setting_options
from audioforge.config import AudioRAFTConfig, preset_names, read_config_file, read_preset
from audioforge.errors import UsageError
from audioforge.plugins import discover
from audioforge.terminal.console import print_json, print_line, print_note, print_table

if TYPE_CHECKING:
    from audioforge.model import ModelAdapter
    from audioforge.run.disk_space import DiskSpace
    from audioforge.run.run import Run
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
    if parent := values.get("parent"):
        from audioforge.run.parent import settings_after

        values = {**settings_after(Path(parent).expanduser()), **values}
    return AudioRAFTConfig.from_mapping(values)


EXAMPLE = """\b
  audioforge train --model openai/whisper-small --dataset train.jsonl \\
      --eval-dataset heldout.jsonl --output runs/mine
"""


@click.command(context_settings={"max_content_width": 100}, epilog=EXAMPLE)
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="YAML file with the same settings; flags override it.",
)
@click.option(
    "--preset",
    metavar="NAME|FILE",
    help=f"Settings that go together: {', '.join(preset_names())}, or a YAML file of your own; "
    "--config and flags override them. `audioforge presets NAME` shows one, with its reasons.",
)
@click.option(
    "--resume",
    "resumed",
    metavar="RUN",
    type=click.Path(path_type=Path),
    help="Go on with the interrupted run in this folder, with its own settings.",
)
@click.option(
    "--accept-changes",
    is_flag=True,
    help="With --resume: go on although files, plugins, texts or sound have changed since the run "
    "began; summary.json lists what.",
)
@setting_options(AudioRAFTConfig)
@plugin_option
@click.option("--dry-run", is_flag=True, help="Check everything, say what would run, and stop.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print summary.json instead of a table; with --dry-run, the resolved settings.",
)
def train(
    resumed: Path | None,
    accept_changes: bool,
    plugin_files: tuple[Path, ...],
    dry_run: bool,
    as_json: bool,
    **flags: Any,
) -> None:
    """Train a model from verifiable rewards (RAFT).

    Samples k hypotheses for each clip, scores them, keeps the best, fine-tunes on them, and
    repeats. The run folder then holds the best model in best/, every rollout with its scores, and
    summary.json. A run that was stopped or killed goes on with --resume RUN; --continue RUN begins
    another one where a finished one ended.
    """
    # A run is gone on with, by its own settings, or begun with those that were given.
    if resumed is not None:
        trainer = _resumed(resumed, plugin_files, flags, accept_changes=accept_changes)
        if trainer is None:
            return
    elif accept_changes:
        raise UsageError("--accept-changes: goes with --resume RUN")
    else:
        config = build_config(flags.pop("config"), flags, flags.pop("preset"))
        from audioforge import AudioRAFTTrainer

        trainer = AudioRAFTTrainer(config, discover(files=plugin_files))
    # A dry run does everything that can fail early, and writes nothing.
    if dry_run:
        from audioforge.run.disk_space import disk_space
        from audioforge.run.prepare import closing_executor

        run = trainer.prepare()
        with closing_executor(run.executor, run.reporter):
            adapter = run.load_to_train()
            space = disk_space(run, adapter)
            adapter.make_trainable(run.train_options)
            if run.processes.is_main:
                space.check(run.reporter)
                _print_plan(run, adapter, space, as_json)
        return
    summary = trainer.train()
    # Of several processes one speaks: in JSON to programs, in a table to people.
    if not summary.is_main:
        return
    if as_json:
        print_json(summary.as_mapping())
        return
    print_table(summary.columns, summary.rows)
    models = [("base", summary.base), *((f"cycle {row['cycle']}", row) for row in summary.cycles)]
    print_by_language([(name, summary.metric, figures) for name, figures in models])
    print_line(summary.claims)
    print_line()
    print_line(summary.conclusion)


def _resumed(
    folder: Path,
    plugin_files: tuple[Path, ...],
    flags: dict[str, Any],
    *,
    accept_changes: bool,
) -> AudioRAFTTrainer | None:
    """Return the trainer that goes on with a run; None when it is finished.

    Raises:
        UsageError: If there is no run in the folder, or settings were given that it has already.
    """
    given = given_flags(flags)
    folder = folder.absolute()
    from audioforge.run.folder import RunFolder

    finished = RunFolder(folder).read_summary()
    if finished is not None and not given:
        RunFolder(folder).remove_state()  # which a kill at the very end leaves
        print_line(f"{folder}: the run is finished; {folder / 'summary.json'} has its result.")
        return None
    registry = discover(files=plugin_files)  # before the working directory changes
    _go_to(RunFolder(folder).read_working_directory())
    from audioforge import AudioRAFTTrainer

    return AudioRAFTTrainer.resume(folder, registry, accept_changes=accept_changes, **given)


def _go_to(folder: Path | None) -> None:
    """Stand where the run was started: relative paths in its settings count from there."""
    if folder is None or folder == Path.cwd():
        return
    try:
        os.chdir(folder)
        print_note(f"the run was started in {folder}: its relative paths count from there")
    except OSError as error:
        print_note(f"{folder}, where the run was started, cannot be entered: {error.strerror}")


def _print_plan(run: Run, adapter: ModelAdapter, space: DiskSpace, as_json: bool) -> None:
    """Say what would run."""
    from audioforge.run.data.languages import spoken
    from audioforge.run.prepare import plan_of

    parameters = list(adapter.module.parameters())
    weights = sum(p.numel() for p in parameters)
    trained = sum(p.numel() for p in parameters if p.requires_grad)
    if as_json:
        plan = {
            "settings": run.config.as_mapping(),
            "samples": {role: len(dataset.samples) for role, dataset in run.data.by_role},
            "split": run.data.split,
            "languages": spoken(run.data.languages),
            "overlaps": [str(overlap) for overlap in run.data.overlaps],
            "adapter": type(adapter).__name__,
            "weights": weights,
            "trained_weights": trained,
            "disk_bytes": {
                "weights": space.weights,
                "results": space.results,
                "speech": space.speech,
                "sound": space.sound,
                "cache": space.cache,
                "free": space.free,
            },
        }
        print_json(plan)
        return
    for line in plan_of(run):
        print_line(line)
    print_line(
        f"adapter: {type(adapter).__name__}, {weights:,} weights, {trained:,} of them trained"
    )
    print_line(space.describe())
    print_line("nothing was run")
