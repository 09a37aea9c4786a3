"""Sound and datasets at addresses, from a server on the loopback address."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import fsspec
import pytest
from click.testing import CliRunner
from huggingface_hub import constants

from audioforge.cli import cli
from audioforge.config import AudioRAFTConfig
from audioforge.dataset import DatasetRequest
from audioforge.errors import DatasetError
from audioforge.files.addresses import shown
from audioforge.given.data import GivenData
from audioforge.remote import fetch
from audioforge.run.identity.run_identity import DataIdentity

from .conftest import encoded_flac, samples, split_items

TABLE = b"path,text\nclips/a b.flac,hello\nclips/absent.flac,gone\nclips/page.flac,page\n"


class Web(ThreadingHTTPServer):
    """Serves `files` by path; what `failing` counts is answered with 503 so many times first."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.failing: Counter[str] = Counter()
        self.asked: list[str] = []
        self.root = f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Web

    def log_message(self, *arguments: object) -> None:
        """Keep quiet."""

    def do_GET(self) -> None:
        path = self.path
        self.server.asked.append(path)
        content = self.server.files.get(path, b"")
        status = 200 if path in self.server.files else 404
        if path.startswith("/secret"):
            status = 403
        if self.server.failing[path] > 0:
            self.server.failing[path] -= 1
            status = 503
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if status == 200 and path.startswith("/cut") and self.server.asked.count(path) == 1:
            content = content[: len(content) // 2]
        self.wfile.write(content if status == 200 else b"")


@pytest.fixture
def web(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(fetch, "PAUSES_S", (0, 0))
    monkeypatch.setattr(fetch, "_failures", Counter())
    server = Web()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    with closing(server.socket):
        yield server
        server.shutdown()
        thread.join()


def manifest(folder, *paths):
    path = folder / "m.jsonl"
    path.write_text("".join(f'{{"audio_filepath": "{p}", "text": "x"}}\n' for p in paths))
    return path


def test_a_table_at_an_address_names_its_sound_from_there(web, read):
    web.files |= {
        "/data/t.csv": TABLE,
        "/data/clips/a%20b.flac": encoded_flac(),
        "/data/clips/page.flac": b"\n<!DOCTYPE html><html>log in</html>",
    }
    good, problems = split_items(read(f"{web.root}/data/t.csv"))
    [sample] = good
    assert (sample.id, sample.reference) == ("clips/a b.flac", "hello")
    assert sample.audio.read_bytes() == encoded_flac()
    assert [(p.kind, p.reason.rpartition(": ")[2]) for p in problems] == [
        ("not fetched", "there is no such file; check the address"),
        ("not fetched", "gives a web page, not a file; take the address that downloads it"),
    ]
    asked = len(web.asked)
    assert split_items(read(f"{web.root}/data/t.csv"))[0]
    assert "t.csv" in problems[0].where
    assert web.asked[asked:] == ["/data/clips/absent.flac", "/data/clips/page.flac"]


def test_failures_that_pass_are_tried_again(web, read, tmp_path):
    web.files |= {"/later.flac": encoded_flac(), "/cut.flac": encoded_flac()}
    web.failing["/later.flac"] = 2
    path = manifest(tmp_path, f"{web.root}/later.flac", f"{web.root}/cut.flac")
    good = samples(read(path))
    assert [s.id for s in good] == [f"{web.root}/later.flac", f"{web.root}/cut.flac"]
    assert {s.audio.read_bytes() for s in good} == {encoded_flac()}
    assert Counter(web.asked) == {"/later.flac": 3, "/cut.flac": 2}
    assert not list((tmp_path / "home").rglob("*.tmp"))


def test_a_manifest_of_addresses_holds_neither_signatures_nor_copies_in_the_cache(
    web, read, tmp_path
):
    web.files["/a.flac?X-Amz-Signature=abc"] = encoded_flac()
    path = manifest(tmp_path, f"{web.root}/a.flac?X-Amz-Signature=abc")
    convert = [*["datasets", "convert"], str(path), str(tmp_path / "out.jsonl")]
    refused = CliRunner().invoke(cli, convert)
    assert "add --flac" in refused.output + str(refused.exception)
    CliRunner().invoke(cli, [*convert, "--flac"])
    [made] = samples(read(tmp_path / "out.jsonl"))
    assert made.id == f"{web.root}/a.flac"
    assert made.audio.parent == tmp_path / "out-flac"


def test_what_is_refused_or_absent_is_one_problem_each(web, read, tmp_path):
    secret = f"{web.root}/secret.flac?token=abc".replace("//", "//ann:word@", 1)
    path = manifest(tmp_path, secret, f"{web.root}/absent.flac")
    _, problems = split_items(read(path))
    assert "access is refused" in problems[0].reason
    assert "word" not in problems[0].reason
    assert "abc" not in problems[0].reason
    assert len(web.asked) == 2  # neither is tried again


def test_a_server_that_fails_file_after_file_is_not_asked_for_all(web, read, tmp_path):
    web.failing.update({f"/{n}.flac": 100 for n in range(10)})
    path = manifest(tmp_path, *(f"{web.root}/{n}.flac" for n in range(10)))
    with pytest.raises(DatasetError, match=r"HTTP status 503.*failed for 3 files in a row"):
        read(path)
    assert len(web.asked) == 9


def test_the_sound_may_lie_at_an_address(web, read, tmp_path):
    web.files["/clips/a.flac"] = encoded_flac()
    [sample] = samples(read(manifest(tmp_path, "a.flac"), audio_root=f"{web.root}/clips/"))
    assert sample.id == "a.flac"
    assert sample.audio.read_bytes() == encoded_flac()
    with pytest.MonkeyPatch.context() as patch:  # whatever the cache is called
        patch.setattr(constants, "HF_HOME", str(tmp_path / "other"))
        [again] = samples(read(tmp_path / "m.jsonl", audio_root=f"{web.root}/clips/"))
    assert DataIdentity.of([again]) == DataIdentity.of([sample])
    assert again.audio != sample.audio
    [lone] = samples(read(f"{web.root}/clips/a.flac"))
    assert lone.id == "a.flac"


def test_rows_given_in_python_may_name_addresses(web):
    web.files["/a.flac"] = encoded_flac()
    rows = [{"audio": f"{web.root}/a.flac"}, {"audio": "a.flac"}, {"audio": "absent.flac"}]
    request = DatasetRequest("mine", audio_root=web.root)
    good, [problem] = split_items(list(GivenData("mine", rows)(request).load()))
    assert [s.id for s in good] == [f"{web.root}/a.flac", "a.flac"]
    assert {s.audio.read_bytes() for s in good} == {encoded_flac()}
    assert problem.kind == "not fetched"


def test_what_a_store_is_read_through_is_named_where_it_is_missing(web, read, tmp_path):
    fetch._file_system.cache_clear()
    path = manifest(tmp_path, "gs://speech/a.flac")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "gcsfs", None)
        with pytest.raises(DatasetError, match=r"read through gcsfs.*'audioforge\[remote\]'"):
            read(path)


def test_stores_are_read_through_fsspec(web, read, tmp_path, monkeypatch):
    fetch._file_system.cache_clear()
    memory = fsspec.filesystem("memory")
    memory.pipe("/speech/a b.flac", encoded_flac())
    plain = classmethod(lambda cls, path: "/" + path.removeprefix("s3://").lstrip("/"))
    store = type("Store", (type(memory),), {"protocol": ("s3",), "_strip_protocol": plain})
    real = fsspec.filesystem
    monkeypatch.setattr(fsspec, "filesystem", lambda s, **o: store() if s == "s3" else real(s, **o))
    good, [problem] = split_items(read(manifest(tmp_path, "s3://speech/a b.flac", "s3://x/b.flac")))
    fetch._file_system.cache_clear()
    assert [s.id for s in good] == ["s3://speech/a b.flac"]
    assert "there is no such file" in problem.reason


def test_an_address_that_no_format_reads_is_refused(read):
    with pytest.raises(DatasetError, match=r"no dataset format has this ending.*'owner/name'"):
        read("https://example.org/data/?token=abc")
    assert shown("https://example.org/x?token=abc") == "https://example.org/x?…"


OUTPUTS = {
    "datasets": ["convert", "m.jsonl"],
    "train": ["--model", "m", "--dataset", "d", "--output"],
    "benchmark": ["--model", "m", "--dataset", "d", "--output"],
    "export": ["runs/mine", "--format", "x", "--output"],
    "report": ["runs/mine", "--output"],
    "transcribe": ["runs/mine", "a.wav", "--output"],
    "verify": ["x.jsonl", "--output"],
}


@pytest.mark.parametrize("command", OUTPUTS)
def test_results_are_written_to_this_machine(command):
    result = CliRunner().invoke(cli, [command, *OUTPUTS[command], "s3://speech/run"])
    assert result.exit_code == 2
    told = " ".join((result.stderr + str(result.exception)).split())
    assert "s3://speech/run is an address; give a path of this machine" in told


def test_so_it_is_in_python():
    with pytest.raises(Exception, match=r"output_dir: gs://x/run is an address"):
        AudioRAFTConfig(model_name="m", dataset="d", output_dir="gs://x/run")
