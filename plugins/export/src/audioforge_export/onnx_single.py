"""Models of one network as an ONNX file, CTC models and classifiers, and reading clips with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from transformers import AutoConfig, AutoFeatureExtractor, Wav2Vec2CTCTokenizer

from audioforge.exporter import Transcribe
from audioforge.model import LoadOptions
from audioforge.sample import Clip
from audioforge_classification import checkpoint as classification
from audioforge_export.onnx_files import write_network
from audioforge_export.onnx_session import open_session
from audioforge_wav2vec import checkpoint as wav2vec
from audioforge_wav2vec.vocabulary import Vocabulary

MODEL = "model.onnx"


class Logits(torch.nn.Module):
    """From what a feature extractor makes of clips to logits.

    Clips of one call have one length: what padding does to a clip depends on the model.

    Args:
        model: A CTC model or a classifier of Transformers.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the logits, shape (clips, frames, tokens) or (clips, labels)."""
        return cast("torch.Tensor", self.model(inputs).logits)


def write_ctc(location: str, folder: Path) -> None:
    """Write the network, and what reads clips and tokens.

    Raises:
        CheckpointError: If the checkpoint is no CTC model of the families that AudioForge knows.
    """
    read = wav2vec.read_checkpoint(location, seed=0)
    _write(read.model, read.processor.feature_extractor, folder)
    read.processor.tokenizer.save_pretrained(folder)


def write_classifier(location: str, folder: Path) -> None:
    """Write the network and its feature extractor; the labels are in the configuration.

    Raises:
        CheckpointError: If the checkpoint is no audio classifier.
    """
    read = classification.read_checkpoint(location, LoadOptions())
    _write(read.model, read.extractor, folder)


def _write(model: Any, extractor: Any, folder: Path) -> None:
    second = np.zeros(extractor.sampling_rate, np.float32)
    inputs = torch.from_numpy(_inputs(extractor, [second, second]))
    axes = {0: "clips", **({1: "samples"} if inputs.ndim == 2 else {})}  # else a fixed window
    names = ([model.main_input_name], ["logits"])
    write_network(Logits(model).eval(), (inputs,), names, (axes,), folder / MODEL)
    extractor.save_pretrained(folder)


def load_ctc(folder: Path) -> Transcribe:
    """Return what transcribes clips by the most likely path through the network of a folder."""
    tokenizer = Wav2Vec2CTCTokenizer.from_pretrained(folder)
    vocabulary = Vocabulary(tokenizer, AutoConfig.from_pretrained(folder).vocab_size)

    def text(logits: np.ndarray) -> str:
        path = [int(token) for token, _ in groupby(logits.argmax(axis=-1))]
        return vocabulary.text([token for token in path if token != vocabulary.blank])

    return _loaded(folder, text)


def load_classifier(folder: Path) -> Transcribe:
    """Return what labels clips with the network of a folder."""
    labels = AutoConfig.from_pretrained(folder).id2label
    return _loaded(folder, lambda logits: str(labels[int(logits.argmax())]))


def _loaded(folder: Path, meaning: Callable[[np.ndarray], str]) -> Transcribe:
    """Return what reads clips one by one and says what their logits mean."""
    session = open_session(folder / MODEL)
    extractor = AutoFeatureExtractor.from_pretrained(folder)
    (named,) = [given.name for given in session.get_inputs()]

    def transcribe(clips: Sequence[Clip]) -> list[str]:
        read = [_inputs(extractor, [clip.waveform]) for clip in clips]
        return [meaning(session.run(None, {named: inputs})[0][0]) for inputs in read]

    return transcribe


def _inputs(extractor: Any, waveforms: list[np.ndarray]) -> np.ndarray:
    """Return what the network reads of waveforms of one length, float32."""
    read = extractor(waveforms, sampling_rate=extractor.sampling_rate, return_tensors="np")
    return cast("np.ndarray", next(iter(read.values()))).astype(np.float32)
