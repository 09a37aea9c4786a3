"""The report on a dataset as `audioforge datasets show` prints it."""

from __future__ import annotations

from typing import Any

from audioforge.measuring.style import describe_style
from audioforge.terminal.console import print_line
from audioforge.terminal.escapes import one_line

MOST_TEXT = 200
"""Characters of a transcript that an example shows."""


def print_dataset(report: dict[str, Any]) -> None:
    """Print what `audioforge datasets show --json` prints, for people."""
    seen = f"the first {report['limit']} lines" if report["limit"] else "all lines"
    print_line(one_line(f"{report['dataset']}: {report['samples']} usable clips in {seen}"))
    if report["samples"]:
        _print_figures(report)
        if report["model"] is not None:
            _print_model(report["model"], report)
        _print_examples(report["examples"])
    _print_decoded(report)
    _print_problems(report["problems"])


def _print_figures(report: dict[str, Any]) -> None:
    length = report["seconds"]
    _print_figure("total", f"{report['hours']:.2f} h")
    _print_figure(
        "durations",
        f"{length['min']:.2f} s shortest, {length['median']:.2f} s median, "
        f"{length['p95']:.2f} s 95th percentile, {length['max']:.2f} s longest",
    )
    _print_figure("rates", ", ".join(f"{r} Hz ({n})" for r, n in report["sampling_rates"].items()))
    _print_figure("channels", ", ".join(f"{c} ({n})" for c, n in report["channels"].items()))
    _print_figure("speakers", _speakers(report))
    if report["languages"]:
        _print_figure("languages", _counts(report["languages"]))
    if report["labels"]:
        _print_figure("labels", f"{len(report['labels'])}: {_counts(report['labels'])}")
    _print_figure("transcripts", f"{report['with_reference']} of {report['samples']}")
    if report["with_reference"]:
        _print_figure("style", describe_style(report["style"]))


def _print_figure(name: str, value: str) -> None:
    print_line(f"  {name:<15}{value}")


def _speakers(report: dict[str, Any]) -> str:
    if (largest := report["largest_speaker"]) is None:
        return "not stated"
    most = one_line(f"{largest['clips']} clips of {largest['speaker']}, who has most")
    unknown = report["without_speaker"]
    return f"{report['speakers']}; {most}" + (f"; {unknown} clips state none" if unknown else "")


def _print_model(model: dict[str, Any], report: dict[str, Any]) -> None:
    """Print what the model cannot take, or that it can take all."""
    name = one_line(model["name"])
    if "max_seconds" not in model:
        _print_figure("model", f"{name}: its adapter does not say what it can take unloaded")
        return
    said = []
    if model["max_seconds"] is not None:
        said.append(f"{model['too_long']} clips over its window of {model['max_seconds']:g} s")
    if model["unknown_characters"] is not None:
        lacking = model["unknown_characters"]
        said.append(
            f"its vocabulary lacks {_counts(lacking)}" if lacking else "it has every character"
        )
    elif model["unknown_labels"] is None:
        said.append("it can write any character")
    if model["unknown_labels"] is not None and report["labels"]:
        lacking = model["unknown_labels"]
        said.append(f"it has no class {_counts(lacking)}" if lacking else "it has every label")
    _print_figure("model", f"{name}: {'; '.join(said) or 'it takes clips of any length'}")


def _counts(counts: dict[str, int], most: int = 8) -> str:
    """Return the most frequent names with their counts."""
    shown = [f"{name} ({n})" for name, n in list(counts.items())[:most]]
    return one_line(", ".join(shown)) + (", …" if len(counts) > most else "")


def _print_examples(examples: list[dict[str, Any]]) -> None:
    for number, example in enumerate(examples, 1):
        print_line(f"Clip {number}:")
        for key, value in example.items():
            if value not in (None, []):
                text = ", ".join(value) if isinstance(value, list) else str(value)
                print_line(one_line(f"  {key:<15}{text:.{MOST_TEXT}}"))


def _print_decoded(report: dict[str, Any]) -> None:
    if report["decoded"] < report["samples"]:
        print_line(
            f"Decoded in full: {report['decoded']} clips; of the others only the header was read, "
            f"which shows neither damage nor silence nor copies under another name (--decode all)."
        )


def _print_problems(problems: dict[str, Any]) -> None:
    if not problems["n"]:
        print_line("No problems found.")
        return
    kinds = ", ".join(f"{n} {kind}" for kind, n in problems["kinds"].items())
    print_line(f"Problems: {problems['n']} ({kinds})", style="yellow")
    for problem in problems["first"]:
        print_line(one_line(f"  {problem['kind']}: {problem['where']}: {problem['reason']}"))
    if problems["n"] > len(problems["first"]):
        print_line(f"  … and {problems['n'] - len(problems['first'])} more")
