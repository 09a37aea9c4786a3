r"""Does a voice learn from rewards? One speaker's digits: RAFT, controls, and another listener.

    python benchmarks/voice_digits.py --data DIR --models DIR --output OUT

DIR of the data holds `digits_cls` and `digits_asr`, that of the models `nano-whisper-digits`, which
learns to hear people first and then rewards, `whisper-tiny.en`, which only listens, and
`resemblyzer-ge2e`, which tells voices apart. A voice is trained on three recorded digits in a row,
and then learns texts that nobody recorded. What is finished in OUT is read again, and an
interrupted run goes on.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from attrs import frozen
from existing import existing
from performance.machine import ROOT
from spoken_digits.hearing import Listener, Measured
from spoken_digits.recordings import Corpus, make
from spoken_digits.speaking import speak, speak_best
from spoken_digits.table import System, table

import audioforge
from audioforge import AudioRAFTConfig, AudioRAFTTrainer
from audioforge.run.folder import RunFolder

TRAIN_NANO = ROOT / "plugins" / "speecht5" / "build" / "train_nano.py"
K, TEMPERATURE = 4, 1.0
SELECTIONS = {"best": f"RAFT: the best of {K}", "random": f"control: a random one of the {K}"}


@frozen
class Setup:
    """What is measured with what, and where it goes."""

    data: Path
    models: Path
    output: Path
    corpus: Corpus
    steps: int

    @property
    def reward(self) -> str:
        """The verifier that rewards: a recogniser that has heard people; adapted if need be."""
        folder = RunFolder(self.output / "recogniser")
        if not folder.is_finished:
            trained(folder, _config_of_recogniser(self, folder.root))
        return f"intelligibility:model={folder.root / 'best'},scale=likelihood"

    @property
    def base(self) -> Path:
        """The checkpoint that every run starts from; trained where it is not there."""
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
    source = args.data.resolve() / "digits_cls" / "train.jsonl"
    corpus = make(source, args.speaker, output / "texts")
    setup = Setup(args.data.resolve(), args.models.resolve(), output, corpus, args.steps)
    systems = list(_systems(setup, args.seeds))
    print(table(systems, args.speaker, len(args.seeds)))


def _systems(setup: Setup, seeds: list[int]) -> Iterator[System]:
    texts, said = setup.corpus.lines("test"), setup.output / "said"
    recordings = setup.corpus.lines("recordings")
    listener = Listener(
        audioforge.load(setup.models / "whisper-tiny.en"),
        setup.models / "resemblyzer-ge2e",
        setup.corpus.folder / recordings[0]["audio_filepath"],
    )

    def measured(manifest: Path) -> Measured:
        return listener.measure(manifest, manifest.with_suffix(".measured.json"))

    base = measured(speak(setup.base, texts, said / "base"))
    yield System("base: one draw", (base,))
    chosen = speak_best(setup.base, texts, said / "base-draws", (K, TEMPERATURE), setup.reward)
    yield System(f"base: the best of {K}, by the reward", (measured(chosen),))
    for selection, name in SELECTIONS.items():
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
        verifier=[setup.reward],
        metric="intelligibility.wer",
        normalizer="english-1",
        language="en",
        num_cycles=3,
        lr_decay_per_cycle=0.7,
        samples_per_prompt=K,
        temperature=TEMPERATURE,
        reward_threshold=0.0,
        steps_per_cycle=20,
        batch_size=16,
        learning_rate=1e-5,
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=existing, required=True, help="folder of the corpora")
    parser.add_argument("--models", type=existing, required=True, help="folder of the recognisers")
    parser.add_argument("--output", type=Path, required=True, help="runs, sound and measurements")
    parser.add_argument("--speaker", default="fsdd-jackson")
    parser.add_argument("--steps", type=int, default=1000, help="of training the base")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    return parser.parse_args()


if __name__ == "__main__":
    main()
