r"""Does it learn on a real Whisper and real speech? RAFT, its controls, and what else was tried.

    python benchmarks/real_whisper.py --data DIR --model MODEL --output OUT           # train
    python benchmarks/real_whisper.py --data DIR --model MODEL --output OUT --full    # all
    python benchmarks/real_whisper.py --data DIR --model MODEL --output OUT --report  # test, once
    python benchmarks/real_whisper.py --data DIR --model MODEL --output OUT --table   # docs

DIR holds `nonnative`, `coffee` and `readspeech`; docs/real-whisper.md says from where. The main
arms are trained with every seed, a few others with the first; with --full also the sweep by which
they are chosen on held-out clips. Test sets and read speech are measured by --report alone.

A run that is finished in OUT is read again, one that was interrupted goes on, and so does a report.
What --table writes of them into docs/real-whisper stays: OUT may go, and another seed come later.
Two processes may work in one OUT: what one is at, the other leaves out, and says so.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from existing import existing
from performance.machine import ROOT, machine
from performance.report import write_region
from real_speech.arms import NONNATIVE, SWEEP, TESTED, Arm
from real_speech.brief import brief
from real_speech.kept import machines
from real_speech.manifests import check, write_unlabelled
from real_speech.measuring import bases, measure, models_of, test_sets
from real_speech.outcome import line
from real_speech.plan import Setup
from real_speech.results import collect, keep
from real_speech.tables import tables
from real_speech.training import train

from audioforge.errors import AudioForgeError, UsageError
from audioforge.files.atomic import write_json
from audioforge.inference.stop import Interrupted

PAGE = ROOT / "docs" / "real-whisper.md"
README = ROOT / "README.md"
FIGURES = ROOT / "docs" / "real-whisper.json"


def main() -> None:
    """Do what was asked for; exit with 1 where a run failed, with 130 where it was stopped."""
    arguments = _arguments()
    model = Path(arguments.model)
    setup = Setup(
        arguments.data.resolve(),
        str(model.resolve()) if model.exists() else arguments.model,
        arguments.output.resolve(),
        arguments.settings,
    )
    try:
        check(setup)
        if arguments.table:
            _write_page(arguments, setup)
        elif arguments.report:
            _report(arguments, setup)
        elif failures := list(_train(arguments, setup)):
            sys.exit("\n".join(["", *failures]))
    except AudioForgeError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


def _train(arguments: argparse.Namespace, setup: Setup) -> Iterator[str]:
    """Make the runs, seed by seed; yield what failed."""
    write_unlabelled(setup)
    for number, seed in enumerate(arguments.seeds):
        for arm in _arms(arguments):
            if number and not arm.is_main:
                continue
            try:
                print(line(arm, seed, train(arm, seed, setup)), flush=True)
            except Interrupted:
                raise
            except AudioForgeError as error:
                print(f"{arm.name} seed {seed}: {error}", file=sys.stderr, flush=True)
                yield f"failed: {arm.name} seed {seed}"


def _report(arguments: argparse.Namespace, setup: Setup) -> None:
    """Measure the base and every finished run of the arms that are tested."""
    models = [*bases(setup)]
    for number, seed in enumerate(arguments.seeds):
        for arm in _arms(arguments):
            if arm.is_tested and (arm.is_main or not number):
                models += models_of(arm, seed, setup, halfway=not number)
    for model in sorted(models, key=lambda model: model.point < 1):  # the runs' own weights first
        measure(model, test_sets(model.corpus, setup, arguments.noisy), setup)


def _write_page(arguments: argparse.Namespace, setup: Setup) -> None:
    """Keep the figures, and write them into the page and README.md."""
    keep((*TESTED, *SWEEP), arguments.seeds, setup)
    content = {
        "model": Path(setup.model).name,
        "machine": machine(),
        "processors": machines(setup),
        "seeds": arguments.seeds,
        **collect((*TESTED, *SWEEP), arguments.seeds, setup),
    }
    if not content["heldout"]:
        raise UsageError(f"--output {setup.output}: no run of it is finished, and none is kept")
    write_json(FIGURES, content)
    kept = json.loads(FIGURES.read_text(encoding="utf-8"))
    write_region(PAGE, "real", tables(kept))
    write_region(README, "real", brief(kept))


def _arms(arguments: argparse.Namespace) -> list[Arm]:
    """Return the arms that were named, or those of the report, with --full also the sweep."""
    if not arguments.arms:
        return [*TESTED, *(SWEEP if arguments.full else ())]
    known = {arm.name: arm for arm in (*TESTED, *SWEEP)}
    return [
        known.get(name) or Arm(name, NONNATIVE, tuple(name.split(" then ")))
        for name in arguments.arms
    ]


def _pair(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"'{text}' is not KEY=VALUE")
    return key, yaml.safe_load(value)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=existing, required=True, help="folder of the corpora")
    parser.add_argument("--model", required=True, help="checkpoint: a folder or a hub id")
    parser.add_argument("--output", type=Path, required=True, help="runs and measurements")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--full", action="store_true", help="also the sweep, with the first seed")
    parser.add_argument(
        "--arms",
        nargs="+",
        help="only these: names of real_speech/arms.py, or stages on nonnative: best, a then b",
    )
    parser.add_argument("--report", action="store_true", help="measure on the test sets")
    parser.add_argument(
        "--noisy", type=existing, help="coffee/test mixed with noise by benchmarks/mix_noise.py"
    )
    parser.add_argument(
        "--table", action="store_true", help="write docs/real-whisper.md and .json, and README.md"
    )
    parser.add_argument(
        "--settings",
        type=_pair,
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="what every run has instead of its own, to try it out: limit=8 num_cycles=1",
    )
    arguments = parser.parse_args()
    arguments.settings = dict(arguments.settings)
    return arguments


if __name__ == "__main__":
    main()
