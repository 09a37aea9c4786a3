"""The models that verifiers ask for, such as a recogniser that listens to generated speech."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field

from audioforge.find_adapter import load_adapter
from audioforge.model import LoadOptions, ModelAdapter, Task
from audioforge.plugins import Registry


@define(eq=False)
class VerifierModels:
    """Loads a checkpoint with the adapter that serves it, once per process.

    Attributes:
        registry: What is installed.
        device: The torch device that models are loaded onto, or what finds it.
        loaded: The adapters that were asked for, by checkpoint and task.
    """

    registry: Registry
    device: str | Callable[[], str]
    loaded: dict[tuple[str, Task], ModelAdapter] = field(factory=dict)

    def __call__(self, checkpoint: str, task: Task) -> ModelAdapter:
        """Return the adapter of a checkpoint, which all who ask share.

        Raises:
            CheckpointError: If the checkpoint cannot be read.
            PluginError: If no installed adapter serves it.
        """
        key = (checkpoint, task)
        if key not in self.loaded:
            device = self.device if isinstance(self.device, str) else self.device()
            options = LoadOptions(device=device)
            self.loaded[key] = load_adapter(self.registry, checkpoint, task, options)
        return self.loaded[key]
