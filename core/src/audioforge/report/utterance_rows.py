"""The rows of the table of utterances, as the page's script reads them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from audioforge.report.compared import Compared, Said
from audioforge.report.record import Line, RunRecord
from audioforge.report.sound import embedded, link
from audioforge.report.word_errors import Errors, errors_of

MOST_BYTES = 10_000_000
"""Text of a set's rows in a page; what changed most comes first."""
MOST_CLIPS = 5_000
"""Training clips whose hypotheses are shown."""
LONGEST = 2_000
"""Characters of an output that are kept; a loop of words says nothing new after that."""

Row = dict[str, Any]


def measured_set(
    name: str, record: RunRecord, rows: Sequence[Compared], trained: str | None
) -> Row:
    """Return a set of utterances that models are measured on.

    Args:
        name: Name of the set.
        record: The run.
        rows: The utterances.
        trained: Name of the trained model; None where there is none yet.
    """
    outputs = ["base", *([trained] if trained else [])]
    unit = "errors" if record.task == "asr" else "result"
    # While it runs, a page is made again and again, and the files are where they were.
    sounds = embedded(rows) if record.is_finished else {}
    ordered = sorted(rows, key=lambda row: -abs(row.gain or 0))
    made = [_row(record, row, sounds, len(outputs)) for row in ordered]
    shown, note = _within(made, MOST_BYTES)
    if unit == "errors":
        note += "Errors are counted by the run's normaliser; marks leave out case and punctuation."
    return {
        "name": name,
        "note": note,
        "unit": unit,
        "outputs": outputs,
        "rows": shown,
    }


def training_set(record: RunRecord) -> Row | None:
    """Return the training clips with all hypotheses of every cycle; None where there are none."""
    clips: dict[str, dict[int, Line]] = {}
    left_out: set[str] = set()
    for cycle in record.begun_cycles:
        for line in record.rollouts(cycle):
            identity = str(line["id"])
            if identity in clips or len(clips) < MOST_CLIPS:
                clips.setdefault(identity, {})[cycle] = line
            else:
                left_out.add(identity)
    if not clips:
        return None
    first, last = record.begun_cycles[0], max(max(of) for of in clips.values())
    numbers = [first] if first == last else [first, last]
    made = [_training_row(record, identity, of, numbers) for identity, of in clips.items()]
    shown, note = _within(made, MOST_BYTES, besides=len(left_out))
    return {
        "name": "training",
        "note": f"{note}A row shows the best of a clip's hypotheses; “more” has all of them.",
        "unit": "reward",
        "outputs": [f"cycle {number}, best hypothesis" for number in numbers],
        "rows": shown,
    }


def _row(record: RunRecord, row: Compared, sounds: Mapping[str, str], models: int) -> Row:
    line = row.line
    outputs = [_said(record, said) for said in (row.base, row.best)][:models]
    known = {
        "id": str(line["id"]),
        "reference": line.get("text"),
        "speaker": line.get("speaker"),
        "language": line.get("language"),
        "seconds": line.get("duration"),
        "metadata": line.get("metadata"),
        "sound": sounds.get(str(line["id"])) or link(record.root, line),
    }
    steps = [
        {"name": f"cycle {number}", **(_said(record, said) or {})}
        for number, said in sorted(row.cycles.items())
    ]
    made = {key: value for key, value in known.items() if value is not None}
    gain = row.gain if len(outputs) > 1 else None
    return made | {"outputs": outputs, "change": gain, "steps": steps}


def _said(record: RunRecord, said: Said | None) -> Row | None:
    if said is None:
        return None
    made = _output(said.line.get("pred_text"), said.errors)
    if said.errors is None and (parts := said.parts("accuracy")) is not None:
        made["right"] = parts[0] > 0
    if isinstance(said.line.get("pred_audio"), str):
        made["sound"] = _beside(record, f"{said.folder}/{said.line['pred_audio']}")
    badges = [text for key, text in BADGES.items() if said.line.get(key)]
    return made | ({"badges": badges} if badges else {})


BADGES = {"runaway": "run-away", "cut": "cut", "no_speech": "no speech", "temperature": "fell back"}


def _output(text: str | None, errors: Errors | None) -> Row:
    made: Row = {}
    if text is not None:
        made["text"] = text if len(text) <= LONGEST else f"{text[:LONGEST]} …"
    if errors is not None:
        made["errors"] = list(errors.edits)
    return made


def _training_row(
    record: RunRecord, identity: str, cycles: Mapping[int, Line], numbers: Sequence[int]
) -> Row:
    some = next(iter(cycles.values()))
    best = {number: _best(line) for number, line in cycles.items()}
    outputs = [
        None if number not in cycles else _hypothesis(record, best[number]) for number in numbers
    ]
    rewards = [None if number not in best else best[number].get("reward") for number in numbers]
    gain = None
    if len(rewards) == 2 and rewards[0] is not None and rewards[1] is not None:
        gain = round(rewards[1] - rewards[0], 6)
    made: Row = {"id": identity, "outputs": outputs, "change": gain}
    made |= {
        key: some[name]
        for key, name in (("speaker", "speaker"), ("language", "language"), ("seconds", "duration"))
        if some.get(name) is not None
    }
    if some.get("reference") is not None:
        made["reference"] = some["reference"]
    if (sound := link(record.root, some)) is not None:
        made["sound"] = sound
    made["steps"] = [
        {
            "name": f"cycle {number}",
            "hypotheses": [_hypothesis(record, h) for h in line["hypotheses"]],
        }
        for number, line in sorted(cycles.items())
    ]
    return made


def _best(line: Line) -> Line:
    """Return the hypothesis with the highest reward, the likelier of equal ones."""
    hypotheses: list[Line] = line["hypotheses"]
    return max(
        hypotheses,
        key=lambda h: (
            -1.0 if h.get("reward") is None else h["reward"],
            -float("inf") if h.get("logprob") is None else h["logprob"],
        ),
        default={},
    )


def _hypothesis(record: RunRecord, hypothesis: Line) -> Row:
    scores: Mapping[str, Any] = hypothesis.get("scores", {})
    errors = errors_of(scores["wer"]["metrics"]) if "wer" in scores else None
    text = hypothesis.get("text", hypothesis.get("label"))
    made = _output(text, errors)
    made["reward"] = _short(hypothesis.get("reward"))
    made["scores"] = {name: _short(score.get("reward")) for name, score in scores.items()}
    if hypothesis.get("logprob") is not None:
        made["logprob"] = round(hypothesis["logprob"], 2)
    if hypothesis.get("kept"):
        made["kept"] = True
    if hypothesis.get("cut"):
        made["badges"] = [BADGES["cut"]]
    if isinstance(hypothesis.get("audio"), str):
        made["sound"] = _beside(record, hypothesis["audio"])
    return made


def _beside(record: RunRecord, path: str) -> str | None:
    """Return where a browser finds generated sound, by its path in the run folder."""
    return link(record.root, {"audio_filepath": str(record.root / path)})


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _within(rows: Iterable[Row], room: int, besides: int = 0) -> tuple[list[Row], str]:
    """Return the rows that fit, and what is to be said of the others.

    Args:
        rows: The rows, the most telling first.
        room: Characters that there are.
        besides: Rows that are left out already.
    """
    shown, left_out = [], besides
    for row in rows:
        # Embedded sound is bounded by itself.
        length = len(json.dumps({**row, "sound": None}, ensure_ascii=False))
        if left_out > besides or length > room:
            left_out += 1
            continue
        room -= length
        shown.append(row)
    note = f"{left_out:,} more would make the page too large and are left out. " if left_out else ""
    return shown, note
