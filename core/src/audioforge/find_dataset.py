"""Finding the dataset that a user means: a registered name, a path, or a hub id."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, cast

import attrs

from audioforge.dataset import Dataset, DatasetRequest
from audioforge.errors import AudioForgeError, DatasetError, describe, did_you_mean
from audioforge.files.addresses import file_name, is_address, shown, split_settings
from audioforge.files.below import files_below
from audioforge.isolation.copies import copied_from_dataset
from audioforge.isolation.global_state.restored import global_state_restored
from audioforge.plugin_reference import parse_plugin_reference
from audioforge.plugins import OWN_DISTRIBUTIONS, Registry, call_factory, checked_options
from audioforge.plugins.options import structure_options
from audioforge.remote.dataset import RemoteDataset
from audioforge.sample import AudioSample, Problem
from audioforge.specs import DatasetSpec, Provided

REQUEST_FIELDS = {a.name for a in attrs.fields(DatasetRequest)} - {"location"}
FORMAT = "format"
"""The setting that chooses what reads a path, for paths that several plugins read."""

MOST_FILES = 100_000
"""Files of a folder that are looked at for one that some format reads."""


def open_dataset(registry: Registry, text: str, defaults: DatasetRequest) -> Dataset:
    """Return the dataset that `text` names.

    Args:
        registry: What is installed.
        text: A registered name, a path, or a hub id, with settings of its own where they differ
            from the defaults: "librispeech:split=validation.clean". Where several plugins read a
            path, "folder:format=distribution/name" says which is meant.
        defaults: The request's other fields, as the run's flags give them.

    Raises:
        DatasetError: If nothing fits, or what is there cannot be read.
        ConfigError: If one of its own settings is of the wrong type.
    """
    location, settings, provided = _chosen(registry, text)
    own = {k: v for k, v in settings.items() if k in REQUEST_FIELDS}
    fields = structure_options(location, DatasetRequest, {"location": location, **own})
    request = attrs.evolve(defaults, **{k: fields[k] for k in ("location", *own)})
    options = _checked(provided, settings)

    def made(request: DatasetRequest) -> Dataset:
        dataset = call_factory(provided, request, **options)
        if provided.distribution in OWN_DISTRIBUTIONS:
            return cast("Dataset", dataset)
        return _Guarded(provided, dataset)

    return RemoteDataset(request, made) if is_address(location) else made(request)


def chosen_dataset(registry: Registry, text: str) -> tuple[Provided, dict[str, Any]]:
    """Return whose dataset `text` names, and the options that it would be opened with.

    Raises:
        DatasetError: As `open_dataset` does.
        ConfigError: If an option is wrong.
    """
    _, settings, provided = _chosen(registry, text)
    return provided, _checked(provided, settings)


def _chosen(registry: Registry, text: str) -> tuple[str, dict[str, str], Provided]:
    """Return the location that a text names, its settings, and what serves it."""
    if not text.strip():
        raise DatasetError("the dataset has no name: give a name, a path, or a hub id")
    if is_address(text):
        location, settings = split_settings(text)
    else:
        location, settings = (text, {}) if _is_there(text) else parse_plugin_reference(text)
    chosen = settings.get(FORMAT)
    provided = find_dataset(registry, location) if chosen is None else _named(registry, chosen)
    return location, settings, provided


def _checked(provided: Provided, settings: dict[str, str]) -> dict[str, Any]:
    """Return the options of a dataset among the settings of a plugin reference, checked."""
    own = {k: v for k, v in settings.items() if k not in REQUEST_FIELDS | {FORMAT}}
    return checked_options(provided, own)


class _Guarded(Dataset):
    """A third party's dataset, whose failures are told as its own.

    Args:
        provided: The dataset's specification, with the distribution that it is from.
        dataset: The dataset that is guarded.
    """

    def __init__(self, provided: Provided, dataset: Dataset) -> None:
        self._provided, self._dataset = provided, dataset

    def __getattr__(self, name: str) -> Any:
        """Return whatever else it has."""
        return getattr(self._dataset, name)

    def load(self) -> Iterator[AudioSample | Problem]:
        """Yield what it yields.

        Raises:
            DatasetError: If it fails, with its name.
        """
        whose = f"dataset '{self._provided.full_name}'"
        try:
            with global_state_restored(whose, "load"):
                for number, item in enumerate(self._dataset.load(), 1):
                    yield _taken(number, item)
        except (AudioForgeError, KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:  # a plugin is foreign code, and may even call sys.exit
            raise DatasetError(
                f"{whose} failed: {describe(error)}. Mend or update {self._provided.distribution}."
            ) from error


def _taken(number: int, item: object) -> AudioSample | Problem:
    """Return an item of a dataset as something that the dataset cannot change any more.

    Raises:
        TypeError: If it is something else, or its id is no text: that goes into keys, file names
            and JSON.
    """
    if isinstance(item, Problem):
        return item
    if not isinstance(item, AudioSample):
        raise TypeError(f"item {number} is {type(item).__name__}, not AudioSample or Problem")
    if not (isinstance(item.id, str) and item.id):
        raise TypeError(f"the id of item {number} must be text, not {item.id!r}")
    return copied_from_dataset(item)


def find_dataset(registry: Registry, location: str) -> Provided:
    """Return the specification that serves a location.

    Raises:
        DatasetError: If nothing fits, with the names that are known.
    """
    provided = registry.all("datasets")
    corpora = [p for p in provided if _spec(p).is_corpus]
    if any(p.is_called(location) for p in corpora):
        return registry.find("datasets", location)
    if is_address(location):
        return _format_at(registry, location, provided)
    if _is_there(location):
        return _format_of(registry, Path(location), provided)
    hub = [p for p in provided if _spec(p).hub]
    if hub and _looks_like_hub_id(location) and not location.lower().endswith(_suffixes(provided)):
        return _only(location, hub)
    known = did_you_mean(location, [p.spec.name for p in corpora])
    raise DatasetError(
        f"dataset '{location}': there is no such file or folder, and no dataset has that name. "
        f"{known} A dataset is a name, a path, or a hub id such as 'owner/name'."
        f"{registry.why_missing('datasets')}"
    )


def _format_of(registry: Registry, path: Path, provided: list[Provided]) -> Provided:
    formats = [p for p in provided if not _spec(p).is_corpus]
    fitting = [p for p in formats if _fit(_spec(p), path)]
    if fitting:
        return _only(str(path), sorted(fitting, key=lambda p: -_fit(_spec(p), path)))
    if not formats:
        raise DatasetError(f"{path}: nothing installed reads it.{registry.why_missing('datasets')}")
    if path.is_file():
        raise DatasetError(
            f"{path}: no dataset format has this ending. Known: {', '.join(_suffixes(formats))}."
        )
    if not path.is_dir():
        raise DatasetError(
            f"{path}: it is a pipe or a device, of which nobody knows how long it is; save what it "
            f"gives to a file first"
        )
    return _folder_format(path, formats)


def _folder_format(folder: Path, formats: list[Provided]) -> Provided:
    """Return what reads a folder that has no marker, by the files that it holds.

    Raises:
        DatasetError: If it holds none, or a file beside them that may say what they are.
    """
    held = tuple({ending for p in formats for ending in _spec(p).holds})
    telling = _files_in(folder, tuple(s for s in _suffixes(formats) if s not in held))
    holding = [p for p in formats if _spec(p).holds and _holds(folder, _spec(p).holds)]
    own = [p for p in holding if p.distribution in OWN_DISTRIBUTIONS]
    if holding and not telling and len(own) < 2:
        return _only(str(folder), holding)
    if holding:
        names = [p.spec.name for p in own or holding]
        wanted = f"give the file that says what the others are: {', '.join(telling)}"
        several = f"several formats read it: {', '.join(names)}"
        choices = " or ".join(f"{folder}:{FORMAT}={name}" for name in names)
        raise DatasetError(
            f"{folder}: {wanted if telling else several}. Or say what to read: {choices}"
        )
    expected = [m for p in formats for m in sorted(_spec(p).markers)]
    if held:
        expected.append(f"files that end in {', '.join(sorted(held))}")
    raise DatasetError(
        f"{folder}: the folder holds no dataset. Expected one of: {', '.join(expected)}."
        + (f" Or give one of its files: {', '.join(telling)}." if telling else "")
    )


def _format_at(registry: Registry, address: str, provided: list[Provided]) -> Provided:
    """Return what reads the file at an address, by its name's ending."""
    name = file_name(address)
    formats = [p for p in provided if not _spec(p).is_corpus]
    fitting = [p for p in formats if _ending(_spec(p), name)]
    if fitting:
        return _only(shown(address), sorted(fitting, key=lambda p: -_ending(_spec(p), name)))
    raise DatasetError(
        f"{shown(address)}: no dataset format has this ending. Give the address of one file, "
        f"such as a table; known: {', '.join(_suffixes(formats))}. A dataset of the hub goes by "
        f"its id, such as 'owner/name'.{registry.why_missing('datasets')}"
    )


def _spec(provided: Provided) -> DatasetSpec:
    return cast("DatasetSpec", provided.spec)


def _ending(spec: DatasetSpec, name: str) -> int:
    """Return the length of the ending by which a format reads a file of this name; 0 of none."""
    return max((len(s) for s in spec.suffixes if name.lower().endswith(s)), default=0)


def _fit(spec: DatasetSpec, path: Path) -> int:
    """Return how closely a path fits: the length of its ending, 1 of a marker, 0 if it does not."""
    if path.is_file():
        return _ending(spec, path.name)
    return int(path.is_dir() and any(next(path.glob(m), None) is not None for m in spec.markers))


def _holds(folder: Path, endings: tuple[str, ...]) -> bool:
    with _explained(folder):
        files = islice(files_below(folder), MOST_FILES)
        return any(path.name.lower().endswith(endings) for path in files)


def _files_in(folder: Path, endings: tuple[str, ...], most: int = 3) -> list[str]:
    with _explained(folder):
        files = sorted(path.name for path in folder.iterdir())
        return [name for name in files if name.lower().endswith(endings)][:most]


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DatasetError(f"{folder}: cannot be read: {error.strerror or error}") from error


def _only(location: str, fitting: list[Provided]) -> Provided:
    """Return what reads a location.

    AudioForge's own formats come first: a third party's must not take a manifest away from them.

    Raises:
        DatasetError: If several third parties' do.
    """
    own = [p for p in fitting if p.distribution in OWN_DISTRIBUTIONS]
    if own or len(fitting) == 1:
        return (own or fitting)[0]
    names = " and ".join(p.full_name for p in fitting)
    raise DatasetError(
        f"{location}: {names} read it: choose one, as in {location}:{FORMAT}={fitting[0].full_name}"
    )


def _named(registry: Registry, name: str) -> Provided:
    """Return the format that a user chose by its name."""
    provided = registry.find("datasets", name)
    if _spec(provided).is_corpus:
        raise DatasetError(f"{FORMAT}={name}: is a corpus, and asked for by its name alone")
    return provided


def _is_there(location: str) -> bool:
    """Say whether a path exists; what is too long for a path is something else.

    Raises:
        DatasetError: If it exists and cannot be reached.
    """
    try:
        Path(location).stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return False
        raise DatasetError(f"{location}: cannot be read: {error.strerror or error}") from error
    return True


def _suffixes(provided: list[Provided]) -> tuple[str, ...]:
    return tuple(sorted({s for p in provided for s in _spec(p).suffixes}))


def _looks_like_hub_id(location: str) -> bool:
    owner, slash, name = location.partition("/")
    return bool(owner and slash and name) and "/" not in name and not location.startswith(".")
