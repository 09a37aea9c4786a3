from __future__ import annotations

import json
import math
import tracemalloc
from contextlib import suppress

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audioforge.audio import load_clip
from audioforge.dataset import DatasetRequest
from audioforge.errors import AudioError, DatasetError
from audioforge.find_dataset import open_dataset
from audioforge.plugins import discover
from audioforge.sample import AudioSample, Problem

from .conftest import samples, split_items


def write_lines(path, *rows):
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def test_every_key_arrives_and_paths_start_at_the_manifest(tmp_path, read, write_sound):
    write_sound(tmp_path / "clips" / "a.wav", seconds=2)
    row = {
        "audio_filepath": "clips/a.wav",
        "text": "Hello, World",
        "duration": 0.5,
        "offset": 1.25,
        "speaker": "ann",
        "lang": "en",
        "label": "greeting",
        "snr": 20,
    }
    [sample] = samples(read(write_lines(tmp_path / "m.jsonl", row)))
    assert sample.audio == tmp_path / "clips" / "a.wav"
    assert sample.reference == "Hello, World"
    assert (sample.offset, sample.duration) == (1.25, 0.5)
    assert (sample.speaker, sample.language, sample.labels) == ("ann", "en", ("greeting",))
    assert sample.metadata == {"snr": 20}
    assert load_clip(sample, 16_000).seconds == 0.5


def test_ids_do_not_depend_on_the_folder_and_segments_have_their_own(tmp_path, read):
    rows = [
        {"audio_filepath": "a.wav", "text": "one"},
        {"audio_filepath": "a.wav", "text": "two", "offset": 1.5},
        {"audio_filepath": "b.wav", "text": "three", "id": 7},
        {"audio_filepath": "a.wav", "text": "again"},
    ]
    ids = []
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        manifest = write_lines(tmp_path / folder / "m.jsonl", *rows)
        ids.append([s.id for s in samples(read(manifest))])
    assert ids[0] == ids[1] == ["a.wav", "a.wav@1.5", "7", "a.wav#2"]


def test_text_and_label_columns_can_be_named(tmp_path, read):
    row = {"audio_filepath": "a.wav", "text": "no", "text_raw": "Yes!", "mood": ["glad", "calm"]}
    path = write_lines(tmp_path / "m.jsonl", row)
    [sample] = samples(read(path, text_column="text_raw", label_column="mood"))
    assert sample.reference == "Yes!"
    assert sample.labels == ("glad", "calm")
    with pytest.raises(DatasetError, match=r"no line has the key 'txt'.*text_raw"):
        read(path, text_column="txt")


def test_broken_json_is_placed_in_the_file_not_in_its_line(tmp_path, read):
    path = tmp_path / "m.jsonl"
    path.write_text('{"audio_filepath": "a.wav"}\n\n{"audio_filepath": \n')
    problem = read(path)[1]
    assert problem.where == f"{path}:3"
    assert problem.reason == "not JSON: Expecting value at column 21"


def test_what_a_manifest_has_no_use_for_is_refused(tmp_path, read):
    path = write_lines(tmp_path / "m.jsonl", {"audio_filepath": "a.wav", "text": "x"})
    with pytest.raises(DatasetError, match="--split does not apply"):
        read(path, split="test")
    with pytest.raises(DatasetError, match="--data-dir does not apply"):
        read(path, data_dir=tmp_path)


BAD_LINES = [
    ("manifest_bad_json", [(2, "bad JSON")], 2),
    ("manifest_not_object", [(2, "not an object"), (3, "not an object"), (4, "not an object")], 1),
    ("manifest_missing_path", [(2, "missing path")], 1),
    ("manifest_duplicate_ids", [(2, "duplicate id")], 2),
    ("manifest_null_text", [(3, "bad text"), (4, "bad text")], 2),
    ("manifest_missing_text", [], 2),
    ("manifest_missing_duration", [], 2),
    ("manifest_bad_duration", [], 5),
    ("manifest_missing_file", [], 3),
    ("manifest_blank_lines", [], 2),
    ("manifest_crlf_bom", [], 2),
    ("manifest_no_final_newline", [], 2),
    ("manifest_unicode", [], 6),
    ("manifest_path_up", [], 1),
    ("manifest_unknown_keys", [], 1),
    ("manifest_good", [], 1),
]


@pytest.mark.parametrize(("name", "bad", "usable"), BAD_LINES)
def test_each_bad_line_is_named_and_the_others_are_read(shared, read, name, bad, usable):
    path = shared / "data" / "bad" / f"{name}.jsonl"
    good, problems = split_items(read(path))
    assert [(p.where, p.kind) for p in problems] == [(f"{path}:{n}", kind) for n, kind in bad]
    assert len(good) == usable
    assert len({s.id for s in good}) == usable


def test_absent_and_empty_texts_differ(shared, read):
    folder = shared / "data" / "bad"
    good, _ = split_items(read(folder / "manifest_null_text.jsonl"))
    assert [s.reference for s in good] == [None, ""]
    assert samples(read(folder / "manifest_missing_text.jsonl"))[1].reference is None


def test_impossible_durations_are_dropped_and_the_clip_is_the_whole_file(shared, read):
    items = samples(read(shared / "data" / "bad" / "manifest_bad_duration.jsonl"))
    assert [s.duration for s in items] == [None, None, 2.5, None, 9999]
    lengths = {load_clip(s, 16_000).seconds for s in items}
    assert len(lengths) == 1


def test_a_segment_that_cannot_be_cut_out_is_a_problem(tmp_path, read):
    rows = [
        {"audio_filepath": "a.wav", "offset": 1, "duration": -1},
        {"audio_filepath": "a.wav", "offset": -1},
        {"audio_filepath": "a.wav", "offset": "soon"},
        '{"audio_filepath": "a.wav", "offset": NaN}',
    ]
    _, problems = split_items(read(write_lines(tmp_path / "m.jsonl", *rows)))
    assert [p.kind for p in problems] == ["bad duration", "bad offset", "bad offset", "bad offset"]


def test_text_stays_as_written(shared, read):
    path = shared / "data" / "bad" / "manifest_unicode.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [s.reference for s in samples(read(path))] == [json.loads(x)["text"] for x in lines]


def test_another_encoding_names_line_and_mend(shared, read):
    with pytest.raises(DatasetError, match=r"manifest_latin1.jsonl:\d+: not UTF-8.*iconv"):
        read(shared / "data" / "bad" / "manifest_latin1.jsonl")


def test_an_empty_manifest_says_so(shared, read):
    with pytest.raises(DatasetError, match="the file is empty"):
        read(shared / "data" / "bad" / "manifest_empty.jsonl")


def test_real_manifests_read_without_a_problem(shared, read):
    clips = samples(read(shared / "data" / "digits_asr" / "train.jsonl"))
    assert len(clips) == 400
    assert {c.speaker for c in clips} == {
        "fsdd-jackson",
        "fsdd-nicolas",
        "fsdd-theo",
        "fsdd-yweweler",
    }
    assert all(c.audio.is_file() for c in clips)


def test_a_long_manifest_is_not_held_in_memory(tmp_path):
    path = tmp_path / "long.jsonl"
    text = "word " * 1000
    with path.open("w") as file:
        for number in range(5_000):
            file.write(f'{{"audio_filepath": "clips/{number}.wav", "text": "{text}"}}\n')
    dataset = open_dataset(discover(), str(path), DatasetRequest(location=str(path)))
    tracemalloc.start()
    count = sum(1 for _ in dataset.load())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 5_000
    assert peak < path.stat().st_size / 8


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
KEYS = ["audio_filepath", "text", "duration", "offset", "speaker", "lang", "label", "id"]
ROWS = st.dictionaries(st.sampled_from(KEYS), JSON_VALUES).map(json.dumps)
PLAIN_ROWS = st.fixed_dictionaries(
    {"audio_filepath": st.sampled_from(["a", "b", "a#2", "a@1.0"])},
    optional={"id": st.sampled_from(["a", "a#2", "c"]), "offset": st.sampled_from([0, 1.0])},
).map(json.dumps)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(st.text() | ROWS | PLAIN_ROWS, max_size=6), text_column=st.none() | st.text())
def test_any_lines_give_unique_samples_or_problems(tmp_path, read, lines, text_column):
    path = tmp_path / "m.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8", errors="surrogatepass", newline="")
    try:
        good, problems = split_items(read(path, text_column=text_column or None))
    except DatasetError:
        return
    assert len({s.id for s in good}) == len(good)
    assert all(p.reason and p.kind and p.where.startswith(f"{path}:") for p in problems)
    for sample in good:
        sample.id.encode()
        assert sample.offset is None or (math.isfinite(sample.offset) and sample.offset >= 0)
        assert sample.duration is None or 0 < sample.duration < math.inf
        assert sample.reference is None or isinstance(sample.reference, str)


@given(data=st.binary(max_size=200))
def test_any_bytes_give_a_dataset_error_at_worst(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "bytes.jsonl"
    path.write_bytes(data)
    dataset = open_dataset(discover(), str(path), DatasetRequest(location=str(path)))
    with suppress(DatasetError):
        for item in dataset.load():
            assert isinstance(item, AudioSample | Problem)


@pytest.mark.parametrize("names", [("start", "end"), ("start_time", "end_time"), ("begin", "end")])
def test_segments_are_read_under_every_name_in_every_format(tmp_path, read, write_sound, names):
    import pyarrow
    from pyarrow import parquet

    write_sound(tmp_path / "long.wav", seconds=3)
    times = [(0.0, 1.25), (1.5, 1.75), (2.0, 3.0)]
    rows = [{"path": "long.wav", **dict(zip(names, t, strict=True)), "text": "a"} for t in times]
    manifest = write_lines(tmp_path / "m.jsonl", *rows)
    lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    (tmp_path / "m.csv").write_text("\n".join(lines) + "\n")
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "m.parquet")
    for path in (manifest, tmp_path / "m.csv", tmp_path / "m.parquet"):
        found = samples(read(path))
        assert [load_clip(s, 16_000).seconds for s in found] == [1.25, 0.25, 1.0]
        assert [s.id for s in found] == ["long.wav", "long.wav@1.5", "long.wav@2.0"]
        assert not any(s.metadata for s in found)


def test_one_speaker_a_channel(tmp_path, read):
    left, right = np.full(800, 0.25, np.float32), np.full(800, -0.5, np.float32)
    soundfile.write(tmp_path / "call.wav", np.stack([left, right], 1), 8000, subtype="FLOAT")
    values = [0, 1, [0, 1], None, 2]
    rows = [{"audio_filepath": "call.wav", "channel": v, "text": "a"} for v in values]
    *found, gone = samples(read(write_lines(tmp_path / "m.jsonl", *rows)))
    heard = [float(load_clip(s, 8000).waveform[0]) for s in found]
    assert heard == [0.25, -0.5, -0.125, -0.125]
    assert [s.id for s in found] == ["call.wav:0", "call.wav:1", "call.wav:0+1", "call.wav"]
    with pytest.raises(AudioError, match="no channel 2: the sound has 2 channels, and they are"):
        load_clip(gone, 8000)


def test_a_key_that_is_there_twice_is_a_problem_with_its_name(tmp_path, read):
    twice = '{"audio_filepath": "a.wav", "text": "one", "text": "two"}'
    path = write_lines(tmp_path / "m.jsonl", twice, {"audio_filepath": "b.wav", "text": "three"})
    problem, sample = read(path)
    assert (problem.where, problem.kind) == (f"{path}:1", "repeated key")
    assert "the key 'text' is there twice" in problem.reason
    assert sample.reference == "three"


def test_paths_of_other_systems(tmp_path, read, write_sound, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    there = write_sound(tmp_path / "clips" / "a.wav")
    paths = ["clips\\a.wav", f"file://{there}", "~/clips/a.wav", "ftp://example.org/a.wav"]
    rows = [{"audio_filepath": path, "text": "a"} for path in paths]
    *found, address = read(write_lines(tmp_path / "m.jsonl", *rows))
    assert [sample.audio for sample in found] == [there] * 3
    assert found[0].id == "clips/a.wav"
    assert address.reason.startswith("ftp://example.org/a.wav: ftp:// is not read; download it")
    gone = write_lines(tmp_path / "n.jsonl", {"audio_filepath": "clips/A.wav", "text": "a"})
    with pytest.raises(AudioError, match=r"no such file; near it is .*a\.wav, in other capitals"):
        load_clip(samples(read(gone))[0], 8000)
