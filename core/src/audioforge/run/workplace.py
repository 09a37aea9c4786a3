"""Where parts of a run are done in a process that does not run its loop and read none of its data.

Everything is made from an outline, when it is first asked for, as `prepare` makes it of settings
and data: so the same code samples, measures and learns there, and what comes out is the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import cast

import torch
from attrs import frozen
from safetensors.torch import load, save

from audioforge.config import AudioRAFTConfig
from audioforge.errors import CheckpointError
from audioforge.executor import Executor, Outline
from audioforge.find_adapter import load_adapter
from audioforge.inference.clip_cache import NOTHING_KEPT, ClipCache, digest_of
from audioforge.inference.processes import Processes
from audioforge.inference.stop import StopRequest
from audioforge.judging.verification import Verification
from audioforge.measuring.decoding import Decoding
from audioforge.measuring.evaluation import EvaluationSet
from audioforge.measuring.evaluator import create_evaluator
from audioforge.model import LoadOptions, ModelAdapter, Task
from audioforge.plugins import Registry, discover
from audioforge.run.augmentations import create_augmentations
from audioforge.run.data.run_data import RunData
from audioforge.run.events import Events, Listener
from audioforge.run.folder import RunFolder
from audioforge.run.prepare import create_selection, create_verification
from audioforge.run.run import Run, train_options_of
from audioforge.terminal.reporter import Reporter
from audioforge.torch_companions import hide_broken_companions


@frozen(kw_only=True)
class Weights:
    """The weights and buffers of a model, as they travel.

    Attributes:
        fingerprint: BLAKE2b of all names, types, shapes and values, in hexadecimal.
        content: The tensors as safetensors.
    """

    fingerprint: str
    content: bytes

    @classmethod
    def of(cls, adapter: ModelAdapter, known: Weights | None = None) -> Weights:
        """Return the weights of a model.

        Args:
            adapter: The model.
            known: What its weights were; returned where they still are.
        """
        tensors = {n: t.detach().cpu().contiguous() for n, t in _tensors(adapter).items()}
        fingerprint = digest_of(None, tensors)
        if known is not None and known.fingerprint == fingerprint:
            return known
        return cls(fingerprint=fingerprint, content=save(tensors))


class RunWorkplace:
    """The parts of a run, made from its outline; see `audioforge.executor.Workplace`.

    Args:
        outline: The run. The samples of its corpus are gone through where a verifier asks for them.
        executor: Has joined; says which processes work together here.
        listener: Hears what happens here.
        stop: Whether the work here is to stop.
        reporter: Hears warnings; None for stderr.
        cache: Keeps here what need be computed of a clip only once, and finds the clips' files.

    Raises:
        AudioForgeError: If the settings do not fit what is installed here.
    """

    def __init__(
        self,
        outline: Outline,
        executor: Executor,
        *,
        listener: Listener | None = None,
        stop: StopRequest | None = None,
        reporter: Reporter | None = None,
        cache: ClipCache = NOTHING_KEPT,
    ) -> None:
        """Read the settings; nothing is loaded yet."""
        hide_broken_companions()
        self._outline, self._executor = outline, executor
        self._listeners = [] if listener is None else [listener]
        self._stop = stop or StopRequest()
        self.config = AudioRAFTConfig.from_mapping(outline.settings)
        self.registry: Registry = discover(files=outline.plugin_files)
        self.reporter = reporter or Reporter(quiet=True)
        self.cache = cache
        self._adapter: ModelAdapter | None = None
        self._is_trained = False
        self._holds = ""

    @property
    def holds(self) -> str:
        """Fingerprint of the weights that the model has of `hold`; empty where it has none."""
        return self._holds

    @property
    def processes(self) -> Processes:
        """The processes here that work together."""
        return self._executor.processes

    @property
    def adapter(self) -> ModelAdapter:
        """The model, with the weights that `hold` was given last; else the base, to be trained."""
        if self._adapter is None:
            self._load(trained=True)
        assert self._adapter is not None
        return self._adapter

    def hold(self, weights: Weights) -> None:
        """Put weights into the model.

        Raises:
            CheckpointError: If they are of another model than the settings name.
        """
        if weights.fingerprint == self._holds:
            return
        tensors = load(weights.content)
        for trained in (self._is_trained, not self._is_trained):
            if self._adapter is None or trained != self._is_trained:
                self._load(trained=trained)
            if self._adapter is not None and _fit(tensors, _tensors(self._adapter)):
                break
        else:
            raise CheckpointError(
                f"{self.config.model_name}: the weights that were sent here are of another model"
            )
        with torch.no_grad():
            for name, tensor in _tensors(self._adapter).items():
                tensor.copy_(tensors[name])
        self._holds = weights.fingerprint

    @cached_property
    def verification(self) -> Verification:
        """The verifiers of the run, set up."""
        known = self._outline.corpus, self._outline.labels
        return create_verification(
            self.registry, self.config, *known, self._executor, self.reporter
        )

    @cached_property
    def run(self) -> Run:
        """The run, without its data."""
        registry, config, decoding = (
            self.registry,
            self.config,
            Decoding.of(self.config, self.cache),
        )
        evaluator = create_evaluator(
            registry, self.verification, decoding, self._executor, self._stop, self.reporter
        )
        train, held_out = EvaluationSet("train", []), EvaluationSet("held out", [])
        return Run(
            config=config,
            registry=registry,
            folder=RunFolder(cast("Path", config.output_dir)),
            resumes=False,
            executor=self._executor,
            events=Events(self.reporter, self._listeners),
            stop=self._stop,
            data=RunData(train, held_out, retention=[], test=None),
            verification=self.verification,
            evaluator=evaluator,
            selection=create_selection(registry, config),
            augmentations=create_augmentations(registry, config),
            language=self._outline.language,
            labels=self._outline.labels,
            cache=self.cache,
        )

    def _load(self, *, trained: bool) -> None:
        """Load the base model, with the weights frozen that the run freezes, or as it is."""
        self._adapter = None  # there may be room for one only
        config, outline = self.config, self._outline
        labels = outline.labels if config.new_head else None
        options = LoadOptions(str(self.processes.device), outline.language, labels, config.seed)
        model, task = cast("str", config.model_name), cast("Task", config.task)
        adapter = load_adapter(self.registry, model, task, options, config.adapter)
        if trained:
            if config.gradient_checkpointing:
                adapter.checkpoint_gradients()
            adapter.make_trainable(train_options_of(config))
        self._adapter, self._is_trained, self._holds = adapter, trained, ""


def _tensors(adapter: ModelAdapter) -> Mapping[str, torch.Tensor]:
    """Return the weights, tied ones once, and those buffers that checkpoints hold."""
    module = adapter.module
    persistent = module.state_dict().keys()
    buffers = {n: b for n, b in module.named_buffers() if n in persistent}
    return dict(module.named_parameters()) | buffers


def _fit(sent: Mapping[str, torch.Tensor], own: Mapping[str, torch.Tensor]) -> bool:
    return {n: (t.shape, t.dtype) for n, t in sent.items()} == {
        n: (t.shape, t.dtype) for n, t in own.items()
    }
