"""Writes that are killed: a reader sees what was before or what came after, never a part."""

from __future__ import annotations

import json
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from audioforge.files import atomic
from audioforge.files.journal import Journal, mend, whole_lines

from .tone_run import Fork, until

pytestmark = pytest.mark.no_cover  # shorter tests pass the same lines

KILLS = 12
LONG = "x" * 200_000


def killed_often(folder: Path, work: Callable[[], None], look: Callable[[], None]) -> None:
    """Kill a process at random instants, looking at what it writes meanwhile and afterwards."""
    draw = random.Random(0)
    begun = folder / "begun"

    def _work() -> None:
        begun.touch()
        work()

    for _ in range(KILLS):
        fork = Fork(_work)
        until(begun.exists)
        begun.unlink()
        latest = time.monotonic() + draw.uniform(0.02, 0.2)
        while time.monotonic() < latest:
            look()
        fork.signal(signal.SIGKILL)
        assert fork.end() == -signal.SIGKILL, fork.said
        look()


def test_a_file_is_old_or_new(tmp_path: Path) -> None:
    path, seen = tmp_path / "value.json", set()

    def _write_forever() -> None:
        number = 0
        while True:
            number += 1
            atomic.write_json(path, {"number": number, "again": [number] * 5_000})

    def _look() -> None:
        if path.is_file():
            value = json.loads(path.read_text())
            assert value["again"] == [value["number"]] * 5_000
            seen.add(value["number"])

    killed_often(tmp_path, _write_forever, _look)
    assert len(seen) > 3


def test_a_folder_is_whole_or_not_there(tmp_path: Path) -> None:
    path, seen = tmp_path / "model", set()

    def _write_forever() -> None:
        number = 0
        while True:
            number += 1
            with atomic.new_folder(path) as folder:
                for name in ("a", "b", "c"):
                    (folder / name).write_text(f"{number} {LONG}")

    def _look() -> None:
        try:
            numbers = [(path / name).read_text().split()[0] for name in ("a", "b", "c")]
        except OSError:  # it is being replaced
            return
        seen.update(numbers)

    killed_often(tmp_path, _write_forever, _look)
    if path.is_dir():
        assert sorted(p.name for p in path.iterdir()) == ["a", "b", "c"]
        contents = {(path / name).read_text() for name in ("a", "b", "c")}
        assert len(contents) == 1
    assert len(seen) > 3
    atomic.remove_leftovers(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} <= {"model"}


def test_a_journal_loses_at_most_the_line_that_was_under_way(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "lines", 0)

    def _append_forever() -> None:
        for path in journal.files:
            mend(path)
        number = sum(1 for _ in journal.read())
        while True:
            journal.append([{"number": number, "text": LONG}])
            number += 1
            (tmp_path / "done").write_text(str(number))

    def _look() -> None:
        numbers = [line["number"] for line in journal.read()]
        assert numbers == list(range(len(numbers)))

    killed_often(tmp_path, _append_forever, _look)
    assert sum(1 for _ in journal.read()) > 30


@pytest.mark.parametrize(
    "torn", [b"", b"{", b'{"number": 2', b'{"number": 2}', b"\0" * 4096, b"\0\0\n\xff\xfe{\n"]
)
def test_torn_lines_are_taken_out(tmp_path: Path, torn: bytes) -> None:
    journal = Journal(tmp_path, "lines", 3)
    journal.append([{"number": 0}, {"number": 1}])
    with journal.path(3).open("ab") as file:
        file.write(torn)
    assert [line["number"] for line in journal.read()] == [0, 1]
    mend(journal.path(3))
    journal.append([{"number": 2}])
    assert [line["number"] for line in journal.read()] == [0, 1, 2]
    assert journal.path(3).read_bytes().count(b"\n") == 3


def test_the_lines_of_all_processes_are_read(tmp_path: Path) -> None:
    for rank in (0, 1, 12):
        Journal(tmp_path, "lines", rank).append([{"rank": rank}])
    Journal(tmp_path, "lines-of-others", 0).append([{"rank": 99}])
    assert [line["rank"] for line in Journal(tmp_path, "lines", 0).read()] == [0, 1, 12]
    assert list(whole_lines(Journal(tmp_path, "lines", 12).path(12))) == [{"rank": 12}]


def test_a_journal_does_not_make_its_run_folder_anew(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Journal(tmp_path / "gone" / "cycle-01", "lines", 0).append([{"a": 1}])


def test_a_line_that_lacks_only_its_end_is_torn(tmp_path: Path) -> None:
    """It would be whole but for the next line, which continued it."""
    journal = Journal(tmp_path, "rollouts", 0)
    journal.path(0).write_text('{"id": "a"}\n{"id": "b"}')
    assert list(journal.read()) == [{"id": "a"}]
    mend(journal.path(0))
    journal.append([{"id": "c"}])
    assert list(journal.read()) == [{"id": "a"}, {"id": "c"}]
