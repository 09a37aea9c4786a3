"""What code a run is made with: version and content of AudioForge and of each plugin it uses.

The version alone would not do: a plugin that is being written is installed in place, and changes
without one.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

from attrs import frozen

from audioforge.plugins import CORE, Registry
from audioforge.plugins.given_function import GivenFunction
from audioforge.plugins.registry import Plugin
from audioforge.run.identity.file_digests import file_digest

SUFFIXES = (".py", ".so", ".pyd")


@frozen
class CodeIdentity:
    """One distribution, or one file that is a plugin.

    Attributes:
        version: Version of the distribution; empty for a file.
        digest: Digest of all modules, in hexadecimal, wherever they lie.
    """

    version: str
    digest: str


def code_identities(registry: Registry, distributions: Iterable[str]) -> dict[str, CodeIdentity]:
    """Return what code is there of AudioForge and of plugins, by the name of the distribution.

    Args:
        registry: What is installed.
        distributions: Names of the distributions that the run uses.
    """
    found = {CORE: CodeIdentity(metadata.version(CORE), _digest(_modules_of(CORE, [CORE])))}
    for name in sorted(set(distributions)):
        plugins = [plugin for plugin in registry.plugins if plugin.distribution == name]
        files = [plugin.file for plugin in plugins if plugin.file is not None]
        if any(plugin.given for plugin in plugins):
            found |= {
                f"{name}/{called}": CodeIdentity("", given.digest())
                for plugin in plugins
                for (_, called), given in plugin.given.items()
                if isinstance(given, GivenFunction)  # data are compared sample by sample
            }
        elif files:
            found[name] = CodeIdentity("", _digest({"": file} for file in files))
        else:
            named = {module for plugin in plugins for module in _named_modules(plugin)}
            found[name] = CodeIdentity(plugins[0].version, _digest(_modules_of(name, named)))
    return found


def code_changes(then: dict[str, CodeIdentity], now: dict[str, CodeIdentity]) -> list[str]:
    """Return a sentence for each distribution whose code is another one.

    A file under another name with the same content is the same plugin.
    """
    gone, new = then.keys() - now.keys(), now.keys() - then.keys()
    renamed = {then[name] for name in gone} & {now[name] for name in new}
    sentences = []
    for name in sorted({*then, *now}):
        before, after = then.get(name), now.get(name)
        if before == after or (before or after) in renamed:
            continue
        if before is None:
            sentences.append(f"the code of {name}: was no part of the run")
        elif after is None:
            sentences.append(f"the code of {name}: is no part of it any more")
        elif before.version != after.version:
            sentences.append(f"{name}: was version {before.version}, is {after.version}")
        else:
            still = f", which is still version {after.version}" if after.version else ""
            sentences.append(f"the code of {name}{still}: changed")
    return sentences


def _named_modules(plugin: Plugin) -> Iterator[str]:
    """Yield the modules that an entry point and its specifications name."""
    yield plugin.entry_point.partition(" = ")[2].partition(":")[0].partition("[")[0].strip()
    for specs in plugin.provides.values():
        for spec in specs:
            yield from (text.partition(":")[0] for text in (spec.factory, spec.options) if text)


def _modules_of(distribution: str, named: Iterable[str]) -> Iterator[dict[str, Path]]:
    """Yield the files of a distribution's code by their names on the import path.

    A wheel lists its files; one that is installed in place does not, so that the packages in which
    the named modules are count too.
    """
    try:
        listed = metadata.files(distribution) or []
    except metadata.PackageNotFoundError:
        listed = []
    yield {file.as_posix(): Path(str(file.locate())) for file in listed if file.suffix in SUFFIXES}
    for package, places in set(map(_package_of, named)):  # of many modules it is one
        yield _files_of(package, places)


def _package_of(module: str) -> tuple[str, tuple[Path, ...]]:
    """Return the outermost regular package that holds a module, or itself, and where that lies."""
    top, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):  # an odd loader; its version is all that is known
        return top, ()
    if spec is None:
        return top, ()
    if spec.submodule_search_locations is None:
        return f"{top}.py", (Path(spec.origin),) if spec.origin else ()
    name, folders = top, [Path(folder) for folder in spec.submodule_search_locations]
    while rest and not any((folder / "__init__.py").is_file() for folder in folders):
        part = rest.pop(0)  # a namespace: others' packages lie beside this one
        name, folders = f"{name}/{part}", [folder / part for folder in folders]
    return name, (*folders,)


def _files_of(name: str, places: tuple[Path, ...]) -> dict[str, Path]:
    """Return the files of code in a package's folders, or the one file that a module is."""
    if name.endswith(".py"):
        return dict(zip([name], places, strict=False))
    single = {f"{name}{s}": f.with_name(f.name + s) for f in places for s in SUFFIXES}
    return {n: path for n, path in single.items() if path.is_file()} | {
        f"{name}/{path.relative_to(folder).as_posix()}": path
        for folder in places
        for path in folder.rglob("*")
        if path.suffix in SUFFIXES and path.is_file()
    }


def _digest(parts: Iterable[dict[str, Path]]) -> str:
    files = {name: path for part in parts for name, path in part.items()}
    digest = hashlib.blake2b(digest_size=16)
    for name, path in sorted(files.items()):
        digest.update(f"{name} {file_digest(path)} ".encode(errors="surrogateescape"))
    return digest.hexdigest()
