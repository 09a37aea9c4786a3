"""How fast the verifiers are: real-time factors for audio, pairs a second for text.

RTFx is seconds of audio over seconds of work, for clips of 10 s made from a manifest's recordings;
text verifiers take pairs of transcripts of 10 words, each counted as a clip of 10 s, and `label`
pairs of labels. Run it on an idle machine:

    python benchmarks/verifiers_speed.py --audio MANIFEST --recogniser CHECKPOINT
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from attrs import evolve
from existing import existing

from audioforge.audio import load_clip
from audioforge.config import VerifierSetting
from audioforge.errors import PluginError
from audioforge.judging.verification import create_verifier, verifier_context
from audioforge.keyed_random import generator
from audioforge.model import Task
from audioforge.plugins import Registry, discover
from audioforge.sample import AudioSample, Hypothesis
from audioforge.tasks import speech_task
from audioforge.verifier import Verifier
from audioforge_verifiers.ecapa import PICKLED, build

SAMPLING_RATE = 16_000
SECONDS = 10
WORDS = ["seven", "three", "five", "nine", "zero", "one", "four", "two", "eight", "six"]
TEXT_VERIFIERS: tuple[tuple[str | dict[str, Any], Task], ...] = (
    ("wer", "asr"),
    ("cer", "asr"),
    ({"name": "hotwords", "words": WORDS[:3]}, "asr"),
    ("hallucination", "asr"),
    ("consensus", "asr"),
    ("label", "classification"),
)


def main() -> None:
    """Print a table of every verifier that can be measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--audio", type=existing, required=True, help="manifest of recordings")
    parser.add_argument("--recogniser", required=True, help="checkpoint for intelligibility")
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--pairs", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    registry = discover()
    print(f"{torch.get_num_threads()} threads of torch, {args.device}\n")
    print(f"| Verifier | RTFx | {args.pairs:,} pairs |")
    print("| --- | ---: | ---: |")
    for reference, task in TEXT_VERIFIERS:
        verifier = _create(registry, reference, task, args.device)
        seconds = _median_seconds(_text_work(verifier, args.pairs), args.repeats)
        rtfx = SECONDS * args.pairs / seconds
        print(f"| {_name(reference)} | {rtfx:,.0f} | {seconds:.2f} s |")
    clips = _clips(args.audio, args.clips)
    with tempfile.TemporaryDirectory() as folder:
        _write_encoder(Path(folder))
        for reference in (
            "quality",
            "pace",
            "prosody",
            "dnsmos",
            "distillmos",
            f"intelligibility:model={args.recogniser}",
            f"consistency:model={folder}",
            "consistency:encoder=resemblyzer",
        ):
            name = _name(reference)
            try:
                verifier = _create(registry, reference, "tts", args.device)
            except PluginError as error:
                print(f"| {name} | not measured: {error} | |")
                continue
            seconds = _median_seconds(_audio_work(verifier, clips), args.repeats)
            print(f"| {name} | {SECONDS * len(clips) / seconds:,.0f} | |")


def _name(reference: str | dict[str, Any]) -> str:
    return reference["name"] if isinstance(reference, dict) else reference.partition(":")[0]


def _create(
    registry: Registry, reference: str | dict[str, Any], task: Task, device: str
) -> Verifier:
    context = verifier_context(registry, task, "none", 0.3, device)
    return create_verifier(registry, VerifierSetting.parse(reference), context)


def _text_work(verifier: Verifier, pairs: int) -> Callable[[], object]:
    random = generator("pairs")
    task = speech_task(verifier.tasks[0])
    length = 1 if task.has_classes else 10
    texts = [" ".join(random.choice(WORDS, length)) for _ in range(2 * pairs)]
    if verifier.scope == "rollout":  # samples of four hypotheses each
        prompts = [AudioSample(str(i), reference=texts[i], duration=5.0) for i in range(pairs // 4)]
        samples = [prompt for prompt in prompts for _ in range(4)]
    else:
        samples = [
            AudioSample(str(i), reference=texts[i], labels=(texts[i],), duration=5.0)
            for i in range(pairs)
        ]
    said = enumerate(texts[pairs:])
    hypotheses = [evolve(task.hypothesis(text), index=i % 4) for i, text in said]
    return lambda: verifier.verify(samples, hypotheses[: len(samples)])


def _audio_work(verifier: Verifier, clips: list[tuple[str, np.ndarray]]) -> Callable[[], object]:
    samples = [
        AudioSample(str(i), audio=wave, sampling_rate=SAMPLING_RATE, reference=text)
        for i, (text, wave) in enumerate(clips)
    ]
    hypotheses = [Hypothesis(audio=wave, sampling_rate=SAMPLING_RATE) for _, wave in clips]
    return lambda: verifier.verify(samples, hypotheses)


def _clips(manifest: Path, count: int) -> list[tuple[str, np.ndarray]]:
    """Return clips of 10 s, each a stretch of the recordings one after another, and what they say.

    A recording that is cut by the end of a stretch is said where its middle is.
    """
    lines = [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]
    waves = [
        load_clip(
            AudioSample("", audio=manifest.parent / line["audio_filepath"]), SAMPLING_RATE
        ).waveform
        for line in lines
    ]
    sound = np.concatenate(waves)
    length = SECONDS * SAMPLING_RATE
    if len(sound) < count * length:
        raise SystemExit(f"{manifest} holds less than {count} clips of {SECONDS} s")
    said: list[list[str]] = [[] for _ in range(len(sound) // length + 1)]
    ends = np.cumsum([len(wave) for wave in waves])
    for line, wave, end in zip(lines, waves, ends, strict=True):
        said[int(end - len(wave) // 2) // length].append(line["text"])
    return [(" ".join(said[i]), sound[i * length :][:length]) for i in range(count)]


def _write_encoder(folder: Path) -> None:
    """Write a speaker encoder of the true size; how fast it is does not depend on its weights."""
    try:
        torch.save(build()[0].state_dict(), folder / PICKLED)
    except PluginError:
        return  # consistency says so itself


def _median_seconds(work: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])  # the first warms up


if __name__ == "__main__":
    main()
