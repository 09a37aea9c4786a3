"""Whisper as ONNX files, and greedy decoding with them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from audioforge.exporter import Transcribe
from audioforge.sample import Clip
from audioforge_export.onnx_files import write_network
from audioforge_export.onnx_session import open_session
from audioforge_export.whisper_folder import WhisperFolder, write_beside
from audioforge_export.whisper_graphs import Decoder, Encoder
from audioforge_whisper.checkpoint import read_checkpoint

ENCODER, DECODER = "encoder.onnx", "decoder.onnx"
CLIPS, TOKENS, BEFORE = "clips", "tokens", "tokens_before"


def write_whisper(location: str, folder: Path) -> None:
    """Write encoder and decoder, and what reads clips and tokens.

    Raises:
        CheckpointError: If the checkpoint is no Whisper for transcription.
    """
    read = read_checkpoint(location)
    model, config = read.model.eval(), read.model.config
    of_layers = [f"{n}.{part}" for n in range(config.decoder_layers) for part in ("key", "value")]
    past, present, heard = (
        [f"{name}.{part}" for part in of_layers] for name in ("past", "present", "heard")
    )
    # Two of everything: of one, an axis would be taken for one that has always length 1.
    features = torch.zeros(2, config.num_mel_bins, 2 * config.max_source_positions)
    encoder = Encoder(model).eval()
    names = (["input_features"], heard)
    write_network(encoder, (features,), names, ({0: CLIPS},), folder / ENCODER)
    with torch.no_grad():
        said = list(encoder(features))
    tokens = torch.zeros(2, 3, dtype=torch.long)
    cache = [states[:, :, :2] for states in said]
    axes = (
        {0: CLIPS, 1: TOKENS},
        [{0: CLIPS, 2: BEFORE}] * len(cache),
        [{0: CLIPS}] * len(said),
    )
    names = (["input_ids", *past, *heard], ["logits", *present])
    decoder = Decoder(model).eval()
    write_network(decoder, (tokens, cache, said), names, axes, folder / DECODER)
    write_beside(read, folder)


def load_whisper(folder: Path) -> Transcribe:
    """Return what transcribes clips greedily with the networks of a folder."""
    files = WhisperFolder(folder)
    encoder, decoder = open_session(folder / ENCODER), open_session(folder / DECODER)
    heard = [output.name for output in encoder.get_outputs()]
    past = [name.replace("heard", "past") for name in heard]
    _, heads, _, width = decoder.get_inputs()[1].shape

    def decode(clip: Clip) -> list[int]:
        said = encoder.run(None, {"input_features": files.features([clip])})
        known = dict(zip(heard, said, strict=True))
        cache = [np.zeros((1, heads, 0, width), np.float32)] * len(past)
        chosen: list[int] = []
        tokens = files.prompt(clip)
        while len(chosen) < files.longest:
            named = {"input_ids": np.array([tokens]), **dict(zip(past, cache, strict=True))}
            logits, *cache = decoder.run(None, named | known)
            logits[:, files.never if chosen else files.never_first] = -np.inf
            tokens = [int(logits[0].argmax())]
            if tokens[0] == files.end:
                break
            chosen += tokens
        return chosen

    def transcribe(clips: Sequence[Clip]) -> list[str]:
        return [files.text(decode(clip)) for clip in clips]

    return transcribe
