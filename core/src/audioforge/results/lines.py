"""The JSON lines of a run folder, read when somebody goes through them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from audioforge.files.journal import whole_lines
from audioforge.results.frames import flat, frame
from audioforge.results.shown import Shown, ShowsItself

if TYPE_CHECKING:
    import pandas as pd

MOST_SHOWN = 5
"""Lines of which a table shows what they hold."""


@frozen(repr=False)
class Lines(ShowsItself):
    """Lines of one kind, such as the predictions of a cycle.

    Attributes:
        what: What they are, for messages.
        files: Where they are.
    """

    what: str
    files: Sequence[Path]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield each line as the file holds it."""
        for path in self.files:
            yield from whole_lines(path)

    def __len__(self) -> int:
        """Count the lines, which reads the files."""
        return sum(1 for _ in self)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the rows of `to_frame`."""
        return map(flat, self)

    def to_frame(self) -> pd.DataFrame:
        """Return a data frame with a row for each line; needs pandas."""
        return frame(self.rows(), f"to_frame of {self.what}")

    def shown(self) -> Shown:
        """Return the first rows, and how many lines there are."""
        first = [row for row, _ in zip(self.rows(), range(MOST_SHOWN), strict=False)]
        columns = list(first[0]) if first else []
        cells = [[_cell(row.get(column)) for column in columns] for row in first]
        return Shown(columns, cells, [f"{self.what}: {len(self):,} lines"])


@frozen(repr=False)
class RolloutLines(Lines):
    """The rollouts of a cycle, a line for each clip; see docs/run-folder.md."""

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield a row for each hypothesis: its clip's columns, its own, and those of its scores."""
        for line in self:
            for index, hypothesis in enumerate(line["hypotheses"]):
                own = {key: value for key, value in hypothesis.items() if key != "scores"}
                scores = {
                    f"{identity}.{name}": value
                    for identity, score in hypothesis["scores"].items()
                    for name, value in {**score, **score["metrics"]}.items()
                    if name != "metrics"
                }
                clip = {key: line[key] for key in ("id", "cycle", "reference")}
                yield {**clip, "index": index, **own, **scores}

    def to_frame(self) -> pd.DataFrame:
        """Return a data frame with a row for each hypothesis; needs pandas.

        Its columns are `id`, `cycle`, `reference`, `index` (of the k hypotheses, from 0), `text`
        (or `label`, or `audio`), `logprob` in nats, `tokens`, `reward`, `kept`, and of each
        verifier `<id>.reward`, `<id>.passed` and `<id>.<metric>`.
        """
        return frame(self.rows(), f"to_frame of {self.what}")


def _cell(value: Any) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
