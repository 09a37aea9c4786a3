"""What was found stays when the folders of its runs go: small files beside the page.

A seed can so be added later, on another machine: what OUT does not hold is read from here. Of a run
there is what its summary says of held-out clips, of a measurement what each utterance adds to each
metric; which utterances those are, and whose, stands once for each set.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from performance.machine import machine

from audioforge.files.atomic import write_text
from audioforge.run.folder import RunFolder
from real_speech.outcome import best_trained
from real_speech.plan import Setup

SETS = "sets"
"""The folder in it that says which utterances a set has."""
HELD_OUT = "heldout.json"
OF_A_CYCLE = ("cycle", "difference_ci95", "cut", "seconds")


def summary_of(folder: Path, setup: Setup) -> dict[str, Any] | None:
    """Return what a finished run says of itself, or what was kept of it; None if nothing was.

    Args:
        folder: Where the run is, or was, in OUT.
        setup: Where OUT is, and what is kept.
    """
    summary = RunFolder(folder).read_summary()
    return summary or _read(_place(folder, setup) / HELD_OUT)


def record_of(path: Path, setup: Setup) -> dict[str, Any] | None:
    """Return a measurement, or what was kept of it; None if nothing was.

    Args:
        path: Where it is, or was, in OUT; named by its set.
        setup: Where OUT is, and what is kept.
    """
    if (record := _read(path)) is not None:
        return record
    record, utterances = _read(_place(path, setup)), _read(_set(path, setup))
    return None if record is None or utterances is None else utterances | record


def keep_summary(folder: Path, setup: Setup) -> None:
    """Keep what a finished run in OUT says of held-out clips."""
    summary = RunFolder(folder).read_summary()
    if summary is None:
        return
    metric, last = summary["metric"], best_trained(summary)
    record = {
        "machine": machine()["cpu"],
        "metric": metric,
        "base": {metric: summary["base"][metric]},
        "improved": summary["improved"],
        "best": {"cycle": last["cycle"], "rejected": {"cycle": last["cycle"]}},
        "cycles": [
            {metric: cycle[metric], **{name: cycle[name] for name in OF_A_CYCLE}}
            for cycle in summary["cycles"]
        ],
        "learnability": summary["learnability"],
    }
    _write(_place(folder, setup) / HELD_OUT, record)


def keep_record(path: Path, setup: Setup) -> None:
    """Keep a measurement in OUT.

    Raises:
        ValueError: If it is of other utterances than those kept of its set.
    """
    if (record := _read(path)) is None:
        return
    utterances = {name: record[name] for name in ("ids", "speakers")}
    if (known := _read(_set(path, setup))) is None:
        _write(_set(path, setup), utterances)
    elif known != utterances:
        raise ValueError(f"{path}: not measured on the utterances of {_set(path, setup)}")
    result = {name: record["result"][name] for name in ("n", "style") if name in record["result"]}
    parts = {
        name: [[_whole(number) for number in side] for side in sides]
        for name, sides in record["parts"].items()
    }
    content = {"machine": machine()["cpu"], "result": result, "parts": parts}
    _write(_place(path, setup), content)


def machines(setup: Setup) -> list[str]:
    """Return the processors that what is kept was found on."""
    found = (_read(path) or {} for path in setup.kept.rglob("*.json"))
    return sorted({record["machine"] for record in found if "machine" in record})


def _place(path: Path, setup: Setup) -> Path:
    return setup.kept / path.relative_to(setup.output)


def _set(path: Path, setup: Setup) -> Path:
    """Return where the utterances of the set are that a measurement is named by."""
    return setup.kept / SETS / path.name


def _whole(number: float) -> float:
    """Return a count as a whole number, which takes half the room."""
    return int(number) if number == int(number) else number


def _read(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def _write(path: Path, content: Mapping[str, Any]) -> None:
    """Write a field on each line: short, and yet what differs can be seen."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (f"{json.dumps(name)}: {json.dumps(value)}" for name, value in content.items())
    write_text(path, "{\n" + ",\n".join(lines) + "\n}\n")
