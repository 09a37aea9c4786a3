"""A hub that fails, and a machine that lacks what everybody has: work goes on or says why not.

The clients are the real ones; the hub is a server on the loopback address.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import datasets
import numpy as np
import pyarrow
import pytest
import soundfile
from pyarrow import parquet

from audioforge.errors import DatasetError
from audioforge_datasets import archive
from audioforge_demo import assets

from ..datasets.hub_server import Fault, serve_hub

pytestmark = pytest.mark.no_cover  # shorter tests pass the same lines

SCRIPT = Path(__file__).with_name("hub_requests.py")
NOWHERE = "http://127.0.0.1:9"
ROWS = 120
REFUSED = (("X-Error-Message", "Invalid credentials in Authorization header"),)

FAULTS = (
    Fault("GET /m/cut/resolve/.*model.safetensors", "cut", times=2),
    Fault("GET /m/later/resolve/.*model.safetensors", "stall", times=5),
    Fault("(HEAD|GET) .*/m/busy/", "status", times=2, status=503),
    Fault("GET /m/limited/resolve/.*model", "status", times=2, status=429),
    Fault("/m/down/", "status", status=500),
    Fault("/m/silent/", "silent"),
    Fault("/m/closed/", "refuse"),
    Fault("HEAD /m/halfway/resolve/.*tokenizer", "silent"),
    Fault("/m/token/", "status", status=401, headers=REFUSED),
    Fault("GET /m/garbage/resolve/.*model.safetensors", "garbage"),
    Fault("/m/moved/resolve/.*/generation_config.json", "status", status=500),
    Fault("GET .*/d/cut/resolve/.*parquet", "cut", times=2),
    Fault("GET .*/d/stall/resolve/.*parquet", "stall"),
    Fault("/d/silent/", "silent"),
    Fault("/d/tree/tree/|/d/tree/paths-info", "silent"),
    Fault("GET .*/d/down/resolve/.*parquet", "status", status=503),
    Fault("GET .*/d/garbage/resolve/.*parquet", "garbage"),
    Fault("/d/token/", "status", status=401, headers=REFUSED),
)
SAYS_SO = "The hub does not answer"
SOAK = partial(pytest.param, marks=pytest.mark.soak)  # seconds of silence

FAILING = [
    ("checkpoint", "m/later", "model.safetensors failed 5 times in a row, last: no answer within"),
    ("checkpoint", "m/down", "failed 5 times in a row, last: HTTP status 500. Check the network"),
    ("checkpoint", "m/silent", "failed 5 times in a row, last: no answer within 1 s"),
    ("checkpoint", "m/closed", "failed 5 times in a row, last: RemoteProtocolError"),
    ("checkpoint", "m/halfway", "tokenizer.json failed 5 times in a row, last: no answer within"),
    ("checkpoint", "m/moved", "generation_config.json failed 5 times in a row, last: HTTP"),
    ("checkpoint", "m/token", "the hub refuses access (HTTP status 401: Invalid credentials"),
    ("checkpoint", "m/gated", "/m/gated. Then log in with: hf auth login, or set HF_TOKEN. What"),
    ("checkpoint", "m/absent", "the hub has nothing of that name, or it is private"),
    ("checkpoint", "m/garbage", "m/garbage: cannot read its weights"),
    SOAK("stream", "d/stall", ".parquet failed 12 times in a row, last: no answer within 1 s"),
    ("stream", "d/down", ".parquet failed 12 times in a row, last: HTTP status 503"),
    ("stream", "d/garbage", "a file of it is damaged: ArrowInvalid"),
    ("dataset", "d/stall", ".parquet failed 5 times in a row, last: no answer within 1 s"),
    ("dataset", "d/down", ".parquet failed 5 times in a row, last: HTTP status 503"),
    ("dataset", "d/garbage", "a file of it is damaged: ArrowInvalid"),
    SOAK("dataset", "d/silent", "README.md failed 5 times in a row, last: no answer within 1 s"),
    SOAK("dataset", "d/tree", "failed 5 times in a row, last: no answer within 1 s"),
    ("dataset", "d/token", "the hub refuses access (HTTP status 401: Invalid credentials"),
]
WORKING = [
    ("checkpoint", "m/sound"),
    ("checkpoint", "m/cut"),
    ("checkpoint", "m/busy"),
    ("checkpoint", "m/limited"),
    ("checkpoint", "m/later"),  # again, when its fault is over
    ("stream", "d/sound"),
    ("stream", "d/cut"),
    ("dataset", "d/sound"),
]


def ask(requests, folder, *, endpoint, home=None, prefix=(), **variables):
    """Run the requests in a new process; return their outcomes and what went to stderr."""
    folder.mkdir(parents=True, exist_ok=True)
    answers = folder / "answers.json"
    environment = {
        **os.environ,
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(home or folder / "home"),
        "HF_HUB_DOWNLOAD_TIMEOUT": "1",
        "HF_HUB_ETAG_TIMEOUT": "1",
        "NO_PROXY": "127.0.0.1",
        **variables,
    }
    command = [*prefix, sys.executable, str(SCRIPT), json.dumps(requests), str(answers)]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(answers.read_text()), done.stderr


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    """A dataset repository whose Parquet file is read in several requests."""
    folder = tmp_path_factory.mktemp("speech")
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 8_000)
    soundfile.write(buffer, noise, 16_000, format="WAV")
    sound = {"bytes": buffer.getvalue(), "path": "a.wav"}
    rows = [{"audio": sound, "text": f"row {i}"} for i in range(ROWS)]
    table = pyarrow.Table.from_pylist(rows)
    path = folder / "train-00000-of-00001.parquet"
    parquet.write_table(table, path, row_group_size=20, compression="none", use_dictionary=False)
    (folder / "README.md").write_text(
        "---\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n"
        "    path: train-*.parquet\ndataset_info:\n  features:\n  - name: audio\n"
        "    dtype: audio\n  - name: text\n    dtype: string\n---\n"
    )
    return folder


@pytest.fixture(scope="module")
def repositories(speech):
    names = {case[1] for case in [*map(values_of, FAILING), *WORKING]} - {"m/absent"}
    return {name: assets.model() if name.startswith("m/") else speech for name in sorted(names)}


def values_of(case):
    """Return what a case is, marked or not."""
    return getattr(case, "values", case)


@pytest.fixture(scope="module")
def session(request, repositories, once):
    """All requests in one process, by request; stderr; and the cache that it leaves."""
    tests = [item for item in request.session.items if item.path == Path(__file__)]
    run = [item.callspec.params for item in tests if item.originalname == ENDS]
    failing = [(params["kind"], params["name"]) for params in run]
    requests = failing + WORKING
    halves = [[r for r in requests if (r[0] == "checkpoint") == of_models] for of_models in (1, 0)]

    def _ask_all(folder):
        with (
            serve_hub(repositories, frozenset({"m/gated"}), FAULTS) as hub,
            ThreadPoolExecutor() as pool,
        ):
            runs = [
                pool.submit(ask, half, folder / str(i), endpoint=hub.endpoint, home=folder / "home")
                for i, half in enumerate(halves)
            ]
            (folder / "answers.json").write_text(json.dumps([run.result() for run in runs]))

    folder = once("requests of a hub that fails", _ask_all)
    answers = json.loads((folder / "answers.json").read_text())
    said = "".join(text for _, text in answers)
    found = [iter(outcomes) for outcomes, _ in answers]
    outcomes = [next(found[kind != "checkpoint"]) for kind, _ in requests]
    # m/later is asked for twice, and the second time counts as "after".
    keys = [(kind, name, "failing") for kind, name in failing]
    keys += [(kind, name, "working") for kind, name in WORKING]
    return dict(zip(keys, outcomes, strict=True)), said, folder / "home"


ENDS = "test_a_hub_that_fails_for_good_ends_the_wait_and_is_named"


@pytest.mark.parametrize(("kind", "name", "message"), FAILING)
def test_a_hub_that_fails_for_good_ends_the_wait_and_is_named(session, kind, name, message):
    outcome = session[0][kind, name, "failing"]
    assert outcome["error"].startswith(f"{name}: ")
    assert message in outcome["error"]
    assert outcome["took"] < 100  # seconds, on a busy machine
    assert outcome["paused"] <= (120 if kind == "stream" else 40)


@pytest.mark.parametrize(("kind", "name"), WORKING)
def test_a_hub_that_comes_back_gives_the_whole(session, kind, name):
    outcomes, _, _ = session
    expected = outcomes["checkpoint", "m/sound", "working"]["result"] if kind[0] == "c" else ROWS
    assert outcomes[kind, name, "working"].get("result") == expected


def test_a_failure_is_told_once_and_success_not_at_all(session):
    _, said, _ = session
    lines = [line for line in said.splitlines() if SAYS_SO in line]
    for name, once in (("m/sound", 0), ("m/cut", 1), ("m/silent", 1), ("d/sound", 0)):
        assert len([line for line in lines if f"/{name}/" in line]) == once, lines


def test_what_came_in_part_is_not_in_the_cache(session):
    _, _, home = session
    weights = assets.model() / "model.safetensors"
    found = list((home / "hub").glob("models--*/snapshots/*/model.safetensors"))
    names = {path.parts[-4].removeprefix("models--m--") for path in found}
    assert names == {"sound", "cut", "busy", "limited", "later", "garbage", "halfway", "moved"}
    for path in found:
        if "garbage" not in str(path):
            assert path.read_bytes() == weights.read_bytes()
    assert not list((home / "hub").rglob("*.incomplete"))


def test_what_is_whole_in_the_cache_needs_no_hub(session, tmp_path):
    outcomes, _, home = session
    whole = [("checkpoint", "m/sound"), ("dataset", "d/sound"), ("checkpoint", "m/halfway")]
    with ThreadPoolExecutor() as pool:
        down = pool.submit(ask, whole, tmp_path / "down", endpoint=NOWHERE, home=home)
        offline = {"endpoint": NOWHERE, "home": home, "HF_HUB_OFFLINE": "1"}
        off = pool.submit(ask, whole, tmp_path / "off", **offline)
    for run in (down, off):
        model, data, _ = run.result()[0]
        assert model["result"] == outcomes["checkpoint", "m/sound", "working"]["result"]
        assert data["result"] == ROWS
    part = down.result()[0][2]
    assert "failed 5 times in a row, last: ConnectError" in part["error"]
    assert part["took"] + part["paused"] < 40
    assert "HF_HUB_OFFLINE is set, and the cache" in off.result()[0][2]["error"]


def test_a_stream_stays_at_the_commit_where_it_began(speech, tmp_path):
    with serve_hub({"d/moving": speech}) as hub:

        def commit(line):
            if "GET" in line and ".parquet" in line:
                hub.commit = "f" * 40

        first, hub.before = hub.commit, commit
        [outcome], _ = ask([("stream", "d/moving")], tmp_path, endpoint=hub.endpoint)
        read = {line for line in hub.requests if "GET" in line and ".parquet" in line}
    assert outcome["result"] == ROWS
    assert all(f"/resolve/{first}/" in line for line in read)


@pytest.mark.soak
def test_a_dataset_that_vanishes_while_it_is_streamed_is_named(speech, tmp_path):
    shutil.copytree(speech, tmp_path / "data")
    with serve_hub({"d/gone": tmp_path / "data"}) as hub:
        seen = []

        def vanish(line):
            seen.extend([line] if "GET" in line and ".parquet" in line else [])
            if len(seen) > 1:
                shutil.rmtree(tmp_path / "data", ignore_errors=True)

        hub.before = vanish
        [outcome], _ = ask([("stream", "d/gone")], tmp_path, endpoint=hub.endpoint)
    assert outcome["error"].startswith("d/gone: ")
    assert "404" in outcome["error"]


@pytest.mark.soak
@pytest.mark.parametrize(
    "how", ["a file", pytest.param("without permission", marks=pytest.mark.soak)]
)
def test_without_a_cache_local_data_work_and_hub_ids_say_why_not(
    speech, repositories, tmp_path, no_root, how
):
    home = tmp_path / "home"
    if how == "a file":
        home.touch()
    else:
        home.mkdir(mode=0o555)
    model = str(assets.model())
    requests = [("local", str(speech)), ("checkpoint", model)]
    requests += [("checkpoint", "m/sound"), ("dataset", "d/sound"), ("stream", "d/sound")]
    with serve_hub(repositories) as hub:
        outcomes, _ = ask(
            requests, tmp_path / "out", endpoint=hub.endpoint, home=home, prefix=no_root
        )
    local, checkpoint, *remote = outcomes
    assert local["result"] == ROWS
    assert checkpoint.get("result")
    for outcome in remote:
        assert f"the cache {home} cannot be written" in outcome["error"]
        assert "set HF_HOME" in outcome["error"]


@pytest.fixture
def packed(tmp_path, monkeypatch):
    """An archive in a folder that the hub serves, and the cache that it goes to."""
    for name in ("served", "source"):
        (tmp_path / name).mkdir()
    (tmp_path / "source" / "noise.bin").write_bytes(os.urandom(3 * archive.CHUNK_BYTES))
    with tarfile.open(tmp_path / "served" / "a.tar", "w") as tar:
        tar.add(tmp_path / "source", arcname=".")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(archive, "TIMEOUT_S", 0.5)
    sleep = time.sleep
    monkeypatch.setattr(archive.time, "sleep", lambda seconds: sleep(seconds / 50))
    return tmp_path


def fetch(packed, hub):
    digest = hashlib.sha256((packed / "served" / "a.tar").read_bytes()).hexdigest()
    url = f"{hub.endpoint}/datasets/d/archive/resolve/main/a.tar"
    return archive.fetch(archive.Archive("noise", url, digest, "3 MB"))


@pytest.mark.parametrize("kind", ["cut", "stall", "silent", "refuse", "status"])
def test_an_archive_goes_on_where_the_connection_ended(packed, kind):
    fault = Fault("GET", kind, times=2, status=503)
    with serve_hub({"d/archive": packed / "served"}, faults=(fault,)) as hub:
        folder = fetch(packed, hub)
    got = (folder / "noise.bin").read_bytes()
    assert got == (packed / "source" / "noise.bin").read_bytes()
    assert {path.name for path in folder.parent.iterdir()} == {"noise", "noise.lock"}


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (Fault("GET", "status", status=503), r"HTTP Error 503.*in 5 tries.*--data-dir"),
        (Fault("GET", "status", status=404), r"HTTP Error 404.*in 1 try"),
        (Fault("GET", "silent"), r"TimeoutError.*in 5 tries"),
        (Fault("GET", "garbage"), r"is not the archive that was published"),
    ],
)
def test_an_archive_that_cannot_be_had_says_how_often_it_was_tried(packed, fault, message):
    with serve_hub({"d/archive": packed / "served"}, faults=(fault,)) as hub:
        with pytest.raises(DatasetError, match=message):
            fetch(packed, hub)
        assert not (packed / "cache" / "audioforge" / "noise").exists()
        fault.times = 0
        assert (fetch(packed, hub) / "noise.bin").is_file()  # the next time


def test_a_killed_download_goes_on_the_next_time(packed):
    whole = (packed / "served" / "a.tar").read_bytes()
    cache = packed / "cache" / "audioforge"
    cache.mkdir(parents=True)
    (cache / "noise.tar.partial").write_bytes(whole[:1_000_000])
    with serve_hub({"d/archive": packed / "served"}) as hub:
        assert (fetch(packed, hub) / "noise.bin").is_file()
    (cache / "noise.tar.partial").write_bytes(whole)  # killed while it was extracted
    shutil.rmtree(cache / "noise")
    with serve_hub({"d/archive": packed / "served"}) as hub:
        assert (fetch(packed, hub) / "noise.bin").is_file()
