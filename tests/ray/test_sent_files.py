"""Sound that a node does not see: sent once, kept within a bound, and named as the driver does."""

import os
import threading
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audioforge.errors import TrainingError
from audioforge.inference.clips import ClipLoader, chunks_of
from audioforge.inference.skip_log import SkipLog
from audioforge.sample import AudioSample
from audioforge_ray import sent_files
from audioforge_ray.node_cache import NodeCache
from audioforge_ray.node_folder import NodeFolder
from audioforge_ray.sent_files import Sender, SentFiles

RATE = 8000


class Model:
    sampling_rate, max_seconds, min_seconds = RATE, 10.0, 0.01


class Driver(Sender):
    """Has a folder that nobody else sees: its files are named below /driver."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.pieces = folder, []

    def real(self, path: str) -> str:
        return str(self.folder / Path(path).relative_to("/driver"))

    def describe(self, path):
        return super().describe(self.real(path))

    def piece(self, path, start):
        self.pieces.append((path, start))
        return super().piece(self.real(path), start)


@pytest.fixture
def driver(tmp_path) -> Driver:
    (tmp_path / "driver").mkdir()
    return Driver(tmp_path / "driver")


@pytest.fixture
def files(tmp_path, driver):
    def _files(limit: int = 10**9) -> SentFiles:
        node = NodeFolder("run", tmp_path / "node")
        nodes.append(node)
        return SentFiles(driver, node, limit, Path("/driver"))

    nodes: list[NodeFolder] = []
    return _files


def content(files: SentFiles, name: str) -> bytes:
    with files.at_hand(Path("/driver") / name) as path:
        assert path != Path("/driver") / name
        return path.read_bytes()


def kept(tmp_path) -> list[Path]:
    return [p for p in (tmp_path / "node/run/sent").iterdir() if not p.name.startswith(".")]


def test_a_file_travels_once_whatever_its_names_and_however_many_workers(
    driver, files, monkeypatch
):
    monkeypatch.setattr(sent_files, "PIECE_BYTES", 1000)
    sound = os.urandom(2500)
    for name in ("a.wav", "b.wav"):
        (driver.folder / name).write_bytes(sound)
    workers = [files() for _ in range(3)]
    got: list[bytes] = []
    threads = [
        threading.Thread(target=lambda w=w, n=n: got.append(content(w, n)))
        for w in workers
        for n in ("a.wav", "b.wav")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [sound] * 6
    assert sorted(start for _, start in driver.pieces) == [0, 1000, 2000]


def test_a_file_that_was_written_to_travels_again(driver, files):
    worker = files()
    (driver.folder / "a.wav").write_bytes(b"before")
    assert content(worker, "a.wav") == b"before"
    known = worker.state(Path("/driver/a.wav"))
    (driver.folder / "a.wav").write_bytes(b"and after")
    assert content(worker, "a.wav") == b"and after"
    assert worker.state(Path("/driver/a.wav")) != known


def test_a_file_that_changes_on_the_way_is_never_taken_for_another(driver, files, monkeypatch):
    def torn(path, start):
        piece = sent_files.Sender.piece(driver, driver.real(path), start)
        if not torn_once:
            torn_once.append(path)
            return piece[:-1]
        return piece

    torn_once: list[str] = []
    (driver.folder / "a.wav").write_bytes(b"whole")
    monkeypatch.setattr(driver, "piece", torn)
    assert content(files(), "a.wav") == b"whole"
    assert torn_once == ["/driver/a.wav"]


def test_the_oldest_goes_first_and_never_what_is_being_read(driver, files, tmp_path):
    worker = files(limit=3000)
    for number in range(6):
        (driver.folder / f"{number}.wav").write_bytes(bytes([number]) * 1000)
    with ExitStack() as stack:
        held = stack.enter_context(worker.at_hand(Path("/driver/0.wav")))
        for number in range(1, 6):
            content(worker, f"{number}.wav")
            os.utime(kept(tmp_path)[0])
            assert sum(p.stat().st_size for p in kept(tmp_path)) <= 3000
        assert held.read_bytes() == bytes(1000)
    travelled = len(driver.pieces)
    content(worker, "5.wav")
    assert len(driver.pieces) == travelled, "the newest is there"
    content(worker, "1.wav")
    assert len(driver.pieces) == travelled + 1, "an old one is not"


def test_a_file_larger_than_the_bound_is_read_and_goes_with_the_next(driver, files, tmp_path):
    worker = files(limit=10)
    for name in ("a.wav", "b.wav"):
        (driver.folder / name).write_bytes(name.encode() * 100)
        assert content(worker, name) == name.encode() * 100
    assert len(kept(tmp_path)) == 1


def test_a_node_without_room_says_what_to_do(driver, files, tmp_path):
    worker = files()
    (driver.folder / "a.wav").write_bytes(b"sound")
    for path in (tmp_path / "node/run/sent").iterdir():
        path.unlink()
    (tmp_path / "node/run/sent").rmdir()
    with pytest.raises(TrainingError, match=r"/driver/a\.wav: this node cannot .* TMPDIR"):
        content(worker, "a.wav")


def test_what_this_node_sees_is_read_where_it_lies(driver, files, tmp_path):
    seen = tmp_path / "seen.wav"
    seen.write_bytes(b"here")
    with files().at_hand(seen) as path:
        assert path == seen
    assert driver.pieces == []


def tone(path: Path, hertz: float) -> Path:
    soundfile.write(path, 0.1 * np.sin(np.arange(RATE) * hertz / 1300), RATE)
    return path


def test_clips_sound_as_where_the_driver_reads_them_and_are_named_as_there(driver, files, tmp_path):
    tone(driver.folder / "a.wav", 300)
    tone(driver.folder / "long.wav", 400)
    parts = {
        "a": ("a.wav", None),
        "one": ("long.wav", 0.0),
        "two": ("long.wav", 0.5),
        "absent": ("absent.wav", None),
    }

    def heard(folder: Path, **cache):
        samples = [
            AudioSample(i, folder / f, offset=o, duration=None if o is None else 0.5)
            for i, (f, o) in parts.items()
        ]
        batches = list(ClipLoader(Model(), SkipLog(), **cache).batches(chunks_of(samples, 2)))
        problems = {i: str(p) for batch in batches for i, p in batch.problems.items()}
        return {c.sample.id: c for batch in batches for c in batch.clips}, problems

    here, _ = heard(driver.folder)
    for relative in (False, True):  # the second time the sound is kept
        node = NodeCache(NodeFolder("run", tmp_path / "node"), files())
        node.open(10**9, pytest.fail)
        there, problems = heard(Path() if relative else Path("/driver"), cache=node)
        assert there.keys() == here.keys() == {"a", "one", "two"}
        for i, clip in there.items():
            assert np.array_equal(clip.waveform, here[i].waveform)
            assert clip.sample.audio == (Path() if relative else Path("/driver")) / parts[i][0]
        assert "no such file" in problems["absent"]
        assert str(tmp_path) not in problems["absent"]
    assert len(driver.pieces) == 2, "once each"
