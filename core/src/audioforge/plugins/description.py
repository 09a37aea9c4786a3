"""What `audioforge plugins info` tells: facts of a plugin, and of each thing that it provides."""

from __future__ import annotations

import json
import re
import shlex
from importlib import metadata
from typing import Any, cast

import attrs

from audioforge.errors import PluginError, describe
from audioforge.plugins.installed import COMMANDS_GROUP, installed_entry_points
from audioforge.plugins.registry import Plugin, Registry, import_factory, import_object
from audioforge.specs import (
    KINDS,
    AggregatorSpec,
    AugmentationSpec,
    DatasetSpec,
    ExecutorSpec,
    ExporterSpec,
    ModelSpec,
    Provided,
    SelectionSpec,
    Spec,
    TrackerSpec,
    VerifierSpec,
)
from audioforge.tasks import DEFAULT_TASK, speech_task

OF_TRAIN = {
    AggregatorSpec: "--verifier wer --verifier hallucination --aggregator",
    SelectionSpec: "--selection",
    AugmentationSpec: "--augment",
    TrackerSpec: "--log-with",
    ExecutorSpec: "--executor",
}
"""What stands before the name of a thing of a kind that `audioforge train` takes."""

BETTER = {True: "higher is better", False: "lower is better", None: "decides nothing"}
"""What `higher_is_better` of a corpus metric says."""


def describe_plugin(plugins: list[Plugin]) -> dict[str, Any]:
    """Return what there is to know of a distribution.

    Args:
        plugins: The distribution's entry points, at least one.
    """
    first = plugins[0]
    about = _metadata(first)
    errors = "; ".join(error for plugin in plugins for error in plugin.errors)
    return {
        "kind": "plugin",
        "name": first.distribution,
        "summary": about.get("Summary") or ("a single file" if first.file else ""),
        "facts": {
            "version": first.version or None,
            "plugin API": first.api_version,
            "licence": about.get("License-Expression") or about.get("License"),
            "author": about.get("Author") or about.get("Author-email"),
            "home": about.get("Home-page") or about.get("Project-URL"),
            "origin": str(first.file) if first.file else _place(first),
            "entry points": [plugin.entry_point for plugin in plugins],
        },
        "provides": [
            {"kind": kind.removesuffix("s"), "name": spec.name, "summary": spec.summary}
            for plugin in plugins
            for kind in KINDS
            for spec in plugin.provides[kind]
        ]
        + [
            {"kind": "command", "name": entry_point.name, "summary": entry_point.value}
            for entry_point, _, _ in installed_entry_points(COMMANDS_GROUP, first.distribution)
        ],
        "error": errors or None,
    }


def describe_provided(kind: str, provided: Provided, registry: Registry) -> dict[str, Any]:
    """Return what there is to know of one thing that a plugin provides; imports its factory."""
    # What the specification says is known without importing anything.
    spec = provided.spec
    plugin = next(p for p in registry.plugins if any(s is spec for s in p.provides[kind]))
    plain = _plain_name(registry, kind, provided)
    facts: dict[str, Any] = {
        "full name": provided.full_name,
        "from": f"{provided.distribution} {plugin.version}".rstrip(),
        "plugin API": plugin.api_version,
        "licence": _metadata(plugin).get("License-Expression") or _metadata(plugin).get("License"),
        "factory": spec.factory,
    }
    description: dict[str, Any] = {
        "kind": kind.removesuffix("s"),
        "name": spec.name,
        "summary": spec.summary,
        "facts": facts,
        "options": [],
        "error": None,
    }
    facts |= _facts_of_spec(spec)
    if isinstance(spec, ModelSpec):
        description["checkpoints"] = [
            {"checkpoint": c.id, "note": c.note} for c in spec.checkpoints
        ]
    # The rest stands in the plugin's own modules, which may fail: the error is a fact like others.
    try:
        if spec.options:
            description["options"] = _options(import_object(provided, spec.options))
        factory = import_factory(provided)
        if isinstance(spec, VerifierSpec):
            facts |= _facts_of_verifier(factory)
        if isinstance(spec, SelectionSpec):
            facts |= _facts_of_selection(factory)
    except PluginError as error:
        description["error"] = str(error)
    except Exception as error:  # attributes that are not what the contract says
        description["error"] = f"its options or attributes cannot be read: {describe(error)}"
    # An example that can be pasted: the shortest name that is not ambiguous, and required options.
    required = [o["option"] for o in description["options"] if o["default"] == "(required)"]
    flag = f" --plugin {shlex.quote(str(plugin.file))}" if plugin.file else ""
    description["example"] = _example_command(spec, plain, required) + flag
    return description


def _plain_name(registry: Registry, kind: str, provided: Provided) -> str:
    """Return the shortest name that means it."""
    try:
        alone = registry.find(kind, provided.spec.name).full_name == provided.full_name
    except PluginError:
        alone = False
    return provided.spec.name if alone else provided.full_name


def _metadata(plugin: Plugin) -> dict[str, str]:
    try:
        about = metadata.metadata(plugin.distribution)
        return {key: about[key] for key in about}
    except metadata.PackageNotFoundError:
        return {}


def _place(plugin: Plugin) -> str | None:
    try:
        distribution = metadata.distribution(plugin.distribution)
        direct = json.loads(distribution.read_text("direct_url.json") or "{}")
        return direct.get("url") or str(distribution.locate_file(""))
    except metadata.PackageNotFoundError:
        return None


def _facts_of_spec(spec: Spec) -> dict[str, Any]:
    if isinstance(spec, ModelSpec):
        return {
            "tasks": sorted({serves.task for serves in spec.serves}),
            "serves": [f"{s.model_type} ({', '.join(s.architectures)})" for s in spec.serves],
        }
    if isinstance(spec, DatasetSpec):
        return {
            "tasks": list(spec.tasks),
            "reads": spec.reads + (["hub ids"] if spec.hub else []),
            "size": spec.size or None,
            "licence of the data": spec.licence or None,
        }
    if isinstance(spec, VerifierSpec | ExporterSpec | AugmentationSpec):
        return {"tasks": list(spec.tasks)}
    return {}


def _facts_of_verifier(factory: Any) -> dict[str, Any]:
    corpus = getattr(factory, "corpus_metrics", ())
    return {
        "metrics": [str(name) for name in getattr(factory, "metrics", ())],
        "corpus metrics": [f"{m.name} ({BETTER[m.higher_is_better]})" for m in corpus],
        "needs a reference": bool(getattr(factory, "needs_reference", True)),
        "scope": str(getattr(factory, "scope", "hypothesis")),
    }


def _facts_of_selection(factory: Any) -> dict[str, Any]:
    of_references = bool(getattr(factory, "learns_from_references", False))
    return {
        "learns from": "references" if of_references else "sampled hypotheses",
        "least hypotheses": int(getattr(factory, "least_hypotheses", 1)),
    }


def _options(options_class: type[Any]) -> list[dict[str, Any]]:
    help_texts = attribute_help(options_class.__doc__ or "")
    return [
        {
            "option": field.name,
            "type": _type_name(field.type),
            "default": _default(field),
            "help": help_texts.get(field.name, ""),
        }
        for field in attrs.fields(attrs.resolve_types(options_class))
    ]


def _type_name(wanted: Any) -> str:
    text = wanted.__name__ if type(wanted) is type else str(wanted)
    return re.sub(r"\b(?:typing|pathlib)\.", "", text)


def _default(field: attrs.Attribute[Any]) -> str:
    default = field.default
    if default is attrs.NOTHING:
        return "(required)"
    if isinstance(default, cast("Any", attrs.Factory)):
        return repr(default.factory()) if not default.takes_self else "(computed)"
    return repr(default) if not isinstance(default, str) else default or "''"


def attribute_help(docstring: str) -> dict[str, str]:
    r"""Return what the section "Attributes:" of a docstring says of each attribute.

    >>> attribute_help("Options.\n\n    Attributes:\n        a: One\n            thing.\n")
    {'a': 'One thing.'}
    """
    section = docstring.partition("Attributes:\n")[2]
    found: dict[str, str] = {}
    name, depth = "", None
    for line in section.splitlines():
        text = line.strip()
        indent = len(line) - len(line.lstrip())
        depth = indent if depth is None and text else depth
        if text and depth is not None and indent < depth:
            break
        start = re.match(r"(\w+)(?: \([^)]*\))?: (.*)", text)
        if start and indent == depth:
            name, found[start[1]] = start[1], start[2]
        elif name and text:
            found[name] += f" {text}"
    return found


def _example_command(spec: Spec, name: str, required: list[str]) -> str:
    options = f":{','.join(f'{option}=…' for option in required)}" if required else ""
    if isinstance(spec, VerifierSpec):
        spoken = next((t for t in spec.tasks if speech_task(t).generates_speech), None)
        if spoken:
            return (
                f"audioforge verify prompts.jsonl --task {spoken} --audio-dir out/ "
                f"--verifier {name}{options}"
            )
        task = "" if DEFAULT_TASK in spec.tasks else f"--task {spec.tasks[0]} "
        return f"audioforge verify predictions.jsonl {task}--verifier {name}{options}"
    if isinstance(spec, ModelSpec):
        model = spec.checkpoints[0].id if spec.checkpoints else "path/to/checkpoint"
        return f"audioforge benchmark --model {model} --dataset heldout.jsonl --adapter {name}"
    if isinstance(spec, DatasetSpec):
        if spec.is_corpus:
            return f"audioforge datasets show {name}{options}"
        what = "owner/name" if spec.hub else f"path/to/data{(spec.suffixes or ('/',))[0]}"
        return f"audioforge datasets show {what}"
    if isinstance(spec, ExporterSpec):
        return f"audioforge export RUN --format {name}{options} --output FOLDER"
    flag = next(flag for kind, flag in OF_TRAIN.items() if isinstance(spec, kind))
    return f"audioforge train --model M --dataset train.jsonl {flag} {name}{options}"
