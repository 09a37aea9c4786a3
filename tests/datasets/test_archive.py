"""Archives from the web: fetched once, whole or not at all."""

from __future__ import annotations

import functools
import hashlib
import http.server
import tarfile
import threading
from concurrent.futures import ThreadPoolExecutor

import datasets
import pytest

from audioforge.errors import DatasetError
from audioforge_datasets import speech_commands
from audioforge_datasets.archive import Archive, fetch

from .conftest import samples


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        """Keep quiet."""

    def do_GET(self):
        self.server.gets.append(self.path)
        super().do_GET()


@pytest.fixture
def server(tmp_path):
    """A web server of the folder `web`; `gets` lists what was downloaded."""
    (tmp_path / "web").mkdir()
    handler = functools.partial(Handler, directory=str(tmp_path / "web"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.gets = []
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    return tmp_path / "cache" / "audioforge"


@pytest.fixture
def archive(tmp_path, server, write_sound):
    """A small Speech Commands as its author packed it."""
    source = tmp_path / "source"
    for name in ("yes/0a_nohash_0.wav", "no/1b_nohash_0.wav", "_background_noise_/hum.wav"):
        write_sound(source / name)
    (source / "testing_list.txt").write_text("no/1b_nohash_0.wav\n")
    (source / "validation_list.txt").write_text("")
    path = tmp_path / "web" / "words.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        tar.add(source, arcname=".")
    url = f"http://127.0.0.1:{server.server_address[1]}/words.tar.gz"
    return Archive("words", url, hashlib.sha256(path.read_bytes()).hexdigest(), "3 kB")


def test_it_is_downloaded_once_and_then_needs_no_network(archive, server, cache, monkeypatch):
    folder = fetch(archive)
    assert folder == cache / "words"
    assert (folder / "yes" / "0a_nohash_0.wav").is_file()
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    assert fetch(archive) == folder
    assert server.gets == ["/words.tar.gz"]
    assert {path.name for path in cache.iterdir()} == {"words", "words.lock"}


def test_speech_commands_needs_no_folder(archive, cache, read, monkeypatch):
    monkeypatch.setattr(speech_commands, "ARCHIVE", archive)
    assert [s.labels for s in samples(read("speech_commands"))] == [("yes",)]
    assert [s.labels for s in samples(read("speech_commands", split="test"))] == [("no",)]


def test_several_processes_do_the_work_once(archive, server, cache):
    with ThreadPoolExecutor(4) as pool:
        folders = set(pool.map(fetch, [archive] * 4))
    assert folders == {cache / "words"}
    assert server.gets == ["/words.tar.gz"]


def test_another_file_is_not_taken_for_it(archive, tmp_path, cache):
    path = tmp_path / "web" / "words.tar.gz"
    good = path.read_bytes()
    path.write_bytes(good[:-100])
    with pytest.raises(DatasetError, match=r"words: .* not the archive .*--data-dir"):
        fetch(archive)
    assert not (cache / "words").exists()
    path.write_bytes(good)
    assert (fetch(archive) / "testing_list.txt").is_file()


def test_an_interrupted_extraction_is_done_again(archive, cache):
    (cache / "words.partial" / "yes").mkdir(parents=True)
    (cache / "words.partial" / "yes" / "left_over.wav").touch()
    assert not (fetch(archive) / "yes" / "left_over.wav").exists()


def test_without_network_it_says_what_to_do(cache, read, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    message = r"speech_commands_v0\.02\.tar\.gz \(2\.4 GB\) cannot be had: .*--data-dir"
    with pytest.raises(DatasetError, match=message):
        read("speech_commands")


def test_a_file_that_would_leave_the_folder_is_refused(archive, tmp_path, cache):
    path = tmp_path / "web" / "words.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        tar.add(tmp_path / "source" / "testing_list.txt", arcname="../../outside.txt")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(DatasetError, match="OutsideDestinationError"):
        fetch(Archive("words", archive.url, digest, "1 kB"))
    assert not list(tmp_path.rglob("outside.txt"))
