"""`audioforge demo`: RAFT and its two controls, offline, on a tiny model."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import click

from audioforge.config import read_config_file
from audioforge.console import print_line, print_note, print_table
from audioforge.errors import UsageError
from audioforge_demo import assets

RECIPE: dict[str, Any] = {
    "normalizer": "none",
    "num_cycles": 4,
    "samples_per_prompt": 4,
    "learning_rate": 5e-4,
    "lr_decay_per_cycle": 0.7,
    "reward_threshold": 1.0,
    "steps_per_cycle": 40,
    "batch_size": 16,
}
"""What a nano model needs; the defaults of `audioforge train` are for a pretrained Whisper."""

RUNS = {
    "best": "RAFT: the best of 4 hypotheses per clip",
    "random": "control: a random one of the 4",
    "reference": "control: the transcripts themselves",
}


@click.command(context_settings={"max_content_width": 100})
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Folder for the run folders demo-best, demo-random and demo-reference.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
def demo(output: Path, seed: int) -> None:
    """Adapt a tiny Whisper to a voice and noise it never heard, in minutes, offline.

    Runs RAFT and, with the same number of steps, two controls: learning a random hypothesis, and
    learning the transcripts. Replaces the run folders of an earlier demo.
    """
    started = time.perf_counter()
    folders = {name: output / f"demo-{name}" for name in RUNS}
    for folder in folders.values():
        _make_way(folder)
    import torch

    from audioforge import AudioRAFTConfig, AudioRAFTTrainer

    # A model this small gains nothing from threads, and on a busy machine they wait for each other.
    torch.set_num_threads(1)
    summaries = {}
    for name, what in RUNS.items():
        print_note(f"{what} → {folders[name]}")
        config = AudioRAFTConfig(
            model_name=str(assets.model()),
            dataset="demo:split=train",
            eval_dataset="demo:split=heldout",
            output_dir=folders[name],
            selection=name,
            seed=seed,
            device="cpu",
            **RECIPE,
        )
        summaries[name] = AudioRAFTTrainer(config).train()
    _print_table({name: s.as_mapping() for name, s in summaries.items()})
    print_line()
    print_line(summaries["best"].conclusion)
    print_line(f"Took {time.perf_counter() - started:.0f} s. Next, on your own audio:")
    print_line(
        "  audioforge train --model openai/whisper-small --dataset train.jsonl "
        "--eval-dataset heldout.jsonl --output runs/mine"
    )
    print_line(
        '  train.jsonl has a line {"audio_filepath": "clip.wav", "text": "…"} for each clip.'
    )


def _make_way(folder: Path) -> None:
    """Remove the run folder of an earlier demo; refuse to touch anything else.

    Raises:
        UsageError: If the folder holds something else.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    config = folder / "config.yaml"
    settings = read_config_file(config) if config.is_file() else {}
    if not str(settings.get("dataset", "")).startswith("demo:"):
        raise UsageError(
            f"--output {folder.parent}: {folder} holds something that is not a demo run; name "
            f"another folder"
        )
    shutil.rmtree(folder)


def _print_table(summaries: dict[str, dict[str, Any]]) -> None:
    base = summaries["best"]["base"]
    rows = [["base model", _percent(base["wer"]), _interval(base["ci95"]), "", ""]]
    for name, summary in summaries.items():
        last = summary["cycles"][-1]
        rows.append(
            [
                RUNS[name],
                _percent(last["wer"]),
                _interval(last["ci95"]),
                _interval(last["difference_ci95"], signed=True),
                f"{100 * (last['wer'] / base['wer'] - 1):+.0f} %",
            ]
        )
    heads = ["after the last cycle", "WER", "95 %", "difference to base, points, 95 %", "errors"]
    print_table(heads, rows, right=heads[1:])


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _interval(bounds: list[float], *, signed: bool = False) -> str:
    low, high = (100 * bound for bound in bounds)
    return f"{low:+.1f} to {high:+.1f}" if signed else f"{low:.1f} to {high:.1f}"
