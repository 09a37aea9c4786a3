"""Sound to latents and back: the codec that goes with a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from audioforge.errors import CheckpointError
from audioforge.files import atomic
from audioforge.files.checkpoint_files import MAX_JSON_BYTES, read_object
from audioforge.huggingface.checkpoint import read_model, read_model_config, write_network
from audioforge.huggingface.library import transformers

FOLDER = "audio_tokenizer"
"""The folder of a checkpoint that holds the codec, and Transformers' word for it."""

CLASS = "PocketTTSAudioTokenizerModel"
MODEL_TYPE = "pocket_tts_audio_tokenizer"
PROCESSOR = "processor_config.json"


class Codec:
    """Pocket TTS's own codec, 32 numbers for every 80 ms; it is not trained.

    Args:
        processor: A `PocketTTSProcessor` with the codec, a `PocketTTSAudioTokenizerModel`.
        hub_id: Where on the hub the codec is from; None where it is from a folder.
    """

    def __init__(self, processor: Any, hub_id: str | None) -> None:
        self._processor = processor
        self._network = processor.audio_tokenizer
        self._hub_id = hub_id

    @property
    def sampling_rate(self) -> int:
        """Of the sound, in Hz."""
        return int(self._network.config.sampling_rate)

    @property
    def frame_seconds(self) -> float:
        """How long a frame of latents is."""
        return float(self._network.config.frame_size / self.sampling_rate)

    @property
    def dimensions(self) -> int:
        """How many numbers a latent has."""
        return int(self._network.config.latent_dim)

    @property
    def encoder(self) -> torch.nn.Module | None:
        """What reads sound; None where the checkpoint keeps it back, so that no voice is cloned."""
        encoder: torch.nn.Module | None = self._network.encoder
        return encoder

    @property
    def settings(self) -> dict[str, Any]:
        """What configures the reading of sound, as JSON can hold it."""
        return dict(self._processor.feature_extractor.to_dict())

    def latents(self, waveform: np.ndarray, *, end_on_pause: bool) -> torch.Tensor:
        """Return the latents of a recording.

        Args:
            waveform: float32, shape (frames,), at `sampling_rate`.
            end_on_pause: Whether it is made to end on a short pause, as Transformers does with a
                voice to speak with, and not with speech that is learnt.

        Returns:
            float32 on the CPU, shape (frames, dimensions).
        """
        device = self._network.device
        inputs = self._processor.feature_extractor(
            np.ascontiguousarray(waveform),
            sampling_rate=self.sampling_rate,
            end_on_pause=end_on_pause,
        ).to(device)
        with torch.no_grad(), torch.autocast(device.type, enabled=False):
            encoded = self._network.encode(inputs["input_values"], inputs["padding_mask"])
        latents: torch.Tensor = encoded.latents[0, encoded.latents_mask[0].bool()].float().cpu()
        return latents

    def sound(self, latents: torch.Tensor) -> np.ndarray:
        """Return the samples of one utterance, as Transformers' processor decodes them.

        Utterances go through one by one: in a batch each would be rounded otherwise.

        Args:
            latents: Shape (frames, dimensions).

        Returns:
            float32, shape (samples,), within ±1.
        """
        device = self._network.device
        with torch.no_grad(), torch.autocast(device.type, enabled=False):
            sound: np.ndarray = self._processor.decode(latents).clamp(-1, 1).numpy()
        return sound

    def save(self, folder: Path) -> None:
        """Put it beside a checkpoint, in `audio_tokenizer/`.

        A codec of the hub is named in `processor_config.json`, where Transformers looks for it. A
        folder is not: the name would be of this machine.

        Raises:
            OSError: If it cannot be written.
        """
        write_network(self._network, self._network.state_dict(), folder / FOLDER)
        if self._hub_id is not None:
            settings = read_object(folder / PROCESSOR, MAX_JSON_BYTES)
            named = {f"{FOLDER}_class": CLASS, f"{FOLDER}_name_or_path": self._hub_id}
            atomic.write_json(folder / PROCESSOR, {**settings, FOLDER: named})


def read_codec(location: str, files: Path, settings: dict[str, Any]) -> tuple[Any, str | None]:
    """Read the codec of a checkpoint.

    It is the folder `audio_tokenizer/` in it, or what `processor_config.json` names: a folder, or a
    hub id.

    Args:
        location: What the user called the checkpoint, for messages.
        files: Where its files lie.
        settings: The content of its `processor_config.json`.

    Returns:
        The network, float32, and its hub id, if it is from there.

    Raises:
        CheckpointError: If it cannot be had, or is no such codec.
    """
    named = settings.get(FOLDER)
    name = named.get(f"{FOLDER}_name_or_path") if isinstance(named, dict) else None
    if not isinstance(name, str) or not name:
        name = None
    is_folder = name is not None and (files / Path(name).expanduser()).is_dir()
    hub_id = None if is_folder else name
    if (files / FOLDER).is_dir():
        place = str(files / FOLDER)
    elif name is not None:
        place = str(files / Path(name).expanduser()) if is_folder else name
    else:
        raise CheckpointError(
            f"{location}: there is no codec: put a folder that {CLASS} reads at {FOLDER}/ of the "
            f'checkpoint, or name one in {PROCESSOR} there: "{FOLDER}": {{"{FOLDER}_class": '
            f'"{CLASS}", "{FOLDER}_name_or_path": "a folder or hub id"}}.'
        )
    try:
        config = read_model_config(place)
        if config.model_type != MODEL_TYPE:
            raise CheckpointError(f"{place}: its model_type is '{config.model_type}'.")
        network = read_model(place, transformers.PocketTTSAudioTokenizerModel)
    except CheckpointError as error:
        raise CheckpointError(
            f"{error} It is to be the codec of {location}: put a folder that {CLASS} reads at "
            f"{FOLDER}/ of the checkpoint."
        ) from error
    if network.decoder is None:
        raise CheckpointError(
            f"{place}: a codec without a decoder makes no sound. Take the whole one."
        )
    return network.eval(), hub_id
