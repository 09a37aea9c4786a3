"""`audioforge doctor`: what this machine has, what is broken, and how to mend it."""

from __future__ import annotations

import importlib
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path

import attrs
import click

from audioforge.cli.completions import completion_of
from audioforge.cli.plugin_option import plugin_option
from audioforge.cli.plugins.listing import others, plugin_rows
from audioforge.errors import AudioForgeError, UsageError, describe
from audioforge.executor import Check
from audioforge.plugin_reference import read_plugin_reference
from audioforge.plugins import discover
from audioforge.terminal import console
from audioforge.terminal.escapes import one_line
from audioforge.torch_companions import COMPANIONS, hide_broken_companions

TESTED_TRIO = {"torch": "2.14.1", "torchaudio": "2.11.0", "torchcodec": "0.17.0"}
"""The newest versions of the three that are known to work together."""

GIB = 2**30
LOW_DISK_BYTES = 5 * GIB
"""A run of Whisper small writes 1 GB per cycle; below this it may not end."""

STYLES = {"ok": "green", "warning": "yellow", "broken": "bold red"}


@click.command()
@click.option(
    "--executor",
    metavar="NAME:key=value",
    shell_complete=completion_of("executor", "plugin", ()),
    help="Check whoever would do the work of a run too, such as the nodes of a cluster.",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    help="With --executor: a folder that runs write to, which all of these must see.",
)
@plugin_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def doctor(
    ctx: click.Context,
    executor: str | None,
    folder: Path | None,
    plugin_files: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Check this machine, and say what to mend.

    Exits with 1 when something is broken.
    """
    if folder is not None and executor is None:
        raise UsageError("--folder: who must see it is not known; add --executor")
    checks = run_checks()
    if executor is not None:
        checks += examined(executor, folder, plugin_files)
    broken = [check for check in checks if check.status == "broken"]
    if as_json:
        console.print_json({"ok": not broken, "checks": [attrs.asdict(c) for c in checks]})
    else:
        _print_checks(checks, len(broken))
    if broken:
        ctx.exit(1)


def run_checks() -> list[Check]:
    """Run every check; one that raises is reported as broken, and the others go on."""
    checks: list[Check] = []
    for look in LOOKS:
        try:
            checks.extend(look())
        except Exception as error:  # a doctor that dies of the illness is of no use
            checks.append(Check(look.__name__.strip("_"), "broken", describe(error)))
    return checks


def examined(executor: str, folder: Path | None, plugin_files: Sequence[Path] = ()) -> list[Check]:
    """Have an executor look at whoever would do its work.

    Args:
        executor: The executor, as `--executor` takes it.
        folder: Where runs are to write; None to leave that out.
        plugin_files: Plugins that are single files.
    """
    from audioforge.inference.guarded_executor import GuardedExecutor

    name = f"executor {executor}"
    checks: list[Check] = []
    try:
        named, options = read_plugin_reference(executor)
        created = discover(files=plugin_files).create("executors", named, **options)
        for check in GuardedExecutor(named, created).examine(folder):
            checks.append(check)  # those before an error too
    except AudioForgeError as error:
        checks.append(Check(name, "broken", str(error)))
    except Exception as error:
        checks.append(Check(name, "broken", describe(error)))
    return checks or [Check(name, "ok", "has nothing to say: it works on this machine")]


def _print_checks(checks: list[Check], broken: int) -> None:
    width = max(len(check.name) for check in checks)
    for check in checks:
        line = f"{check.status:<8} {check.name:<{width}}  {one_line(check.detail)}"
        console.print_line(line, style="" if check.status == "ok" else STYLES[check.status])
        if check.mend:
            console.print_line(f"{'':<8} {'':<{width}}  → {check.mend}")
    console.print_line()
    console.print_line(f"{broken} broken." if broken else "Nothing is broken.")


def _python() -> Iterator[Check]:
    yield Check("python", "ok", f"{platform.python_version()} ({sys.executable})")
    yield Check("audioforge", "ok", metadata.version("audioforge"))


def _torch() -> Iterator[Check]:
    try:
        torch = importlib.import_module("torch")
    except Exception as error:
        yield Check("torch", "broken", describe(error), "Reinstall torch.")
        return
    build = f"CUDA {torch.version.cuda}" if torch.version.cuda else "no CUDA"
    threads = torch.get_num_threads()
    yield Check("torch", "ok", f"{torch.__version__} (built with {build}; {threads} CPU threads)")
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            found = torch.cuda.get_device_properties(index)
            detail = f"cuda:{index} {found.name}, {found.total_memory / GIB:.0f} GiB"
            yield Check("device", "ok", detail)
    elif torch.backends.mps.is_available():
        yield Check("device", "ok", "mps (Apple)")
    else:
        yield Check("device", "ok", "cpu: small models only; no CUDA or MPS device is visible")


def _companions() -> Iterator[Check]:
    """Look at torchaudio and torchcodec, which AudioForge itself does not need."""
    broken = hide_broken_companions()
    for name in COMPANIONS:
        version = _version(name)
        if name in broken:
            yield Check(name, "broken", f"{version or ''} {broken[name]}".strip(), _mend(name))
        elif version is None:
            yield Check(name, "ok", "not installed, and not needed")
        else:
            yield Check(name, "ok", f"{version}, fits torch")


def _mend(name: str) -> str:
    """Say how to mend a companion that does not fit torch."""
    uninstall = f"pip uninstall {name}"
    torch = sys.modules.get("torch")
    if torch is not None and not torch.version.cuda:
        return (
            f"{uninstall}: the usual {name} is built for a torch with CUDA and this torch has "
            "none. AudioForge does not need it."
        )
    trio = " ".join(f"{package}=={version}" for package, version in TESTED_TRIO.items())
    return f"pip install {trio}, which work together; or {uninstall}: AudioForge does not need it."


def _libraries() -> Iterator[Check]:
    yield _importable("accelerate", "accelerate", needed=True)
    yield _importable("transformers", "transformers.models.whisper.modeling_whisper", needed=False)
    yield _importable("datasets", "datasets", needed=False)


def _importable(package: str, module: str, *, needed: bool) -> Check:
    version = _version(package)
    if version is None and not needed:
        return Check(package, "ok", "not installed; the plugins that need it bring it")
    try:
        vars(importlib.import_module(module))
    except Exception as error:
        detail = f"{version or 'not installed'}: {describe(error)}"
        return Check(package, "broken", detail, f"Reinstall {package}.")
    return Check(package, "ok", str(version))


def _sound() -> Iterator[Check]:
    soundfile = importlib.import_module("soundfile")
    soxr = importlib.import_module("soxr")
    detail = f"{soundfile.__libsndfile_version__} (soundfile {soundfile.__version__})"
    formats = soundfile.available_formats()
    missing = [name for name in ("WAV", "FLAC", "OGG", "MP3") if name not in formats]
    if missing:
        mend = "Install libsndfile 1.1 or newer: pip install --force-reinstall soundfile."
        yield Check("libsndfile", "warning", f"{detail}: cannot read {', '.join(missing)}", mend)
    else:
        yield Check("libsndfile", "ok", detail)
    yield Check("soxr", "ok", soxr.__version__)
    missing_av = "not installed; M4A, WebM and videos need it: pip install 'audioforge[av]'"
    yield Check("av", "ok", _version("av") or missing_av)


def _hub() -> Iterator[Check]:
    constants = importlib.import_module("huggingface_hub.constants")
    offline = constants.HF_HUB_OFFLINE
    mode = "offline: only what the cache holds is found" if offline else constants.ENDPOINT
    mend = "Unset HF_HUB_OFFLINE to download." if offline else ""
    detail = f"{mode}; cache {constants.HF_HUB_CACHE}"
    yield Check("hub", "warning" if offline else "ok", detail, mend)


def _disk() -> Iterator[Check]:
    constants = importlib.import_module("huggingface_hub.constants")
    yield _room("disk: here", Path.cwd(), "Write elsewhere with --output, or make room.")
    yield _room("disk: cache", Path(constants.HF_HUB_CACHE), "Set HF_HOME, or make room.")


def _room(name: str, folder: Path, mend: str) -> Check:
    there = next(p for p in (folder, *folder.parents) if p.exists())
    if not there.is_dir():
        return Check(name, "warning", f"{there} is no folder", mend)
    free = shutil.disk_usage(there).free
    writable = os.access(there, os.W_OK)
    detail = f"{free / GIB:.1f} GiB free in {there}" + ("" if writable else "; not writable")
    if writable and free >= LOW_DISK_BYTES:
        return Check(name, "ok", detail)
    return Check(name, "warning", detail, mend)


def _temporary() -> Iterator[Check]:
    try:
        yield Check("temporary files", "ok", tempfile.gettempdir())
    except FileNotFoundError as error:
        yield Check("temporary files", "broken", str(error), "Set TMPDIR to a writable folder.")


def _plugins() -> Iterator[Check]:
    rows = plugin_rows(discover())
    if not others(rows):
        mend = "Install audioforge[all], or the plugins you need."
        yield Check("plugins", "warning", "none is loaded", mend)
    for row in rows:
        name = f"plugin {row['distribution']}"
        if row["error"]:
            mend = f"Reinstall or update {row['distribution']}, or uninstall it."
            yield Check(name, "broken", row["error"], mend)
        else:
            yield Check(name, "ok", row["version"])


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


LOOKS: tuple[Callable[[], Iterator[Check]], ...] = (
    _python,
    _torch,
    _companions,
    _libraries,
    _sound,
    _hub,
    _disk,
    _temporary,
    _plugins,
)
