from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from audioforge.audio import load_clip
from audioforge.errors import DatasetError

from .conftest import encoded_flac, samples, split_items, tone

SOUND = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def write_parquet(path, seconds=(0.1, 0.2), names=("yes", "no")):
    """Write rows as datasets does: the sound inside, the classes as numbers."""
    features = {
        "audio": {"_type": "Audio", "sampling_rate": 16_000},
        "label": {"_type": "ClassLabel", "names": list(names)},
    }
    table = pa.table(
        {
            "audio": pa.array(
                [{"bytes": encoded_flac(s), "path": f"/old/{s}.flac"} for s in seconds], SOUND
            ),
            "text": [f"text {s}" for s in seconds],
            "label": [i % len(names) for i in range(len(seconds))],
        }
    )
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(table.replace_schema_metadata(metadata), path)
    return path


def test_sound_inside_a_file_and_class_names(tmp_path, read):
    items = samples(read(write_parquet(tmp_path / "x.parquet")))
    assert [s.id for s in items] == ["0.1.flac", "0.2.flac"]
    assert [s.labels for s in items] == [("yes",), ("no",)]
    assert [s.reference for s in items] == ["text 0.1", "text 0.2"]
    assert [load_clip(s, 16_000).seconds for s in items] == [0.1, 0.2]


def test_a_class_number_without_a_name_is_a_problem(tmp_path, read):
    features = {"label": {"_type": "ClassLabel", "names": ["only"]}}
    table = pa.table({"audio": ["a.wav", "b.wav"], "label": [0, 1]})
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    parquet.write_table(table.replace_schema_metadata(metadata), tmp_path / "x.parquet")
    good, problems = split_items(read(tmp_path / "x.parquet"))
    assert [s.audio for s in good] == [tmp_path / "a.wav"]
    assert [p.kind for p in problems] == ["bad label"]


def test_folder_of_shards(tmp_path, read):
    write_parquet(tmp_path / "data" / "train-00000-of-00002.parquet", seconds=[0.1])
    write_parquet(tmp_path / "data" / "train-00001-of-00002.parquet", seconds=[0.2])
    write_parquet(tmp_path / "data" / "test-00000-of-00001.parquet", seconds=[0.3])
    assert [s.id for s in samples(read(tmp_path))] == ["0.1.flac", "0.2.flac"]
    assert [s.id for s in samples(read(tmp_path, split="test"))] == ["0.3.flac"]
    with pytest.raises(DatasetError, match=r"no split 'dev'\. Known: test, train"):
        read(tmp_path, split="dev")


def test_splits_in_subfolders(tmp_path, read):
    write_parquet(tmp_path / "train.clean.100" / "0000.parquet", seconds=[0.1])
    write_parquet(tmp_path / "test.clean" / "0000.parquet", seconds=[0.3])
    assert [s.id for s in samples(read(tmp_path, split="test.clean"))] == ["0.3.flac"]
    with pytest.raises(
        DatasetError, match=r"choose a split with --split: test\.clean, train\.clean"
    ):
        read(tmp_path)


def test_a_damaged_file_is_named(tmp_path, read):
    path = tmp_path / "x.parquet"
    path.write_bytes(b"PAR1 is how they start")
    with pytest.raises(DatasetError, match=r"x\.parquet: cannot be read as Parquet"):
        read(path)


SAVE = """
import sys
import datasets
from datasets import Audio, ClassLabel, Dataset, DatasetDict

data = open(sys.argv[2], "rb").read()
sounds = [{"bytes": data, "path": f"{i}.flac"} for i in (0, 1)]
train = Dataset.from_dict({"audio": sounds, "text": ["t0", "t1"], "label": [0, 1]})
train = train.cast_column("audio", Audio()).cast_column("label", ClassLabel(names=["a", "b"]))
train.save_to_disk(sys.argv[1] + "/one")
DatasetDict({"train": train, "test": train.select([1])}).save_to_disk(sys.argv[1] + "/two")
"""


@pytest.fixture
def saved(tmp_path):
    sound = tmp_path / "sound.flac"
    sound.write_bytes(encoded_flac())
    command = [sys.executable, "-c", SAVE, str(tmp_path), str(sound)]
    subprocess.run(command, check=True, capture_output=True)
    return tmp_path


def test_saved_datasets(saved, read):
    items = samples(read(saved / "one"))
    assert [(s.id, s.reference, s.labels) for s in items] == [
        ("0.flac", "t0", ("a",)),
        ("1.flac", "t1", ("b",)),
    ]
    assert load_clip(items[0], 16_000).seconds == 0.1
    assert [s.id for s in samples(read(saved / "two", split="test"))] == ["1.flac"]
    assert len(read(saved / "two")) == 2
    with pytest.raises(DatasetError, match="no split 'dev'"):
        read(saved / "two", split="dev")
    with pytest.raises(DatasetError, match="--split does not apply"):
        read(saved / "one", split="test")
    with pytest.raises(DatasetError, match="no such column"):
        read(saved / "one", text_column="words")


def test_a_damaged_saved_dataset_is_named(tmp_path, read):
    (tmp_path / "state.json").write_text("{}")
    with pytest.raises(DatasetError, match="cannot be read as a saved dataset"):
        read(tmp_path)


@pytest.mark.parametrize(
    "metadata",
    [b"[" * 100_000, b'{"info": {"features": [1]}}', b'{"info": {"features": {"a": 1}}}'],
)
def test_what_others_write_into_the_schema_does_no_harm(tmp_path, read, metadata):
    row = {"audio": [{"bytes": encoded_flac(), "path": "a.flac"}], "text": ["x"]}
    table = pa.table(row).replace_schema_metadata({b"huggingface": metadata})
    parquet.write_table(table, tmp_path / "a.parquet")
    assert [s.reference for s in samples(read(tmp_path / "a.parquet"))] == ["x"]


def test_a_text_that_is_not_utf8_is_refused_with_its_row(tmp_path, read):
    offsets = pa.py_buffer((0).to_bytes(4, "little") + (2).to_bytes(4, "little"))
    text = pa.Array.from_buffers(pa.string(), 1, [None, offsets, pa.py_buffer(b"\xff\xfe")])
    table = pa.table({"audio": ["a.wav"], "text": text})
    parquet.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(DatasetError, match=r"a\.parquet: a text after row 0 is not UTF-8"):
        read(tmp_path / "a.parquet")


def decoded(seconds: float, path: str, **more) -> dict:
    """A clip as map() of the datasets library leaves it: samples, and the name of a file."""
    samples = tone(seconds, 16_000).astype(np.float32)
    return {"audio": {"array": samples, "sampling_rate": 16_000, "path": path}, **more}


def test_decoded_arrays_are_the_sound_and_their_path_only_a_name(tmp_path, read, write_sound):
    write_sound(tmp_path / "a.wav", seconds=1.0)
    rows = [decoded(0.125, "/elsewhere/a.wav", text="one"), decoded(0.25, "b.wav", text="two")]
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "d.parquet")
    import datasets

    datasets.Dataset.from_list(rows).save_to_disk(tmp_path / "saved")
    for place in (tmp_path / "d.parquet", tmp_path / "saved"):
        found = samples(read(place))
        assert [load_clip(s, 16_000).seconds for s in found] == [0.125, 0.25]
        assert [s.id for s in found] == ["a.wav", "b.wav"]
        assert np.array_equal(found[0].audio, rows[0]["audio"]["array"])


def test_arrays_of_other_shapes_and_without_a_rate(tmp_path, read):
    stereo = [[0.5, 0.5, 0.5] * 4, [0.25, 0.25, 0.25] * 4]
    rows = [
        {"audio": {"array": stereo, "sampling_rate": 8000, "path": None}, "text": "a"},
        {"audio": {"array": stereo, "sampling_rate": None, "path": None}, "text": "b"},
        {"audio": {"array": [], "sampling_rate": 8000, "path": "gone.wav"}, "text": "c"},
    ]
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "d.parquet")
    good, without, empty = read(tmp_path / "d.parquet")
    assert load_clip(good, 8000).waveform.tolist() == [0.375] * 12
    assert (without.kind, "sampling_rate" in without.reason) == ("bad array", True)
    assert empty.audio == tmp_path / "gone.wav"
    plain = {"audio": [0.5] * 800, "sampling_rate": 8000, "text": "d"}
    parquet.write_table(pa.Table.from_pylist([plain]), tmp_path / "list.parquet")
    [sample] = samples(read(tmp_path / "list.parquet"))
    assert (load_clip(sample, 8000).seconds, sample.metadata) == (0.1, {})


def test_sound_that_a_row_holds_may_be_cut_out_already(tmp_path, read):
    clip = {"bytes": encoded_flac(seconds=2.0), "path": "a.flac"}
    rows = [{"audio": clip, "start": s, "end": e, "text": "a"} for s, e in ((60, 62), (0.5, 1.0))]
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "d.parquet")
    cut, part = samples(read(tmp_path / "d.parquet"))
    assert [load_clip(s, 16_000).seconds for s in (cut, part)] == [2.0, 0.5]
    assert cut.metadata == {"start": 60, "end": 62}
