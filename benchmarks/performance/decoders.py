"""Who draws hypotheses: AudioForge, Transformers in two ways, and CTranslate2.

All get the same features of whole windows, the same prompt and the same limit, and draw from the
whole vocabulary at temperature 1, or take the likeliest token.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from attrs import frozen

from audioforge.inference.processes import Processes
from audioforge.model import LoadOptions, SamplingParams
from audioforge.sample import Clip
from audioforge_whisper.adapter import WhisperAdapter
from performance.machine import lacks_bf16
from performance.material import Checkpoints
from performance.plain_step import plain_model
from performance.timing import Contestant


@frozen(kw_only=True)
class Task:
    """What every decoder does.

    Attributes:
        checkpoint: Folder of a Whisper.
        clips: One batch.
        k: Hypotheses per clip; 1 decodes greedily.
        new_tokens: The most of each hypothesis.
        device: A torch device.
    """

    checkpoint: Path
    clips: Sequence[Clip]
    k: int
    new_tokens: int
    device: str = "cpu"

    @property
    def params(self) -> SamplingParams:
        """The same for AudioForge."""
        temperature = 0.0 if self.k == 1 else 1.0
        return SamplingParams(temperature=temperature, max_new_tokens=self.new_tokens)

    @property
    def generation(self) -> dict[str, Any]:
        """The same for Transformers."""
        drawn = {"do_sample": True, "top_k": 0, "temperature": 1.0, "num_return_sequences": self.k}
        chosen = {"do_sample": False} if self.k == 1 else drawn
        return chosen | {"max_new_tokens": self.new_tokens}


def audioforge(task: Task, dtype: str) -> Contestant:
    """Return AudioForge's adapter at work, as the engine calls it."""
    adapter = WhisperAdapter.load(str(task.checkpoint), LoadOptions(device=task.device))
    processes = Processes(torch.device(task.device).type, dtype)

    def work(batch: Any) -> None:
        with torch.inference_mode(), processes.autocast():
            adapter.sample(batch, task.k, task.params)

    # A fresh batch each time: what the encoder made of it may be kept with it.
    return Contestant(f"AudioForge {dtype}", work, lambda: adapter.prepare(tuple(task.clips)))


def transformers(task: Task, dtype: str = "float32") -> Contestant:
    """Return Transformers' own loop, which encodes every hypothesis of a clip."""
    model = plain_model(task.checkpoint, task.device, dtype)
    features = _features(task).to(task.device, model.dtype)

    def work(_: Any) -> None:
        model.generate(features, **task.generation)

    return Contestant("Transformers", work)


def encoding_once(task: Task) -> Contestant:
    """Return the generic loop of Transformers on what was encoded once.

    Whisper's own `generate` takes no encoder outputs; that of the base class does.
    """
    from transformers import GenerationMixin
    from transformers.modeling_outputs import BaseModelOutput

    model = plain_model(task.checkpoint, task.device)
    features = _features(task).to(task.device)
    prompts = torch.tensor([_prompt(model.generation_config)] * len(task.clips))

    def work(_: Any) -> None:
        with torch.inference_mode():
            encoded = model.model.encoder(features).last_hidden_state
            GenerationMixin.generate(
                model,
                encoder_outputs=BaseModelOutput(last_hidden_state=encoded),
                decoder_input_ids=prompts.to(task.device),
                **task.generation,
            )

    return Contestant("Transformers, encoding once", work)


def ctranslate2(task: Task, checkpoints: Checkpoints, kind: str) -> Contestant:
    """Return CTranslate2, its weights converted from the same folder.

    Raises:
        ImportError: If it is not installed.
    """
    import ctranslate2 as library

    folder = checkpoints.ctranslate2(task.checkpoint)
    threads = {"inter_threads": 1, "intra_threads": torch.get_num_threads()}
    model = library.models.Whisper(str(folder), device="cpu", compute_type=kind, **threads)
    prompts = [_prompt(plain_model(task.checkpoint).generation_config)] * len(task.clips)
    features = library.StorageView.from_array(_features(task).numpy())
    drawn = {"sampling_topk": 0, "sampling_temperature": 1.0, "num_hypotheses": task.k}

    def work(_: Any) -> None:
        model.generate(
            features,
            prompts,
            beam_size=1,
            max_length=2 * task.new_tokens,  # of which it gives half to what is new
            **(drawn if task.k > 1 else {}),
        )

    return Contestant(f"CTranslate2 {kind}", work)


@frozen
class Line:
    """Everybody who takes part, and why others do not.

    Attributes:
        contestants: In the order of their turns.
        missing: The others, with the reason.
    """

    contestants: list[Contestant]
    missing: dict[str, str]


def line_up(task: Task, checkpoints: Checkpoints) -> Line:
    """Load everybody who can take part on this CPU."""
    line = Line([transformers(task), encoding_once(task), audioforge(task, "float32")], {})
    if (problem := lacks_bf16()) is None:
        line.contestants.append(audioforge(task, "bfloat16"))
    else:
        line.missing["AudioForge bfloat16"] = problem
    for kind in ("float32", "int8"):
        try:
            line.contestants.append(ctranslate2(task, checkpoints, kind))
        except (ImportError, RuntimeError, ValueError) as error:
            line.missing[f"CTranslate2 {kind}"] = f"{type(error).__name__}: {error}"
    return line


def _features(task: Task) -> torch.Tensor:
    from transformers import WhisperFeatureExtractor

    extractor = WhisperFeatureExtractor.from_pretrained(task.checkpoint)
    waves = [clip.waveform for clip in task.clips]
    found: torch.Tensor = extractor(
        waves, sampling_rate=extractor.sampling_rate, return_tensors="pt"
    ).input_features
    return found


def _prompt(config: Any) -> list[int]:
    """Return the tokens before the text: English where the model knows several languages."""
    prompt = [config.decoder_start_token_id, config.no_timestamps_token_id]
    if config.is_multilingual:
        spoken = [config.lang_to_id["<|en|>"], config.task_to_id["transcribe"]]
        prompt[1:1] = spoken
    return prompt
