"""What a run is made with besides its settings and data: files, and the code of plugins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from audioforge.config import VerifierSetting
from audioforge.files.paths import is_file, is_folder
from audioforge.find_adapter import choose_adapter
from audioforge.find_dataset import chosen_dataset
from audioforge.hub.snapshot import cached
from audioforge.judging.verifier_models import VerifierModels
from audioforge.model import Task
from audioforge.plugin_reference import read_plugin_reference
from audioforge.plugins import Registry, checked_options
from audioforge.run.identity.code import CodeIdentity, code_identities
from audioforge.run.identity.file_digests import file_digest, folder_digests
from audioforge.run.run import Run
from audioforge.specs import AugmentationSpec, DatasetSpec, Provided

WEIGHTS = ("*.safetensors",)
"""Files of a base model that are not digested: its weights are compared as they are loaded."""

Files = dict[str, str | None]
"""Digests by what the file is to the run, and its place."""


@frozen
class Ingredients:
    """Files and code of a run.

    Attributes:
        files: Digests by what the file is to the run and its place; None for one that cannot be
            read.
        code: The code's identity, by the name of the distribution.
    """

    files: Mapping[str, str | None]
    code: Mapping[str, CodeIdentity]


def ingredients(run: Run) -> Ingredients:
    """Digest what a run is made with.

    Raises:
        AudioForgeError: If something of it is gone since the run was made ready.
    """
    files = _checkpoint_files("base model", run.model_name, leave_out=WEIGHTS)
    known = {run.model_name}
    plugins = [_adapter(run.registry, run.model_name, run.task.name, run.config.adapter)]
    models = run.verification.context.load_model
    for checkpoint, task in models.loaded if isinstance(models, VerifierModels) else ():
        files |= _checkpoint_files("model of a verifier", checkpoint)
        known.add(checkpoint)
        plugins.append(_adapter(run.registry, checkpoint, task, None))
    for what, provided, options in _with_options(run):
        plugins.append(provided)
        # What these read is compared sample by sample.
        is_data = isinstance(provided.spec, DatasetSpec | AugmentationSpec)
        for key, value in options.items():
            for named in _named(value):
                if is_file(path := Path(named).expanduser()):
                    files[f"{what}, option {key}: {named}"] = file_digest(path)
                elif str(named) not in known and not is_data:
                    files |= _checkpoint_files(f"{what}, option {key}", str(named))
    code = code_identities(run.registry, {provided.distribution for provided in plugins})
    return Ingredients(files, code)


def _adapter(registry: Registry, checkpoint: str, task: Task, name: str | None) -> Provided:
    if name is not None:
        return registry.find("models", name)
    return choose_adapter(registry, checkpoint, task)


def _with_options(run: Run) -> Iterator[tuple[str, Provided, dict[str, Any]]]:
    """Yield verifiers, aggregator, selection, augmentations and datasets with their options."""
    registry, config = run.registry, run.config
    metrics = [VerifierSetting.parse(name) for name in run.task.metric_verifiers]
    for setting in [*metrics, *run.verification.settings]:
        provided = registry.find("verifiers", setting.name)
        options = checked_options(provided, setting.options)
        yield f"verifier {setting.id}", provided, options
    for kind, plugin in (("aggregator", config.reward_aggregator), ("selection", config.selection)):
        name, given = read_plugin_reference(plugin)
        provided = registry.find(f"{kind}s", name)
        yield f"{kind} {name}", provided, checked_options(provided, given)
    for index, plugin in enumerate(config.augment):
        name, given = read_plugin_reference(plugin)
        provided = registry.find("augmentations", name)
        yield f"augment[{index}] {name}", provided, checked_options(provided, given)
    named = (config.dataset, config.eval_dataset, config.test_dataset, *config.retention_dataset)
    for text in filter(None, named):
        yield f"dataset {text}", *chosen_dataset(registry, text)


def _named(value: Any) -> Iterator[str | Path]:
    """Yield the paths and texts in an option's value, each of which may name files."""
    if isinstance(value, str | Path):
        if str(value):
            yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _named(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _named(item)


def _checkpoint_files(what: str, checkpoint: str, leave_out: tuple[str, ...] = ()) -> Files:
    """Return the files of a checkpoint; none where it is no folder, and not in the hub's cache."""
    path = Path(checkpoint).expanduser()
    folder = path if is_folder(path) else cached(checkpoint)
    if folder is None:
        return {}
    digests = folder_digests(folder, leave_out)
    return {f"{what} {checkpoint}: {name}": digest for name, digest in digests.items()}
