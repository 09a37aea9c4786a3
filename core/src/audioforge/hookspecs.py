"""Every hook that a plugin can implement.

A plugin is a module (or object) named by an entry point of the group `audioforge`:

    [project.entry-points.audioforge]
    politeness = "audioforge_politeness.plugin"

and implements one or more hooks with the marker `hookimpl`:

    from audioforge.hookspecs import hookimpl
    from audioforge.specs import VerifierSpec

    @hookimpl
    def register_verifiers():
        return [VerifierSpec(name="politeness", summary="…", tasks=("asr",),
                             factory="audioforge_politeness.verifier:Politeness")]

There is one hook for each kind of thing. Hooks return data only. A plugin module must be quick to
import: no torch, no transformers; what is heavy stands behind the "package.module:Class" strings of
a specification and is imported when it is asked for. A plugin that raises in a hook is listed as
failed by `audioforge plugins list`, and the others go on. Subcommands are not a hook: they are
entry points of the group `audioforge.commands` (`name = "package.module:click_command"`), so that
`audioforge --help` imports none of them.
"""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from audioforge.specs import (
    AggregatorSpec,
    AugmentationSpec,
    DatasetSpec,
    ExecutorSpec,
    ExporterSpec,
    ModelSpec,
    SelectionSpec,
    TrackerSpec,
    VerifierSpec,
)

hookspec = pluggy.HookspecMarker("audioforge")
hookimpl = pluggy.HookimplMarker("audioforge")


@hookspec
def register_models() -> Iterable[ModelSpec]:
    """Return the model adapters that the plugin provides.

    An adapter is chosen by the checkpoint's own `config.json`: the specification's `serves` must
    name its `model_type` and one of its `architectures` for the task at hand.
    """
    return ()


@hookspec
def register_verifiers() -> Iterable[VerifierSpec]:
    """Return the verifiers that the plugin provides."""
    return ()


@hookspec
def register_datasets() -> Iterable[DatasetSpec]:
    """Return the named corpora and the file formats that the plugin reads."""
    return ()


@hookspec
def register_aggregators() -> Iterable[AggregatorSpec]:
    """Return the reward aggregators that the plugin provides."""
    return ()


@hookspec
def register_selections() -> Iterable[SelectionSpec]:
    """Return the selections that the plugin provides: what a cycle learns from."""
    return ()


@hookspec
def register_trackers() -> Iterable[TrackerSpec]:
    """Return the trackers that the plugin provides: what shows a run elsewhere while it works."""
    return ()


@hookspec
def register_executors() -> Iterable[ExecutorSpec]:
    """Return the executors that the plugin provides: who samples, measures and updates."""
    return ()


@hookspec
def register_exporters() -> Iterable[ExporterSpec]:
    """Return the exporters that the plugin provides: a checkpoint for another engine."""
    return ()


@hookspec
def register_augmentations() -> Iterable[AugmentationSpec]:
    """Return the augmentations that the plugin provides: training clips as they might sound."""
    return ()
