r"""`make bench`: measures, and writes `docs/performance.json`, its chart and its tables.

    make bench
    make bench ARGS="--model CHECKPOINT --data MANIFEST"    # a trained Whisper, and its recordings
    make bench ARGS="--only rollout update --resume"
    make bench ARGS=--quick                                 # two minutes, nano models, into nothing

Every contestant of a measurement takes its turns in this process (whole commands in processes of
their own), one after the other, again and again; CPU seconds count. A measurement is written as
soon as it is done, and --resume leaves out what this commit has measured on this machine.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import torch
from existing import existing

from performance.chart import write_chart
from performance.ctc import ctc
from performance.cycle import cycles
from performance.growth import growth
from performance.machine import ROOT, machine
from performance.material import Real
from performance.measure import measure, quiet
from performance.report import tables, write_region
from performance.results import Results
from performance.rollout import evaluations, rollouts
from performance.start_up import start_ups
from performance.subjects import Measurement, Scope
from performance.update import updates

SUBJECTS: Mapping[str, Callable[[Scope], Iterator[Measurement]]] = {
    "rollout": rollouts,
    "evaluation": evaluations,
    "update": updates,
    "CTC": ctc,
    "cycle": cycles,
    "start-up": start_ups,
    "growth": growth,
}


def main() -> None:
    """Measure what was asked for."""
    arguments = _arguments()
    torch.set_num_threads(1)
    quiet()
    output: Path | None = arguments.output
    with tempfile.TemporaryDirectory(prefix="audioforge-bench-") as scratch:
        scope = Scope(
            scratch=Path(scratch),
            rounds=1 if arguments.quick else arguments.rounds,
            quick=arguments.quick,
            real=Real(arguments.model, arguments.data) if arguments.model else None,
        )
        path = (output or Path(scratch)) / "performance.json"
        results = Results(path, machine())
        if path.is_file() and not results.taken_over:
            print(f"{path} is of another machine or other versions, and is begun anew")
        planned = [m for subject in arguments.only for m in SUBJECTS[subject](scope)]
        measure(results, planned, resume=arguments.resume)
        print(f"\n{tables(results.content)}")
        if output is not None:
            publish(results, output)


def publish(results: Results, folder: Path) -> None:
    """Write the tables into the page, and draw the chart beside it."""
    write_region(folder / "performance.md", "bench", tables(results.content))
    try:
        write_chart(folder / "performance.svg", results.content)
    except ImportError as error:
        print(f"no chart: {error}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=SUBJECTS, default=list(SUBJECTS))
    parser.add_argument("--resume", action="store_true", help="leave out what is measured already")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each contestant")
    parser.add_argument("--model", type=existing, help="folder of a trained Whisper")
    parser.add_argument("--data", type=existing, help="manifest of recordings for it")
    parser.add_argument("--quick", action="store_true", help="nano models, one round")
    parser.add_argument("--output", type=Path, help="folder of the page; otherwise docs")
    arguments = parser.parse_args()
    if (arguments.model is None) != (arguments.data is None):
        parser.error("--model and --data are given together")
    if arguments.output is None and not arguments.quick:
        arguments.output = ROOT / "docs"
    return arguments


if __name__ == "__main__":
    main()
