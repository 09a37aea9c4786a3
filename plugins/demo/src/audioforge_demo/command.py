"""`audioforge demo`: RAFT and its controls, offline, on a tiny model."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import click

from audioforge.config import read_config_file
from audioforge.errors import UsageError
from audioforge.tasks import DEFAULT_TASK, speech_task
from audioforge.terminal.console import print_line, print_note, print_table
from audioforge.terminal.figures import percent, percent_interval, point_interval, relative_change
from audioforge_demo.sounds import write_sounds
from audioforge_demo.tasks import DEMOS, TaskDemo


@click.command(context_settings={"max_content_width": 100})
@click.option(
    "--task",
    type=click.Choice(list(DEMOS)),
    default=DEFAULT_TASK,
    show_default=True,
    help="asr reads spoken digits, classification tells ten commands apart, tts speaks digits.",
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Folder for the run folders demo-best, demo-random and demo-reference; those of "
    "classification and tts start with demo-classification and demo-tts.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
def demo(task: str, output: Path, seed: int) -> None:
    """Adapt a tiny model, in minutes, offline: to a voice and noise, or to who listens to it.

    Runs RAFT and, with the same number of steps, its controls: learning a random hypothesis, and
    learning the references. A voice (tts) has no references: a recogniser listens to it, and what
    it said before and after is kept as sound. Replaces the run folders of an earlier demo of the
    same task.
    """
    # Earlier runs go before the minutes are spent, and before torch is imported.
    started = time.perf_counter()
    chosen = DEMOS[task]
    folders = {name: output / f"{chosen.folder}-{name}" for name in chosen.runs}
    for folder in folders.values():
        _make_way(folder)
    print_note("loading PyTorch and the demo's model")
    import torch

    from audioforge import AudioRAFTConfig, AudioRAFTTrainer
    from audioforge.report.write import REPORT, write_report

    # A model this small gains nothing from threads, and on a busy machine they wait for each other.
    torch.set_num_threads(1)
    # One model, one recipe, one seed: the runs differ in what they learn from alone.
    summaries = {}
    for name, what in chosen.runs.items():
        print_note(f"{what} → {folders[name]}")
        config = AudioRAFTConfig(
            model_name=str(chosen.model()),
            task=task,
            dataset=chosen.train,
            eval_dataset=chosen.heldout,
            output_dir=folders[name],
            selection=name,
            seed=seed,
            device="cpu",
            **chosen.recipe,
        )
        summaries[name] = AudioRAFTTrainer(config).train()
    for folder in folders.values():  # now that there are controls to stand beside it
        write_report(folder)
    _print_table(chosen, {name: s.as_mapping() for name, s in summaries.items()})
    print_line()
    print_line(summaries["best"].conclusion)
    if speech_task(task).generates_speech:
        sounds = write_sounds(folders["best"], len(summaries["best"].cycles))
        print_line(f"Listen to it, before and after: {sounds}")
    print_line(f"Look at it: {folders['best'] / REPORT}")
    print_line(f"Took {time.perf_counter() - started:.0f} s. Next, on your own audio:")
    flag = "" if task == DEFAULT_TASK else f"--task {task} "
    print_line(
        f"  audioforge train {flag}--model {chosen.public_model} --dataset train.jsonl "
        "--eval-dataset heldout.jsonl --output runs/mine"
    )
    print_line(f"  train.jsonl has a line {chosen.manifest_line} for each {chosen.unit}.")


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


def _print_table(chosen: TaskDemo, summaries: dict[str, dict[str, Any]]) -> None:
    metric, base = summaries["best"]["metric"], summaries["best"]["base"]
    rows = [["base model", percent(base[metric]), percent_interval(*base["ci95"]), "", ""]]
    if not chosen.reference:  # what rewards alone can teach is no more than what is drawn
        offered = summaries["best"]["learnability"]
        what = f"base model, the best of {offered['k']} (texts to learn from)"
        rows.append([what, percent(offered[f"oracle_{metric}"]), "", "", ""])
    for name, summary in summaries.items():
        last = summary["cycles"][-1]
        rows.append(
            [
                chosen.runs[name],
                percent(last[metric]),
                percent_interval(*last["ci95"]),
                point_interval(*last["difference_ci95"]),
                relative_change(_errors(summary, last), before=_errors(summary, base)),
            ]
        )
    head = metric if summaries["best"]["higher_is_better"] else metric.upper()
    heads = ["after the last cycle", head, "95 %", "difference to base, points, 95 %", "errors"]
    print_table(heads, rows, right=heads[1:])


def _errors(summary: dict[str, Any], entry: dict[str, Any]) -> float:
    """The rate of errors, whether the metric counts them or what is right."""
    rate: float = entry[summary["metric"]]
    return 1 - rate if summary["higher_is_better"] else rate
