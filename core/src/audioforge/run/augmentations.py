"""The augmentations of a run, created and checked before anything is read or written."""

from __future__ import annotations

from audioforge.config import AudioRAFTConfig
from audioforge.errors import ConfigError
from audioforge.inference.augmenter import NamedAugmentation
from audioforge.plugin_reference import read_plugin_reference
from audioforge.plugins import Registry


def create_augmentations(registry: Registry, config: AudioRAFTConfig) -> list[NamedAugmentation]:
    """Create what changes the sound of training clips.

    Raises:
        ConfigError: If an option is wrong, or names what cannot be used.
        PluginError: If one is unknown or cannot be created.
    """
    created, problems = [], []
    for index, plugin in enumerate(config.augment):
        name, options = read_plugin_reference(plugin)
        try:
            created.append((name, registry.create("augmentations", name, **options)))
        except ConfigError as error:
            problems += [f"augment[{index}]: {problem}" for problem in error.problems]
    if problems:
        raise ConfigError(problems)
    return created
