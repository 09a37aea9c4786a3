"""Train a SpeechT5 of about a million weights from scratch, on recordings of one speaker.

It learns to say what they say in a minute or two on one core, and serves demos and tests: sound is
made by Griffin-Lim, the voice is a vector of its own, tokens are letters.

Usage: `python plugins/speecht5/build/train_nano.py MANIFEST OUTPUT [--speaker NAME] [--steps 500]`,
where MANIFEST is a JSON lines file with `audio_filepath`, `text` and `speaker`.
"""

import argparse
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from tqdm import tqdm

from audioforge import keyed_random
from audioforge.audio import load_clip
from audioforge.model import LoadOptions
from audioforge.sample import AudioSample, Clip, Hypothesis
from audioforge_speecht5.adapter import SpeechT5Adapter
from audioforge_speecht5.untrained import NANO, model_config, write_untrained

RATE_HZ = 16_000
BATCH = 16
WARMUP_STEPS = 100
LEARNING_RATE = 2e-3
BETAS = (0.9, 0.98)


def read(manifest: Path, speaker: str | None) -> list[Clip]:
    """Return the recordings of a speaker, or all where none is named."""
    clips = []
    for number, text in enumerate(manifest.read_text(encoding="utf-8").splitlines()):
        line = json.loads(text)
        if speaker in (None, line.get("speaker")):
            path = manifest.parent / line["audio_filepath"]
            sample = AudioSample(f"clip-{number}", path, reference=line["text"])
            clips.append(load_clip(sample, RATE_HZ))
    if len(clips) < BATCH:
        raise SystemExit(f"{manifest}: {len(clips)} recordings of {speaker or 'anybody'}: too few")
    return clips


def learnt_as_spectrograms(adapter: SpeechT5Adapter, clips: list[Clip]) -> list[Hypothesis]:
    """Return what is to be learnt, analysed once."""
    extractor = adapter.extractor
    return [
        Hypothesis(
            features=extractor(audio_target=c.waveform, sampling_rate=RATE_HZ).input_values[0]
        )
        for c in clips
    ]


def batches(count: int, seed: int) -> Iterator[list[int]]:
    """Yield endless shuffled batches of the numbers of clips."""
    epoch = 0
    while True:
        order = keyed_random.shuffled(count, "nano", seed, epoch)
        yield from (order[i : i + BATCH] for i in range(0, count - BATCH + 1, BATCH))
        epoch += 1


def rate_at(step: int, steps: int) -> float:
    """Return the learning rate at a step: warm-up, then cosine decay."""
    decay = (1 + math.cos(math.pi * step / steps)) / 2
    return LEARNING_RATE * min(1.0, (step + 1) / WARMUP_STEPS) * decay


def train(adapter: SpeechT5Adapter, clips: list[Clip], steps: int, seed: int) -> None:
    """Train all weights for some steps, and say how the loss goes."""
    targets = learnt_as_spectrograms(adapter, clips)
    network = adapter.module.train()
    optimiser = torch.optim.AdamW(network.parameters(), betas=BETAS, weight_decay=0.01)
    torch.manual_seed(seed)
    began, recent = time.monotonic(), 0.0
    progress = tqdm(zip(range(steps), batches(len(clips), seed), strict=False), total=steps)
    for step, chosen in progress:
        for group in optimiser.param_groups:
            group["lr"] = rate_at(step, steps)
        batch = adapter.prepare([clips[i] for i in chosen])
        loss = adapter.loss(batch, [targets[i] for i in chosen], [1 / len(chosen)] * len(chosen))
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        recent = 0.98 * recent + 0.02 * loss.item()
        progress.set_postfix(loss=f"{recent / (1 - 0.98 ** (step + 1)):.3f}")
    network.eval()
    print(f"{steps} steps in {time.monotonic() - began:.0f} s")


def main() -> None:
    """Read, train, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--speaker")
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--half", action="store_true", help="write weights of half the size")
    given = parser.parse_args()
    clips = read(given.manifest, given.speaker)
    write_untrained(given.output, model_config(**NANO), None, seed=given.seed)
    adapter = SpeechT5Adapter.load(str(given.output), LoadOptions())
    weights = sum(parameter.numel() for parameter in adapter.module.parameters())
    print(f"{len(clips)} recordings, {weights:,} weights")
    train(adapter, clips, given.steps, given.seed)
    if given.half:
        adapter.module.half()
    adapter.save(given.output)


if __name__ == "__main__":
    main()
