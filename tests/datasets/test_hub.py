"""Hub ids against a server on the loopback address that speaks the hub's API.

The library runs in a process of its own, since it reads its endpoint when it is imported; a broken
torchcodec lies on its path, as beside a torch that does not fit.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from audioforge.hub.failure import explain_absent, explain_gated

from .conftest import encoded_flac
from .hub_server import serve_hub

SCRIPT = Path(__file__).with_name("load_requests.py")
SOUND = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def write_split(path, rows):
    """Write one Parquet file; the sound of row i is 0.1 × (i + 1) seconds long."""
    path.parent.mkdir(parents=True, exist_ok=True)
    audio = [
        {"bytes": encoded_flac(0.1 * (i + 1)), "path": f"{path.parent.name}-{i}.flac"}
        for i in range(len(rows))
    ]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    parquet.write_table(pa.table({"audio": pa.array(audio, SOUND), **columns}), path)


def write_card(root, configs, features):
    """Write the README whose head tells the library configurations and features."""
    lines = ["---", "configs:"]
    for config, splits in configs.items():
        lines += [f"- config_name: {config}", "  data_files:"]
        for split, files in splits.items():
            lines += [f"  - split: {split}", f"    path: {files}"]
    lines.append("dataset_info:")
    for config in configs:
        lines += [f"- config_name: {config}", "  features:", *features]
    (root / "README.md").write_text("\n".join([*lines, "---", ""]))


AUDIO_FEATURE = ["  - name: audio", "    dtype: audio"]
CLASS_FEATURE = [
    "  - name: label",
    "    dtype:",
    "      class_label:",
    "        names:",
    "          '0': calm",
    "          '1': glad",
]


def text_feature(name):
    return [f"  - name: {name}", "    dtype: string"]


@pytest.fixture(scope="module")
def repositories(tmp_path_factory):
    root = tmp_path_factory.mktemp("hub")
    names = ["speech", "locked", "script", "loose", "librispeech", "audioset", "two"]
    folders = {name: root / name for name in names}
    for folder in folders.values():
        folder.mkdir()
    for name in ("speech", "locked"):
        write_speech(folders[name])
    (folders["script"] / "script.py").write_text("import datasets\n")
    (folders["loose"] / "train").mkdir()
    (folders["loose"] / "train" / "a.flac").write_bytes(encoded_flac())
    (folders["loose"] / "train" / "metadata.csv").write_text("file_name,text\na.flac,x\n")
    (folders["locked"] / "train" / "list.csv").write_text("path\na.flac\n")
    write_librispeech(folders["librispeech"])
    write_audioset(folders["audioset"])
    write_split(folders["two"] / "en" / "0.parquet", [{"text": "hello"}])
    write_split(folders["two"] / "pl" / "0.parquet", [{"text": "cześć"}])
    both = {"en": {"train": "en/*.parquet"}, "pl": {"train": "pl/*.parquet"}}
    write_card(folders["two"], both, [*AUDIO_FEATURE, *text_feature("text")])
    ids = {name: f"own/{name}" for name in names}
    ids |= {"librispeech": "openslr/librispeech_asr", "audioset": "agkphysics/AudioSet"}
    return {ids[name]: folder for name, folder in folders.items()}


def write_speech(root):
    rows = [
        {"sentence": "One", "speaker_id": 3, "label": 0},
        {"sentence": "Two", "speaker_id": 4, "label": 1},
    ]
    write_split(root / "train" / "0.parquet", rows)
    write_split(root / "test" / "0.parquet", rows[1:])
    splits = {"train": "train/*.parquet", "test": "test/*.parquet"}
    number = ["  - name: speaker_id", "    dtype: int64"]
    features = [*AUDIO_FEATURE, *text_feature("sentence"), *number, *CLASS_FEATURE]
    write_card(root, {"default": splits}, features)


def write_librispeech(root):
    row = {"file": "x.flac", "text": "HELLO", "speaker_id": 19, "chapter_id": 198, "id": "19-198-0"}
    splits = ("train.clean.100", "validation.clean")
    for split in splits:
        write_split(root / "all" / split / "0000.parquet", [row])
    numbers = [
        x for n in ("speaker_id", "chapter_id") for x in (f"  - name: {n}", "    dtype: int64")
    ]
    texts = [*text_feature("file"), *text_feature("text"), *numbers, *text_feature("id")]
    files = {split: f"all/{split}/*.parquet" for split in splits}
    write_card(root, {"all": files}, [*AUDIO_FEATURE, *texts])


def write_audioset(root):
    row = {
        "video_id": "--PJHxphWEs",
        "labels": ["/m/09x0r", "/t/dd00088"],
        "human_labels": ["Speech", "Gush"],
    }
    for split in ("bal_train", "unbal_train", "eval"):
        write_split(root / "data" / split / "00.parquet", [row])
    sequences = [
        x for n in ("labels", "human_labels") for x in (f"  - name: {n}", "    list: string")
    ]
    files = {s: f"data/{s}/*.parquet" for s in ("bal_train", "unbal_train", "eval")}
    write_card(root, {"full": files}, [*text_feature("video_id"), *AUDIO_FEATURE, *sequences])


@pytest.fixture(scope="module")
def broken_torchcodec(tmp_path_factory):
    folder = tmp_path_factory.mktemp("broken")
    (folder / "torchcodec").mkdir()
    (folder / "torchcodec" / "__init__.py").write_text("raise OSError('undefined symbol: x')\n")
    return folder


def load(requests, endpoint, cache, path, **variables):
    """Run the script; return its results."""
    command = [sys.executable, str(SCRIPT), json.dumps(requests)]
    return json.loads(run(command, endpoint, cache, path, **variables).splitlines()[-1])


def run(command, endpoint, cache, path, **variables):
    environment = {
        **os.environ,
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(cache),
        "PYTHONPATH": os.pathsep.join([str(path), *filter(None, [os.environ.get("PYTHONPATH")])]),
        **variables,
    }
    done = subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


REQUESTS = {
    "streamed": {"location": "own/speech", "streaming": True},
    "downloaded": {"location": "own/speech", "split": "train"},
    "sliced": {"location": "own/speech", "split": "train[1:]+test"},
    "sliced stream": {"location": "own/speech", "split": "train[1:]", "streaming": True},
    "split unknown": {"location": "own/speech", "split": "tets"},
    "text unknown": {"location": "own/speech", "text_column": "words", "streaming": True},
    "data dir": {"location": "own/speech", "data_dir": "x"},
    "absent": {"location": "own/absent"},
    "locked": {"location": "own/locked"},
    "script": {"location": "own/script"},
    "loose": {"location": "own/loose", "streaming": True},
    "config missing": {"location": "own/two"},
    "config unknown": {"location": "own/two:config=de"},
    "config": {"location": "own/two:config=pl"},
    "librispeech": {"location": "librispeech"},
    "librispeech dev": {"location": "librispeech", "split": "dev-clean", "streaming": True},
    "audioset": {"location": "audioset"},
    "file": {"location": "hf://datasets/own/loose/train/metadata.csv"},
    "locked file": {"location": "hf://datasets/own/locked/train/list.csv"},
    "no such file": {"location": "hf://datasets/own/absent/list.csv"},
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def session(repositories, cache, broken_torchcodec):
    """The results of all requests, and the Parquet files that were fetched for them."""
    with serve_hub(repositories, gated=frozenset({"own/locked"})) as hub:
        got = load(list(REQUESTS.values()), hub.endpoint, cache, broken_torchcodec)
        fetched = {path for path in hub.downloaded() if path.endswith(".parquet")}
    return dict(zip(REQUESTS, got, strict=True)), fetched


@pytest.fixture(scope="module")
def results(session):
    return session[0]


@pytest.mark.parametrize("how", ["streamed", "downloaded"])
def test_samples_come_with_sound_text_speaker_and_class_name(results, how):
    assert results[how]["items"] == [
        {
            "id": "train-0.flac",
            "reference": "One",
            "labels": ["calm"],
            "speaker": "3",
            "seconds": 0.1,
        },
        {
            "id": "train-1.flac",
            "reference": "Two",
            "labels": ["glad"],
            "speaker": "4",
            "seconds": 0.2,
        },
    ]


def test_parts_of_splits_and_configurations(results):
    assert [r["id"] for r in results["sliced"]["items"]] == ["train-1.flac", "test-0.flac"]
    assert [r["reference"] for r in results["config"]["items"]] == ["cześć"]


@pytest.mark.parametrize(
    ("request_name", "message"),
    [
        ("sliced stream", "cannot be streamed"),
        ("split unknown", "no split 'tets'. Did you mean test? Known: test, train"),
        ("text unknown", "--text-column words: no such column. The columns are: 'audio', 'sent"),
        ("data dir", "--data-dir does not apply"),
        ("absent", "the hub has no such dataset, or it is private"),
        ("absent", "/datasets/own/absent. For a private one, log in with: hf auth login, or"),
        ("locked", "gated: accept its terms on http://127.0.0.1:"),
        ("locked", "/datasets/own/locked. Then log in with: hf auth login, or set HF_TOKEN. What"),
        ("locked", "without asking again with HF_HUB_OFFLINE=1"),
        ("script", "a dataset script, which no longer loads"),
        ("loose", "hf download --repo-type dataset own/loose"),
        ("config missing", "choose a configuration, as in own/two:config=NAME"),
        ("config unknown", "no configuration 'de', as in own/two:config=NAME"),
    ],
)
def test_each_failure_says_what_to_do(results, request_name, message):
    assert message in results[request_name]["error"]
    assert "own/" in results[request_name]["error"]


def test_a_file_of_the_hub_has_an_address(results):
    [row] = results["file"]["items"]
    assert (row["id"], row["reference"], row["seconds"]) == ("a.flac", "x", 0.1)
    for name in ("locked file", "no such file"):
        assert f"{REQUESTS[name]['location']}: " in results[name]["error"]
        assert "hf auth login" in results[name]["error"]


@pytest.mark.parametrize("explain", [explain_gated, explain_absent])
def test_with_a_token_in_use_it_is_that_which_must_be_another(monkeypatch, explain):
    monkeypatch.setenv("HF_TOKEN", "hf_somebody")
    told = explain("datasets/own/locked")
    assert "/datasets/own/locked. " in told
    assert "the token in use must be one of an account that may read it" in told
    assert "hf_somebody" not in told


def test_named_corpora_download_only_their_split(session):
    results, fetched = session
    for name in ("librispeech", "librispeech dev"):
        [row] = results[name]["items"]
        assert (row["id"], row["reference"], row["speaker"]) == ("19-198-0", "HELLO", "19")
    [row] = results["audioset"]["items"]
    assert (row["id"], row["labels"]) == ("--PJHxphWEs", ["Speech", "Gush"])
    assert {path for path in fetched if path.startswith(("all/", "data/"))} == {
        "all/train.clean.100/0000.parquet",
        "all/validation.clean/0000.parquet",
        "data/bal_train/00.parquet",
    }


def test_what_was_downloaded_is_read_without_the_hub(results, cache, broken_torchcodec):
    names = ["downloaded", "sliced", "librispeech"]
    requests = [REQUESTS[name] for name in names]
    nowhere = "http://127.0.0.1:9"
    again = load(requests, nowhere, cache, broken_torchcodec, HF_HUB_OFFLINE="1")
    assert again == [results[name] for name in names]


@pytest.mark.soak
def test_show_streams_and_stops_at_the_limit(repositories, tmp_path, broken_torchcodec):
    code = "from audioforge.cli import main; main()"
    command = [sys.executable, "-c", code, "datasets", "show", "own/speech", "--json"]
    with serve_hub(repositories) as hub:
        output = run([*command, "--limit", "1"], hub.endpoint, tmp_path, broken_torchcodec)
    report = json.loads(output)
    assert (report["samples"], report["limit"]) == (1, 1)
    assert report["examples"][0]["reference"] == "One"
    assert not list(tmp_path.rglob("*.arrow"))


@pytest.mark.slow
def test_no_network_and_offline_are_said(tmp_path, broken_torchcodec):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{unused.getsockname()[1]}"
        request = [{"location": "own/speech"}]
        [offline] = load(request, endpoint, tmp_path, broken_torchcodec, HF_HUB_OFFLINE="1")
        # The library tries six times, with growing pauses, before it gives up.
        [down] = load(request, endpoint, tmp_path, broken_torchcodec)
    for result in (down, offline):
        assert "own/speech: the hub cannot be reached" in result["error"]
        assert "HF_HUB_OFFLINE" in result["error"]
