r"""Does a voice learn from rewards? One speaker's digits, controls, and another listener.

    python benchmarks/voice_digits.py --data DIR --models DIR --output OUT

DIR of the data holds `digits_cls` and `digits_asr`, that of the models `nano-whisper-digits`, which
rewards together with a copy that has learnt to hear people and the demo's Whisper,
`whisper-tiny.en`, which only listens, and `resemblyzer-ge2e`, which tells voices apart. A voice is
trained on three recorded digits in a row, and then learns texts that nobody recorded; or `--voice
CHECKPOINT --known MANIFEST` takes one that there is, and leaves out the texts that it was taught or
that were looked at. What is finished in OUT is read again, and an interrupted run goes on.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from attrs import frozen
from existing import existing
from performance.machine import ROOT
from spoken_digits.hearing import Listener, Measured
from spoken_digits.recordings import Corpus, make, make_texts
from spoken_digits.speaking import speak, speak_best
from spoken_digits.table import System, table

import audioforge
from audioforge import AudioRAFTConfig, AudioRAFTTrainer
from audioforge.run.folder import RunFolder
from audioforge_demo import assets

TRAIN_NANO = ROOT / "plugins" / "speecht5" / "build" / "train_nano.py"
K, TEMPERATURE = 8, 1.0
LEARNT: Mapping[str, tuple[str, float]] = {
    "rloo": (f"policy gradient of all {K}", 5e-5),
    "best": (f"RAFT: the best of {K}", 1e-4),
    "random": (f"control: a random one of the {K}", 1e-4),
}
"""By the selection of a run: what is learnt from, and the learning rate."""


@frozen
class Setup:
    """What is measured with what, and where it goes."""

    data: Path
    models: Path
    output: Path
    corpus: Corpus
    voice: Path | None
    steps: int

    @property
    def rewards(self) -> dict[str, Any]:
        """What is rewarded: how likely three recognisers find the text, of which one is adapted.

        What a voice learns from one recogniser is what that one hears.
        """
        adapted = RunFolder(self.output / "recogniser")
        if not adapted.is_finished:
            trained(adapted, _config_of_recogniser(self, adapted.root))
        recognisers = {
            "adapted": adapted.root / "best",
            "whisper": self.models / "nano-whisper-digits",
            "demo": assets.model(),
        }
        return {
            "verifier": [
                f"intelligibility:id={name},model={folder},scale=likelihood"
                for name, folder in recognisers.items()
            ],
            "aggregator": "product",
            "normalizer": "english-1",
            "language": "en",
        }

    @property
    def base(self) -> Path:
        """The checkpoint that every run starts from; trained where it is not there."""
        if self.voice is not None:
            return self.voice
        folder = self.output / "base"
        if not (folder / "trained").is_file():
            given = [str(self.corpus.manifest("recordings")), str(folder)]
            command = [sys.executable, str(TRAIN_NANO), *given, "--steps", str(self.steps)]
            subprocess.run(command, check=True)
            (folder / "trained").touch()
        return folder


def main() -> None:
    """Train and measure what is missing, and print the table."""
    args = _arguments()
    torch.set_num_threads(1)
    output = args.output.resolve()
    data, models, texts = args.data.resolve(), args.models.resolve(), output / "texts"
    if args.voice:
        setup = Setup(data, models, output, make_texts(args.known, texts), args.voice, 0)
    else:
        corpus = make(data / "digits_cls" / "train.jsonl", args.speaker, texts)
        setup = Setup(data, models, output, corpus, None, args.steps)
    systems = list(_systems(setup, args.selections, args.seeds))
    print(table(systems, args.voice or args.speaker, len(args.seeds)))


def _systems(setup: Setup, selections: list[str], seeds: list[int]) -> Iterator[System]:
    texts, said = setup.corpus.lines("test"), setup.output / "said"
    recording = None
    if setup.voice is None:
        recording = setup.corpus.folder / setup.corpus.lines("recordings")[0]["audio_filepath"]
    tiny = audioforge.load(setup.models / "whisper-tiny.en")
    listener = Listener(tiny, setup.models / "resemblyzer-ge2e", recording)

    def measured(manifest: Path) -> Measured:
        return listener.measure(manifest, manifest.with_suffix(".measured.json"))

    base = measured(speak(setup.base, texts, said / "base"))
    yield System("base: one draw", (base,))
    chosen = speak_best(setup.base, texts, said / "base-draws", (K, TEMPERATURE), setup.rewards)
    yield System(f"base: the best of {K}, by the reward", (measured(chosen),))
    for selection in selections:
        name, _ = LEARNT[selection]
        own = []
        for seed in seeds:
            model = _trained(setup, selection, seed)
            own.append(measured(speak(model, texts, said / model.parents[1].name)))
        yield System(name, tuple(own))


def _trained(setup: Setup, selection: str, seed: int) -> Path:
    """Return the checkpoint of a run's last cycle; the run is made, or goes on, if need be."""
    folder = RunFolder(setup.output / f"{selection}-{seed}")
    if not folder.is_finished:
        trained(folder, _config(setup, selection, seed, folder.root))
    last, _ = max(folder.finished_cycles())
    return folder.checkpoint(last)


def trained(folder: RunFolder, config: AudioRAFTConfig) -> None:
    """Make a run, or go on with it."""
    if folder.has_begun:
        AudioRAFTTrainer.resume(folder.root).train()
    else:
        AudioRAFTTrainer(config).train()


def _config_of_recogniser(setup: Setup, folder: Path) -> AudioRAFTConfig:
    digits = setup.data / "digits_asr"
    return AudioRAFTConfig(
        model_name=str(setup.models / "nano-whisper-digits"),
        dataset=str(digits / "adapt.jsonl"),
        eval_dataset=str(digits / "heldout.jsonl"),
        output_dir=folder,
        selection="reference",
        device="cpu",
        normalizer="none",
        num_cycles=4,
        lr_decay_per_cycle=0.7,
        steps_per_cycle=60,
        batch_size=16,
        learning_rate=5e-4,
    )


def _config(setup: Setup, selection: str, seed: int, folder: Path) -> AudioRAFTConfig:
    return AudioRAFTConfig(
        model_name=str(setup.base),
        task="tts",
        dataset=str(setup.corpus.manifest("train")),
        eval_dataset=str(setup.corpus.manifest("heldout")),
        output_dir=folder,
        selection=selection,
        seed=seed,
        device="cpu",
        **setup.rewards,
        metric="adapted.wer",
        num_cycles=5,
        lr_decay_per_cycle=0.85,
        samples_per_prompt=K,
        temperature=TEMPERATURE,
        reward_threshold=0.0,
        steps_per_cycle=5,
        batch_size=20,
        learning_rate=LEARNT[selection][1],
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=existing, required=True, help="folder of the corpora")
    parser.add_argument("--models", type=existing, required=True, help="folder of the recognisers")
    parser.add_argument("--output", type=Path, required=True, help="runs, sound and measurements")
    parser.add_argument("--speaker", default="fsdd-jackson")
    parser.add_argument("--voice", type=existing, help="checkpoint, in the place of a speaker's")
    parser.add_argument("--known", type=existing, help="manifest of texts to leave out, with it")
    parser.add_argument("--steps", type=int, default=2500, help="of training the base")
    parser.add_argument("--selections", nargs="+", default=[*LEARNT], choices=LEARNT)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    args = parser.parse_args()
    if bool(args.voice) != bool(args.known):
        parser.error("--voice and --known go together")
    return args


if __name__ == "__main__":
    main()
