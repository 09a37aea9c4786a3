"""CTC: k hypotheses of one forward pass, against one pass for each."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from attrs import frozen

from audioforge.inference.processes import Processes
from audioforge.model import LoadOptions, SamplingParams
from audioforge_wav2vec.adapter import Wav2VecAdapter
from audioforge_wav2vec.untrained import model_config, write_untrained
from performance.material import noise_clips
from performance.subjects import Measurement, Scope
from performance.timing import Contestant, Figures, alternate, shares

MODEL = "wav2vec2"
NANO: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
}


@frozen
class Case:
    """Clips of noise through an untrained model of the base size.

    Attributes:
        seconds: Length of a clip.
        k: Hypotheses of each.
        clips: In a batch.
    """

    seconds: float
    k: int
    clips: int


CASES = (Case(10, 64, 2), Case(30, 64, 1))
QUICK_CASES = (Case(1, 8, 1),)


def ctc(scope: Scope) -> Iterator[Measurement]:
    """Yield what is measured of CTC models."""
    for case in QUICK_CASES if scope.quick else CASES:
        size = "nano" if scope.quick else "base"
        name = f"{MODEL} {size}, {case.seconds:g} s, k = {case.k}"
        yield Measurement("CTC", name, partial(_measure, scope, case))


def _measure(scope: Scope, case: Case) -> Figures:
    folder = scope.scratch / MODEL
    if not folder.exists():
        write_untrained(folder, model_config(MODEL, **(NANO if scope.quick else {})))
    adapter = Wav2VecAdapter.load(str(folder), LoadOptions())
    clips = tuple(noise_clips(case.clips, case.seconds))

    processes = Processes("cpu", "float32")

    def sample(batch: Any) -> None:
        with torch.inference_mode(), processes.autocast():
            adapter.sample(batch, case.k, SamplingParams())

    contestants = [
        Contestant(f"AudioForge, {case.k} hypotheses", sample, lambda: adapter.prepare(clips)),
        _forward(folder, case),
    ]
    values = shares(alternate(contestants, scope.rounds), case.clips)
    return Figures(unit="CPU s a clip", values=values, details={"clips": case.clips, "k": case.k})


def _forward(folder: Path, case: Case) -> Contestant:
    from transformers import AutoFeatureExtractor, AutoModelForCTC

    model = AutoModelForCTC.from_pretrained(folder).eval()
    waves = [clip.waveform for clip in noise_clips(case.clips, case.seconds)]
    extractor = AutoFeatureExtractor.from_pretrained(folder)
    values = extractor(waves, sampling_rate=16_000, return_tensors="pt").input_values

    def work(_: Any) -> None:
        with torch.inference_mode():
            model(values)

    return Contestant("Transformers, one forward pass", work)
