"""A checkpoint for another engine: what an exporter writes of it, whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import cast

import attrs
from attrs import frozen

from audioforge.errors import AudioForgeError, CheckpointError, PluginError, UsageError, describe
from audioforge.exporter import Exporter, Transcribe
from audioforge.files import atomic
from audioforge.files.checkpoint_folder import locate
from audioforge.files.paths import is_file
from audioforge.find_adapter import read_config, served_tasks
from audioforge.hub.snapshot import fetch_checkpoint
from audioforge.huggingface.safe_files import check_files
from audioforge.isolation.global_state.restored import global_state_restored
from audioforge.plugin_reference import parse_plugin_reference
from audioforge.plugins import Registry, call_factory, checked_options
from audioforge.run.measure_export import Measured, MeasureOn, check_dataset, measure_export
from audioforge.run.same_clips import NothingToMeasureError
from audioforge.specs import ExporterSpec, Provided
from audioforge.terminal.reporter import Reporter

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
"""What the disk says and no exporter is to blame for."""

MEASURED = "measured.json"
"""The file in an exported folder with what `Measured` holds."""


@frozen(kw_only=True)
class Exported:
    """What an exporter wrote.

    Attributes:
        exporter: Full name of the exporter.
        checkpoint: Folder that was exported.
        output: The new folder.
        files: How many files the new folder holds, below subfolders too.
        bytes: Size of all of these files.
        measured: What the export does beside the checkpoint; None where that was not measured.
        why_not: Why not.
    """

    exporter: str
    checkpoint: Path
    output: Path
    files: int
    bytes: int
    measured: Measured | None
    why_not: str | None


def export_checkpoint(
    registry: Registry,
    source: str,
    plugin: str,
    output: Path,
    wanted: MeasureOn | None = None,
    reporter: Reporter | None = None,
) -> Exported:
    """Have an exporter write a checkpoint into a new folder, and measure it with its engine.

    Args:
        registry: What is installed.
        source: A run folder, of which `best/` is taken; a checkpoint's folder; or a hub id.
        plugin: The exporter, as `name:key=value`.
        output: Folder to make; what is measured is in its `measured.json`.
        wanted: What to measure on; None for the clips that the run held out.
        reporter: Where to tell how it goes; None for stderr.

    Raises:
        UsageError: If the run is not finished, or the folder is there already.
        ConfigError: If an option is unknown or of the wrong type.
        CheckpointError: If the checkpoint cannot be had, or is none that the exporter takes.
        PluginError: If there is no such exporter, or it or its engine fails.
    """
    wanted, reporter = wanted or MeasureOn(), reporter or Reporter()
    output = output.expanduser().absolute()  # an exporter may change the working directory
    _require_new(output)
    name, settings = parse_plugin_reference(plugin)
    provided = registry.find("exporters", name)
    options = checked_options(provided, settings)
    checkpoint = checkpoint_of(source)
    _check_task(registry, provided, checkpoint)
    if checkpoint in output.resolve().parents:
        raise UsageError(f"--output {output}: lies in the checkpoint; name a folder elsewhere")
    exporter = cast("Exporter", call_factory(provided, **options))
    check_dataset(registry, checkpoint, wanted)

    _make_parents(output)
    with atomic.new_folder(output) as folder:
        _call(exporter, provided, checkpoint, folder)
        _written(folder, provided)
        measured, why_not = None, None
        try:
            transcribe = _loaded(exporter, provided, folder)
            measured = measure_export(registry, source, checkpoint, transcribe, wanted, reporter)
            measured = attrs.evolve(measured, compute_type=exporter.compute_type)
            atomic.write_json(folder / MEASURED, attrs.asdict(measured))
        except NothingToMeasureError as error:
            why_not = str(error)
        files = _written(folder, provided)
        _require_new(output)  # exporting takes its time, and what came meanwhile stays
    return Exported(
        exporter=provided.full_name,
        checkpoint=checkpoint,
        output=output,
        files=len(files),
        bytes=sum((output / file).stat().st_size for file in files),
        measured=measured,
        why_not=why_not,
    )


def _require_new(output: Path) -> None:
    """Check that nothing has the name of the folder to make."""
    try:
        output.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(f"--output {output}: cannot be made: {error.strerror}") from error
    raise UsageError(f"--output {output}: is there already; name a new folder")


def _make_parents(output: Path) -> None:
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--output {output}: cannot be made: {error.strerror}") from error


def checkpoint_of(source: str) -> Path:
    """Return the folder of a checkpoint that holds what it says, and no pickle.

    Raises:
        UsageError: If it is that of a run that is not finished.
        CheckpointError: If there is none.
    """
    folder = Path(os.path.expanduser(source))  # noqa: PTH111 - Path.expanduser may raise
    # The names that docs/training.md promises: RunFolder, which has them too, would import torch.
    if is_file(folder / "config.yaml"):
        if not is_file(folder / "summary.json"):
            raise UsageError(
                f"{source}: the run is not finished, and has chosen no model yet; go on with it by "
                f"audioforge train --resume {source}, or name a checkpoint in it"
            )
        source = str(folder / "best")
    read_config(source)  # of the hub, before anything large is fetched
    located = locate(source, fetch_checkpoint)
    if located.update is not None:
        raise CheckpointError(
            f"{source}: a low-rank update (LoRA) alone, and only a whole checkpoint is exported. "
            f"Merge it into its model with PEFT's merge_and_unload(), and save that."
        )
    check_files(source, located.files)
    return located.files.resolve()


def _check_task(registry: Registry, provided: Provided, checkpoint: Path) -> None:
    """Refuse a checkpoint whose task is known and not one of the exporter's."""
    takes = cast("ExporterSpec", provided.spec).tasks
    serves = served_tasks(registry, read_config(str(checkpoint)))
    if serves and not serves & set(takes):
        raise CheckpointError(
            f"{checkpoint}: is a model for {', '.join(sorted(serves))}, and exporter "
            f"'{provided.full_name}' takes those for {', '.join(takes) or 'nothing'}"
        )


def _call(exporter: Exporter, provided: Provided, checkpoint: Path, folder: Path) -> None:
    """Call an exporter, which is foreign code: it may raise anything, or change the checkpoint."""
    whose = f"exporter '{provided.full_name}'"
    mend = f"Mend or update {provided.distribution}."
    before = _state(checkpoint)
    try:
        with global_state_restored(whose, "export"):
            exporter.export(checkpoint, folder)
    except (AudioForgeError, KeyboardInterrupt):
        raise
    except BaseException as error:
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            raise
        raise PluginError(
            f"{whose} failed on {checkpoint}: {describe(error)}. Nothing was written. {mend}"
        ) from error
    after = _state(checkpoint)
    changed = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    if changed:
        raise PluginError(f"{whose} changed the checkpoint: {checkpoint / changed[0]}. {mend}")


def _loaded(exporter: Exporter, provided: Provided, folder: Path) -> Transcribe:
    """Load what was exported with its engine.

    Raises:
        NothingToMeasureError: If the exporter does not run its engine.
        PluginError: If the engine does not load it.
    """
    whose = f"exporter '{provided.full_name}'"
    with global_state_restored(whose, "load"):
        try:
            transcribe = exporter.load(folder)
        except (AudioForgeError, KeyboardInterrupt):
            raise
        except BaseException as error:
            raise PluginError(
                f"{whose}: its engine does not load what it wrote: {describe(error)}. Nothing was "
                f"written. Mend or update {provided.distribution}."
            ) from error
    if transcribe is None:
        raise NothingToMeasureError(f"{whose} does not run its engine")
    return transcribe


def _state(folder: Path) -> dict[Path, tuple[int, int]]:
    """Return size and time of every file below a folder, which tell whether one was written to."""
    stats = {path.relative_to(folder): path.stat() for path in _files(folder)}
    return {name: (stat.st_size, stat.st_mtime_ns) for name, stat in stats.items()}


def _written(folder: Path, provided: Provided) -> list[Path]:
    """Return the files that an exporter wrote, relative to its folder.

    Raises:
        PluginError: If there are none, or something is a link, which the folder's final name or
            another machine would break.
    """
    whose, mend = f"exporter '{provided.full_name}'", f"Mend or update {provided.distribution}."
    for path in folder.rglob("*"):
        if path.is_symlink():
            raise PluginError(f"{whose} wrote a link: {path.relative_to(folder)}. {mend}")
    files = [path.relative_to(folder) for path in _files(folder)]
    if not files:
        raise PluginError(f"{whose} wrote nothing. {mend}")
    return files


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
