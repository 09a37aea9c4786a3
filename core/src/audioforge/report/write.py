"""`report.html`: made of the files of a run folder, whoever asks for it and whenever."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from audioforge.errors import UsageError, describe
from audioforge.files import atomic
from audioforge.report.compared import Compared, held_out, tested
from audioforge.report.components import paragraph, utterances
from audioforge.report.cost import cost
from audioforge.report.did_it_help import did_it_help, verdict
from audioforge.report.markup import Content, foreign, joined
from audioforge.report.page import Section, page
from audioforge.report.record import RunRecord
from audioforge.report.related import related
from audioforge.report.repeat import repeat
from audioforge.report.utterance_rows import measured_set, training_set
from audioforge.report.where import where
from audioforge.report.why import why

REPORT = "report.html"
"""Name of the file in a run folder."""


def write_report(root: Path, others: Sequence[Path] = (), output: Path | None = None) -> Path:
    """Write a run's page, in one step, and return where it is.

    Args:
        root: The run folder, of a finished run or not.
        others: Folders of runs to compare it with, beside those that are found.
        output: Where to write it; None for `report.html` in the folder.

    Raises:
        UsageError: If there is no run in a folder, or its files cannot be read.
        OSError: If it cannot be written.
    """
    path = root.absolute() / REPORT if output is None else output.absolute()
    made = report_page(root, others)
    with atomic.new_file(path, durable=False) as temporary:  # it can be made again
        temporary.write_text(made, encoding="utf-8")
    return path


def report_page(root: Path, others: Sequence[Path] = ()) -> str:
    """Return a run's page; see `write_report`.

    Raises:
        UsageError: If there is no run in a folder, or its files cannot be understood.
    """
    try:
        return _page(root, others)
    except (KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{root}: its files do not hold what a run writes there ({describe(error)}): a run of "
            f"another version of AudioForge, or a damaged one"
        ) from error


def _page(root: Path, others: Sequence[Path]) -> str:
    record = RunRecord.read(root)
    beside = related(record, others)
    rows = held_out(record)
    sections = [
        did_it_help(record, beside),
        where(record, rows),
        why(record),
        _exactly(record, rows),
        cost(record, rows),
        repeat(record),
    ]
    settings = record.settings
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    about = joined(
        foreign(str(settings.get("model_name"))),
        " learns from ",
        foreign(str(settings.get("dataset"))),
        f" ({record.selection}, seed {record.seed}). Written by audioforge report on {made}.",
    )
    return page(
        f"AudioForge run {record.name}", [paragraph(about, kind="muted"), verdict(record)], sections
    )


def _exactly(record: RunRecord, rows: Sequence[Compared]) -> Section:
    sets = [
        measured_set(name, record, of, trained)
        for name, of, trained in (
            ("held out", rows, record.trained_name),
            ("test", tested(record), "exported"),
        )
        if of
    ]
    training = training_set(record)
    if training is not None:
        sets.append(training)
    content: list[Content] = (
        [utterances(sets)] if sets else [paragraph("No utterance is measured yet.")]
    )
    return Section("exactly", "What exactly?", content)
