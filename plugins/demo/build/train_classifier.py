"""Train the demo's classifier from scratch, on one core, and write it to the assets.

Usage: `python plugins/demo/build/train_classifier.py [--seed 0] [--output FOLDER]`.
"""

import argparse
import math
import random
import time
from collections.abc import Iterator
from pathlib import Path

import classifier
import command_clips
import commands
import numpy as np
import torch
import voices
from augment import Features
from clips import ASSETS
from staging import stage
from torch import Tensor, nn
from torch.nn import functional
from transformers import WhisperFeatureExtractor, WhisperForAudioClassification

CLIPS = 4_000
FLITE_SHARE = 0.3
STEPS = 3_000
BATCH = 32
SNR_DB = (0.0, 40.0)  # Of training noise.
RATE = 2e-3
WARMUP_STEPS = 100
REPORT_STEPS = 100


def speak(count: int, seed: int) -> Iterator[tuple[str, voices.Samples]]:
    """Synthesise training speech; none of it is in the demo's corpora, and none comes twice.

    Args:
        count: Number of clips.
        seed: Decides words and voices.

    Yields:
        Word and samples. Clips that do not fit the window are left out.
    """
    distinct = command_clips.Distinct()
    for _ in command_clips.clips(distinct):
        pass
    rng = random.Random(seed)
    for number, word in enumerate(commands.draw(count, rng)):
        speech = voices.known(rng, flite=FLITE_SHARE).speak(word)
        noise = np.random.default_rng([seed, number])
        samples = stage(speech, noise, None, command_clips.PAD_S)
        if distinct.first(speech) and len(samples) < command_clips.WINDOW_S * voices.RATE_HZ:
            yield word, samples


def batches(
    clips: list[tuple[str, voices.Samples]], extractor: WhisperFeatureExtractor
) -> Iterator[tuple[Tensor, Tensor]]:
    """Go through distorted clips in a new order each time, for ever.

    Yields:
        Features of shape (batch, mels, frames) and class indices of shape (batch,).
    """
    features = Features(extractor, SNR_DB)
    waves = torch.zeros(len(clips), extractor.n_samples)
    for row, (_, samples) in enumerate(clips):
        waves[row, : len(samples)] = torch.from_numpy(samples.astype(np.float32) / 32_768)
    lengths = torch.tensor([len(samples) for _, samples in clips])
    classes = torch.tensor([commands.WORDS.index(word) for word, _ in clips])
    while True:
        for chosen in torch.randperm(len(clips)).split(BATCH):
            yield features(waves[chosen], lengths[chosen], distort=True), classes[chosen]


def rate_at(step: int) -> float:
    """The learning rate at a step: warm-up, then cosine decay."""
    decay = (1 + math.cos(math.pi * step / STEPS)) / 2
    return RATE * min(1.0, (step + 1) / WARMUP_STEPS) * decay


def run(model: WhisperForAudioClassification, learning: Iterator[tuple[Tensor, Tensor]]) -> None:
    """Train and print the loss now and then."""
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=0.01, betas=(0.9, 0.98))
    total, began = 0.0, time.monotonic()
    for step, (features, classes) in zip(range(STEPS), learning, strict=False):
        for group in optimiser.param_groups:
            group["lr"] = rate_at(step)
        loss = functional.cross_entropy(model(features).logits, classes)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        total += loss.item()
        if (step + 1) % REPORT_STEPS == 0:
            took = f"{time.monotonic() - began:.0f} s"
            print(f"step {step + 1:5}  loss {total / REPORT_STEPS:.3f}  {took}", flush=True)
            total = 0.0


def main() -> None:
    """Synthesise, train, and save model and feature extractor."""
    parser = argparse.ArgumentParser(description="Train the demo's classifier from scratch.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=ASSETS / "commands" / "model")
    arguments = parser.parse_args()

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(mode=True)
    torch.manual_seed(arguments.seed)
    extractor, model = classifier.extractor(), classifier.build()
    print(f"synthesising {CLIPS} clips", flush=True)
    clips = list(speak(CLIPS, arguments.seed))
    run(model, batches(clips, extractor))
    model.save_pretrained(arguments.output)
    extractor.save_pretrained(arguments.output)
    print(f"wrote {arguments.output}")


if __name__ == "__main__":
    main()
