"""JSON that is no plain lines: compressed, a list, an object around one, exports of tools."""

import gzip
import importlib
import json
import sys

import pytest

from audioforge.errors import DatasetError

from .conftest import samples, split_items

ROWS = [{"audio_filepath": f"{n}.wav", "text": text} for n, text in enumerate(["one", "zwö", "3]"])]
LINES = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)


def texts(items):
    return [sample.reference for sample in samples(items)]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(ROWS),
        json.dumps(ROWS, indent=2),
        "\ufeff\n" + json.dumps(ROWS, ensure_ascii=False),
        json.dumps({"version": 1, "data": ROWS}),
        json.dumps({"info": {"name": "x"}, "clips": ROWS}, indent=1),
    ],
)
@pytest.mark.parametrize("name", ["m.json", "m.jsonl"])
def test_one_list_is_read_as_lines_are(tmp_path, read, text, name):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    items = read(path)
    assert texts(items) == ["one", "zwö", "3]"]
    assert samples(items)[1].where == f"{path}: item 2"


def test_a_row_that_holds_a_list_stays_a_row(tmp_path, read):
    row = {"audio_filepath": "a.wav", "text": "one", "words": [{"word": "one"}]}
    for indent in (None, 2):
        path = tmp_path / "m.json"
        path.write_text(json.dumps(row, indent=indent))
        [sample] = samples(read(path))
        assert (sample.reference, sample.metadata) == ("one", {"words": [{"word": "one"}]})


def test_a_list_of_many_chunks_on_one_line(tmp_path, read):
    rows = [{"audio_filepath": f"{n}.wav", "text": "x" * (n % 3000)} for n in range(300)]
    path = tmp_path / "m.json"
    path.write_text(json.dumps(rows))
    assert texts(read(path)) == [row["text"] for row in rows]


def test_what_is_wrong_with_a_list_is_said(tmp_path, read):
    path = tmp_path / "m.json"
    path.write_text('[{"audio_filepath": "a.wav", "text": "a"}, 7, {"text": "x", "text": "y"}]')
    good, problems = split_items(read(path))
    assert len(good) == 1
    assert [(p.where, p.kind) for p in problems] == [
        (f"{path}: item 2", "not an object"),
        (f"{path}: item 3", "repeated key"),
    ]
    path.write_text('[{"audio_filepath": "a.wav"}, {"audio')
    with pytest.raises(DatasetError, match="item 2 of its list is cut or no JSON"):
        read(path)
    path.write_text("[]")
    with pytest.raises(DatasetError, match="its list is empty"):
        read(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[\n{"path": "a.wav"}\n]\n[\n{"path": "b.wav"}\n]\n', ":4: its list has ended, and more"),
        ('[{"path": "a.wav"}]\n garbage {', ":1: expected a JSON object"),
        ('[{"path": "a.wav"}] garbage {', ":1: its list has ended, and more"),
        ('[\n{"path": "a.wav"}\n{"path": "b.wav"}]', ":3: item 1 of its list: no comma"),
    ],
)
def test_nothing_that_follows_a_list_is_left_unread(tmp_path, read, text, said):
    path = tmp_path / "m.json"
    path.write_text(text)
    with pytest.raises(DatasetError, match=said):
        read(path)


def test_items_that_are_no_objects_are_problems_in_the_list_of_an_object_too(tmp_path, read):
    path = tmp_path / "m.json"
    path.write_text('{"clips": [7, {"path": "a.wav", "text": "a"}, null]} \n\n')
    good, problems = split_items(read(path))
    assert len(good) == 1
    assert [p.where for p in problems] == [f"{path}: item 1", f"{path}: item 3"]


def test_compressed_lines_are_read_and_cut_ones_refused(tmp_path, read):
    path = tmp_path / "m.jsonl.gz"
    path.write_bytes(gzip.compress(LINES.encode()))
    assert texts(read(path)) == ["one", "zwö", "3]"]
    path.write_bytes(gzip.compress(LINES.encode())[:-9])
    with pytest.raises(DatasetError, match="cut or damaged"):
        read(path)
    path.write_text(LINES)
    with pytest.raises(DatasetError, match="cut or damaged"):
        read(path)


def test_zstd_is_read_or_its_package_named(tmp_path, read, monkeypatch):
    found = importlib.import_module

    def without_zstd(name, *rest):
        if name in ("compression.zstd", "backports.zstd"):
            raise ImportError(name)
        return found(name, *rest)

    path = tmp_path / "m.jsonl.zst"
    path.write_bytes(b"(\xb5/\xfd")
    with monkeypatch.context() as patched:
        patched.setattr(importlib, "import_module", without_zstd)
        with pytest.raises(DatasetError, match=r"pip install 'audioforge\[zstd\]'"):
            read(path)
    zstd = pytest.importorskip(
        "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    )
    path.write_bytes(zstd.compress(LINES.encode()))
    assert texts(read(path)) == ["one", "zwö", "3]"]
    path.write_bytes(zstd.compress(LINES.encode())[:-9])
    with pytest.raises(DatasetError, match="cut or damaged"):
        read(path)


def region(start, end, text, identity):
    times = {"start": start, "end": end}
    return [
        {"id": identity, "type": "labels", "value": {**times, "labels": ["Speech"]}},
        {"id": identity, "type": "textarea", "value": {**times, "text": [text]}},
    ]


def whole(text):
    return [{"id": "w", "type": "textarea", "value": {"text": [text]}}]


def task(*results, audio="/data/upload/1/1a2b3c4d-a.wav", **more):
    annotations = [{"result": result, **more} for result in results]
    return {"id": 7, "data": {"audio": audio, "room": "hall"}, "annotations": annotations}


def test_label_studio(tmp_path, read, write_sound):
    write_sound(tmp_path / "a.wav")
    path = tmp_path / "export.json"
    regions = [*region(2.0, 3.5, "two", "y"), *region(0.5, 1.0, "one", "x")]
    local = "/data/local-files/?d=sub/b%20c.wav"
    write_sound(tmp_path / "sub" / "b c.wav")
    path.write_text(json.dumps([task(regions), task(whole("all of it"), audio=local)], indent=1))
    one, two, all_of_it = samples(read(path))
    assert [(s.offset, s.duration, s.reference) for s in (one, two)] == [
        (0.5, 0.5, "one"),
        (2.0, 1.5, "two"),
    ]
    assert [s.id for s in (one, all_of_it)] == ["a.wav@0.5", "sub/b c.wav"]
    assert one.labels == ("Speech",)
    assert one.metadata == {"room": "hall", "task": 7}
    assert {s.audio for s in (one, two)} == {tmp_path / "a.wav"}
    assert (all_of_it.reference, all_of_it.offset) == ("all of it", None)
    assert all_of_it.audio == tmp_path / "sub" / "b c.wav"


def test_label_studio_of_several_people(tmp_path, read):
    path = tmp_path / "export.json"
    unlike = task(whole("one"), whole("won"))
    path.write_text(json.dumps([unlike, task(whole("one"), whole("one"))]))
    good, [problem] = split_items(read(path))
    assert [s.reference for s in good] == ["one"]
    assert (problem.kind, problem.where) == ("two texts", f"{path}: item 1")
    unlike["annotations"][1]["ground_truth"] = True
    path.write_text(json.dumps([unlike]))
    assert texts(read(path)) == ["won"]
    unlike["annotations"][1] = {"was_cancelled": True, "result": whole("won")}
    path.write_text(json.dumps([unlike, {"id": 1, "data": {"image": "x"}, "annotations": []}]))
    good, [problem] = split_items(read(path))
    assert [s.reference for s in good] == ["one"]
    assert "its data name no sound file; the keys are: image" in problem.reason
