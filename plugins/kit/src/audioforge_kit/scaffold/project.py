"""A new plugin's project: templates filled in, written as a whole or not at all."""

from __future__ import annotations

import keyword
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from importlib import metadata, resources
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

from audioforge.errors import UsageError
from audioforge.files import atomic
from audioforge.plugins import API_VERSION, OWN_DISTRIBUTIONS, discover, restriction

PREFIX = "audioforge-"
LONGEST = 60
"""Letters of a name; file systems take names of files up to 255 bytes."""

SUMMARIES = {
    "verifier": "Rewards transcripts that are as long as what was said.",
    "model": "Classifies sounds by their spectrum.",
    "dataset": "Reads folders of sound files with {name}.tsv.",
    "aggregator": "Harmonic mean of the rewards: the lowest count most.",
    "selection": "Keeps each clip's best hypothesis, by how much it is above the clip's mean.",
    "tracker": "Writes the figures of a run into a table, trackers/{name}.csv.",
    "executor": "Leaves a pause after each batch, for others who use the machine.",
    "exporter": "Writes a checkpoint's weights as an archive of NumPy arrays.",
    "augmentation": "Plays training clips louder or softer.",
}
"""Kinds of plugins, and what a new one does until its author changes it."""

USES = {
    "verifier": "audioforge verify predictions.jsonl --verifier {name}",
    "model": "audioforge benchmark --task classification --model CHECKPOINT --dataset DATA",
    "dataset": "audioforge datasets show FOLDER",
    "aggregator": "audioforge train --config run.yaml --aggregator {name}",
    "selection": "audioforge train --config run.yaml --selection {name}",
    "tracker": "audioforge train --config run.yaml --log-with {name}",
    "executor": "audioforge train --config run.yaml --executor {name}",
    "exporter": "audioforge export RUN --format {name} --output FOLDER",
    "augmentation": "audioforge train --config run.yaml --augment {name}",
}


def write_project(name: str, kind: str, parent: Path, summary: str | None = None) -> Path:
    """Write a project with a plugin of its own.

    Args:
        name: Name of the plugin, such as "politeness"; "audioforge-" before it is left out.
        kind: A key of `SUMMARIES`.
        parent: Folder that the project's folder is made in.
        summary: What the plugin does, on one line; None for what the templates do.

    Returns:
        The project's folder.

    Raises:
        UsageError: If the name or the summary cannot be used, or something is there already.
    """
    name = name.removeprefix(PREFIX)
    _check_name(name, kind)
    folder = parent / f"{PREFIX}{name}"
    if folder.exists() or folder.is_symlink():
        raise UsageError(f"{folder}: is there already; choose another name, or move it away")
    values = _values(name, kind, summary)
    try:
        parent.mkdir(parents=True, exist_ok=True)
        with atomic.new_folder(folder) as scratch:
            for path, text in _files(kind, values):
                target = scratch / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written: {error.strerror or error}") from error
    return folder


def _check_name(name: str, kind: str) -> None:
    if not re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", name):
        raise UsageError(
            f"'{name}': a name has lower-case letters and digits, with single '-' between them, as "
            f"in phone-digits"
        )
    if len(name) > LONGEST:
        raise UsageError(f"'{name}': has more than {LONGEST} letters; choose a shorter name")
    if f"{PREFIX}{name}" in OWN_DISTRIBUTIONS:
        raise UsageError(f"'{PREFIX}{name}' is AudioForge's own; choose another name")
    if restriction() is None and name in _own_names(f"{kind}s"):
        raise UsageError(f"{kind} '{name}' is AudioForge's own; choose another name")


def _own_names(kind: str) -> list[str]:
    """Return what AudioForge's own plugins that are installed hold of a kind of names."""
    return discover(",".join(OWN_DISTRIBUTIONS)).names(kind)


def _values(name: str, kind: str, summary: str | None) -> dict[str, str]:
    """Return what the templates are filled with; nothing is asked that can be derived."""
    author = "".join(c for c in _git("user.name") if c.isprintable() and c not in '\\"')
    return {
        "name": name,
        "distribution": f"{PREFIX}{name}",
        "package": f"{PREFIX}{name}".replace("-", "_"),
        "class_name": _class_name(name, kind),
        "module": kind,
        "summary": SUMMARIES[kind].format(name=name) if summary is None else _checked(summary),
        "use": USES[kind].format(name=name),
        "api_version": str(API_VERSION),
        "authors": f'authors = [{{ name = "{author}" }}]\n' if author else "",
        "requirement": requirement("audioforge", metadata.version("audioforge")),
        "kit_requirement": requirement("audioforge-kit", metadata.version("audioforge-kit")),
    }


def _checked(summary: str) -> str:
    """Return a summary that can stand in quotes on one line."""
    if not summary.strip() or not summary.isprintable() or set(summary) & {'"', "\\"}:
        raise UsageError(f"--summary {summary!r}: one line of text, without quotes and backslashes")
    return summary.strip()


def _class_name(name: str, kind: str) -> str:
    words = "".join(word.capitalize() for word in name.split("-"))
    words = words if words.isidentifier() and not keyword.iskeyword(words) else f"The{words}"
    taken = any(
        re.search(rf"\b{words}\b", template.read_text(encoding="utf-8"))
        for _, template in _templates(kind)
    )
    return f"{words}{kind.capitalize()}" if taken else words


def requirement(distribution: str, version: str) -> str:
    """Return the versions that a plugin works with when it was written with one of them.

    >>> requirement("audioforge", "0.3.2"), requirement("audioforge-kit", "1.4.0")
    ('audioforge>=0.3,<0.4', 'audioforge-kit>=1.4,<2')
    """
    major, minor = (int(part) for part in version.split(".")[:2])
    end = f"0.{minor + 1}" if major == 0 else f"{major + 1}"
    return f"{distribution}>={major}.{minor},<{end}"


def _git(key: str) -> str:
    """Return a setting of git, or nothing."""
    git = shutil.which("git")
    if git is None:
        return ""
    done = subprocess.run(  # noqa: S603
        [git, "config", "--get", key], capture_output=True, check=False
    )
    return done.stdout.decode(errors="ignore").strip()


def _files(kind: str, values: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    for path, template in _templates(kind):
        filled = path.replace("__package__", values["package"]).replace("__dot__", ".")
        text = template.read_text(encoding="utf-8")
        yield Path(filled), Template(text).substitute(values)
    if licence := _licence():
        yield Path("LICENSE"), licence


def _templates(kind: str) -> Iterator[tuple[str, Traversable]]:
    root = resources.files("audioforge_kit.scaffold") / "templates"
    for part in ("common", kind):
        yield from _walk(root / part, "")


def _walk(folder: Traversable, path: str) -> Iterator[tuple[str, Traversable]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _walk(entry, f"{path}{entry.name}/")
        elif entry.name.endswith(".tmpl"):
            yield f"{path}{entry.name.removesuffix('.tmpl')}", entry


def _licence() -> str | None:
    """Return the text of the Apache licence, which is AudioForge's own."""
    return metadata.distribution("audioforge").read_text("licenses/LICENSE")
