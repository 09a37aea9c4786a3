"""Train the demo's Whisper from scratch, on one core, and write it to the assets.

Usage: `python plugins/demo/build/train.py [--seed 0] [--output FOLDER]`.
"""

import argparse
import math
import time
from dataclasses import dataclass
from pathlib import Path

import network
import processing
import torch
from clips import ASSETS
from torch import nn
from training import BLANK, Batches, losses, speak
from transformers import WhisperForConditionalGeneration

CLIPS = 5_000
BATCH = 32
WARMUP_STEPS = 200
REPORT_STEPS = 100


@dataclass(frozen=True)
class Stage:
    """One run of warm-up and cosine decay.

    Attributes:
        steps: Number of optimiser steps.
        rate: Highest learning rate.
        ctc: Weight of the CTC loss.
    """

    steps: int
    rate: float
    ctc: float

    def rate_at(self, step: int) -> float:
        """The learning rate at a step."""
        decay = (1 + math.cos(math.pi * step / self.steps)) / 2
        return self.rate * min(1.0, (step + 1) / WARMUP_STEPS) * decay


STAGES = (Stage(2_200, 2e-3, ctc=0.3), Stage(1_600, 1e-3, ctc=0.0))


def run(
    stage: Stage, model: WhisperForConditionalGeneration, head: nn.Linear, batches: Batches
) -> None:
    """Train for one stage and print the losses now and then."""
    parameters = [*model.parameters(), *head.parameters()]
    optimiser = torch.optim.AdamW(parameters, weight_decay=0.01, betas=(0.9, 0.98))
    total, began = torch.zeros(2), time.monotonic()
    for step, batch in zip(range(stage.steps), batches, strict=False):
        for group in optimiser.param_groups:
            group["lr"] = stage.rate_at(step)
        entropy, ctc = losses(model, head, batch)
        optimiser.zero_grad()
        (entropy + stage.ctc * ctc).backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        total += torch.stack((entropy, ctc)).detach()
        if (step + 1) % REPORT_STEPS == 0:
            entropy, ctc = total / REPORT_STEPS
            took = f"{time.monotonic() - began:.0f} s"
            print(f"step {step + 1:5}  loss {entropy:.3f}  ctc {ctc:.3f}  {took}", flush=True)
            total.zero_()


def main() -> None:
    """Synthesise, train, and save model and processor."""
    parser = argparse.ArgumentParser(description="Train the demo's Whisper from scratch.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=ASSETS / "model")
    arguments = parser.parse_args()

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(mode=True)
    torch.manual_seed(arguments.seed)
    processor = processing.processor()
    model = network.build(processor.tokenizer)
    head = nn.Linear(network.WIDTH, BLANK + 1)
    print(f"synthesising {CLIPS} clips", flush=True)
    batches = Batches(list(speak(CLIPS, arguments.seed)), processor, BATCH)
    for stage in STAGES:
        print(stage, flush=True)
        run(stage, model, head, batches)
    model.save_pretrained(arguments.output)
    processor.save_pretrained(arguments.output)
    print(f"wrote {arguments.output}")


if __name__ == "__main__":
    main()
