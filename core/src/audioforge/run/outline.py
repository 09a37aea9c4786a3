"""What other processes are told of a run so that they can do a part of it."""

from __future__ import annotations

from audioforge.config import BenchmarkConfig
from audioforge.executor import Outline
from audioforge.plugins import Registry
from audioforge.plugins.given_function import PYTHON
from audioforge.verifier import VerifierContext


def outline_of(
    registry: Registry, config: BenchmarkConfig, language: str | None, context: VerifierContext
) -> Outline:
    """Return the outline of a run.

    Args:
        registry: What is installed, and what was given in Python.
        config: The settings, with what the data decided; how the metric is called that decides
            does not matter elsewhere.
        language: What the model is told to transcribe.
        context: What the run told its verifiers.
    """
    given = [
        name
        for plugin in registry.plugins
        if plugin.distribution == PYTHON
        for kind, name in plugin.given
        if kind != "datasets"  # what is given as data is written down, and travels as files
    ]
    return Outline(
        settings=config.as_mapping(),
        language=language,
        labels=tuple(context.labels),
        corpus=context.corpus,
        given=tuple(given),
        plugin_files=tuple(plugin.file for plugin in registry.plugins if plugin.file is not None),
    )
