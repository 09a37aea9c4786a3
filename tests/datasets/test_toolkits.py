"""What other toolkits write: folders of Kaldi, cuts of Lhotse, tar shards of NeMo and others."""

import base64
import gzip
import io
import json
import tarfile

import numpy as np
import pytest
import soundfile

from audioforge.errors import DatasetError

from .conftest import encoded_flac, samples, split_items


def lines(path, *texts):
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(f"{text}\n" for text in texts)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())


def told(items):
    return [(s.id, s.audio, s.offset, s.duration, s.reference) for s in samples(items)]


def kaldi(folder, scp, **files):
    lines(folder / "wav.scp", *scp)
    for name, texts in files.items():
        lines(folder / name, *texts)
    return folder


def test_a_data_folder_of_kaldi(tmp_path, read, write_sound):
    write_sound(tmp_path / "corpus" / "s 1.wav")
    write_sound(tmp_path / "recipe" / "data" / "train" / "s2.wav")
    folder = kaldi(
        tmp_path / "recipe" / "data" / "train",
        ["s1 corpus/s 1.wav", "s2 s2.wav"],
        segments=["u1 s1 0.5 1.25", "u2 s2 0 -1", "u3 s1 x 2", "u4 gone 0 1"],
        text=["u1 one  two", "u2", "u9 nine"],
        utt2spk=["u1 ann", "u2 bob"],
        utt2lang=["u1 de"],
    )
    good, problems = split_items(read(folder))
    assert told(good) == [
        ("u1", tmp_path / "corpus" / "s 1.wav", 0.5, 0.75, "one  two"),
        ("u2", folder / "s2.wav", 0.0, None, ""),
    ]
    assert [(s.speaker, s.language) for s in good] == [("ann", "de"), ("bob", None)]
    assert good[0].metadata == {"recording": "s1"}
    assert [(p.where, p.kind) for p in problems] == [
        (f"{folder / 'segments'}:3", "bad offset"),
        (f"{folder / 'segments'}:4: u4", "bad segment"),
        (f"{folder / 'text'}: u9", "missing audio"),
    ]


def test_channels_of_kaldi(tmp_path, read):
    soundfile.write(tmp_path / "call.wav", np.zeros((800, 2)), 8000)
    soundfile.write(tmp_path / "side.wav", np.zeros(800), 8000)
    sides = {
        "reco2file_and_channel": ["a call A", "b call B", "m side B", "n call 2", "x call left"]
    }
    scp = [
        f"{n} {f}.wav"
        for n, f in zip("abmnx", ("call", "call", "side", "call", "call"), strict=True)
    ]
    good, problems = split_items(read(kaldi(tmp_path, scp, **sides)))
    assert {s.id: s.channels for s in good} == {"a": (0,), "b": (1,), "m": (), "n": (1,)}
    assert [(p.where.rpartition(": ")[2], p.kind) for p in problems] == [("x", "bad channel")]
    cut = ["u1 b 0 0.05", "u2 b 0.05 0.1 0", "u3 b 0 0.1 left", "u4 b 0 0.1 0 1"]
    good, problems = split_items(read(kaldi(tmp_path, scp, segments=cut)))
    assert [(s.id, s.channels) for s in good] == [("u1", (1,)), ("u2", (0,))]
    assert [p.kind for p in problems] == ["bad channel"] * 2


def test_commands_of_kaldi_are_never_run(tmp_path, read):
    trap = tmp_path / "trap"
    scp = [f"u1 touch {trap} |", f"u2 touch {trap}|", "u3 x.ark:123", "u4 a.wav"]
    good, problems = split_items(read(kaldi(tmp_path / "data", scp, text=["u1 a", "u4 b"])))
    assert [s.id for s in good] == ["u4"]
    assert [p.kind for p in problems] == ["a command", "a command", "an archive"]
    assert "which AudioForge never runs" in problems[0].reason
    assert not trap.exists()


def test_splits_and_doubled_names_of_kaldi(tmp_path, read):
    for split in ("train", "dev"):
        kaldi(tmp_path / split, [f"{split}-1 a.wav"])
    assert [s.id for s in samples(read(tmp_path, split="dev"))] == ["dev-1"]
    kaldi(tmp_path / "train", ["u1 a.wav"], text=["u1 one", "u1 two"])
    with pytest.raises(DatasetError, match=r"text:2: 'u1' is there twice"):
        read(tmp_path)


def source(path, channels=(0,), kind="file"):
    return {"type": kind, "channels": list(channels), "source": path}


def recording(*sources, **more):
    return {"id": "rec", "sources": list(sources), "sampling_rate": 16000, "duration": 9.0, **more}


def said(text, start, duration, **more):
    return {"id": f"s-{text}", "start": start, "duration": duration, "text": text, **more}


def cut(name, *supervisions, of=None, **more):
    known = {"id": name, "start": 1.0, "duration": 4.0, "channel": 0, "type": "MonoCut"}
    made_of = of or recording(source("a.wav"))
    return {**known, "supervisions": list(supervisions), "recording": made_of, **more}


def test_cuts_of_lhotse(tmp_path, read, write_sound):
    write_sound(tmp_path / "a.wav")
    flac = encoded_flac()
    memory = recording(source(base64.b64encode(flac).decode(), kind="memory"))
    cuts = [
        cut("c1", said("one", 0.5, 1.0, speaker="ann", language="en"), custom={"room": "hall"}),
        cut("c2", said("two", -0.5, 1.5, channel=1), said("three", 3.0, 2.0), channel=[0, 1],
            type="MultiCut", of=recording(source("a.wav", (0, 1)))),
        cut("c3", of=memory),
    ]  # fmt: skip
    lines(tmp_path / "lists" / "cuts.jsonl.gz", *map(json.dumps, cuts))
    items = read(tmp_path / "lists")
    assert told(items) == [
        ("c1", tmp_path / "a.wav", 1.5, 1.0, "one"),
        ("c2-0", tmp_path / "a.wav", 1.0, 1.0, "two"),
        ("c2-1", tmp_path / "a.wav", 4.0, 1.0, "three"),
        ("c3", flac, 1.0, 4.0, None),
    ]
    first, second, third, _ = samples(items)
    assert (first.speaker, first.language, first.metadata["room"]) == ("ann", "en", "hall")
    assert [s.channels for s in (first, second, third)] == [(), (1,), ()]
    lines(tmp_path / "anything.jsonl", json.dumps(cuts[0]))
    assert told(read(tmp_path / "anything.jsonl")) == told(items)[:1]


@pytest.mark.parametrize(
    ("unreadable", "reason"),
    [
        (cut("x", type="MixedCut"), "a MixedCut is a mix"),
        ({**cut("x"), "recording": None}, "features and no sound"),
        (cut("x", of=recording(source("sox x |", kind="command"))), "AudioForge runs none"),
        (cut("x", of=recording(source("a", (0,)), source("b", (1,))), channel=[0, 1]), "2 files"),
        (cut("x", of=recording(source("a", (0, 1, 2))), channel=[0, 1]), "2 of the 3 channels"),
        (cut("x", of=recording(source("a"), transforms=[{"name": "Speed"}])), "(Speed)"),
        (cut("x", of=recording(source("?", kind="memory"))), "damaged"),
        ({"id": "x", "type": "MonoCut", "recording": {"id": 1}}, "no cut as Lhotse writes it"),
    ],
)
def test_cuts_without_plain_sound_are_problems(tmp_path, read, unreadable, reason):
    lines(tmp_path / "cuts.jsonl", json.dumps(unreadable), json.dumps(cut("good")))
    good, [problem] = split_items(read(tmp_path))
    assert [s.id for s in good] == ["good"]
    assert problem.where == f"{tmp_path / 'cuts.jsonl'}:1"
    assert reason in problem.reason


def test_recordings_and_supervisions_of_lhotse(tmp_path, read):
    spoken = [said("one", 0.5, 1.0, recording_id="rec"), said("two", 0, 1, recording_id="gone")]
    for split in ("train", "dev"):
        name = f"corpus_{{}}_{split}.jsonl.gz"
        lines(tmp_path / name.format("recordings"), json.dumps(recording(source("a.wav"))))
        lines(tmp_path / name.format("supervisions"), *map(json.dumps, spoken))
    good, [problem] = split_items(read(tmp_path, split="dev"))
    assert told(good) == [("s-one", tmp_path / "a.wav", 0.5, 1.0, "one")]
    assert problem.reason == "no recording is called 'gone'"
    for path in tmp_path.glob("*supervisions*"):
        path.unlink()
    assert told(read(tmp_path)) == [("rec", tmp_path / "a.wav", None, None, None)]
    for path in tmp_path.glob("*recordings*"):
        path.rename(path.with_name("supervisions.jsonl.gz"))
    with pytest.raises(DatasetError, match=r"needs recordings\.jsonl\.gz beside it"):
        read(tmp_path)


def tar(path, files, mode="w"):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as archive:
        for name, content in files:
            content = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def test_shards_of_webdataset(tmp_path, read):
    flac = encoded_flac()
    first = [
        ("d/._a.flac", "of macOS"),
        ("d/a.flac", flac),
        ("d/._a.txt", "of macOS"),
        ("__MACOSX/d/a.flac", "of macOS"),
        ("d/a.txt", "one\n"),
        ("d/b.json", '{"text": "two", "lang": "de"}'),
    ]
    first += [("d/b.flac", flac), ("c.flac", flac), ("c.cls", "3")]
    tar(tmp_path / "train-000000.tar", first)
    tar(tmp_path / "train-000001.tar.gz", [("e.flac", flac), ("e.txt", "five")], "w:gz")
    tar(tmp_path / "test-000000.tar", [("f.flac", flac)])
    items = samples(read(tmp_path))
    assert [(s.id, s.reference, s.language, s.labels) for s in items] == [
        ("d/a", "one", None, ()),
        ("d/b", "two", "de", ()),
        ("c", None, None, ("3",)),
        ("e", "five", None, ()),
    ]
    assert items[0].audio == flac
    assert [s.id for s in samples(read(tmp_path, split="test"))] == ["f"]
    assert [s.id for s in samples(read(tmp_path / "test-000000.tar"))] == ["f"]


def test_what_is_wrong_in_a_shard_is_a_problem(tmp_path, read):
    flac = encoded_flac()
    files = [("a.flac", flac), ("b.txt", "two"), ("a.txt", "one"), ("c.flac", flac)]
    files += [("c.json", "[]"), ("d.flac", flac), ("d.wav", flac), ("../../e.flac", flac)]
    path = tar(tmp_path / "x.tar", files)
    good, problems = split_items(read(path))
    assert [s.id for s in good] == ["a", "../../e"]
    assert [(p.where.removeprefix(f"{path}: "), p.kind) for p in problems] == [
        ("b", "missing audio"),
        ("a", "missing audio"),
        ("c", "bad text"),
        ("d", "missing audio"),
    ]
    assert list(tmp_path.iterdir()) == [path]
    path.write_bytes(path.read_bytes()[:1500])
    with pytest.raises(DatasetError, match="cut or damaged"):
        read(path)


def test_a_key_that_comes_again_is_a_problem(tmp_path, read):
    flac = encoded_flac()
    path = tar(tmp_path / "x.tar", [("a.flac", flac), ("b.flac", flac), ("a.flac", flac)])
    good, [problem] = split_items(read(path))
    assert [s.id for s in good] == ["a", "b"]
    assert "must follow each other" in problem.reason


def test_tarred_datasets_of_nemo(tmp_path, read):
    flac = encoded_flac(1.0)
    rows = [
        {"audio_filepath": "b.flac", "text": "two", "duration": 1.0, "shard_id": 0},
        {"audio_filepath": "a.flac", "text": "one", "duration": 0.5, "offset": 0, "shard_id": 0},
        {"audio_filepath": "a-sub1.flac", "text": "more", "duration": 0.5, "offset": 0.5,
         "shard_id": 0},
        {"audio_filepath": "c-sub1.flac", "text": "cut", "duration": 1.0, "shard_id": 1},
        {"audio_filepath": "gone.flac", "text": "x", "duration": 1.0, "shard_id": 1},
        {"audio_filepath": "d.flac", "text": "x"},
    ]  # fmt: skip
    tar(tmp_path / "audio_0.tar", [("a.flac", flac), ("b.flac", flac)])
    tar(tmp_path / "audio_1.tar", [("c-sub1.flac", flac)])
    manifest = tmp_path / "tarred_audio_manifest.json"
    lines(manifest, *map(json.dumps, rows))
    for place in (tmp_path, manifest):
        good, problems = split_items(read(place))
        assert [(s.id, s.offset, s.reference) for s in good] == [
            ("a.flac", 0.0, "one"),
            ("a-sub1.flac@0.5", 0.5, "more"),
            ("b.flac", None, "two"),
            ("c-sub1.flac", None, "cut"),
        ]
        assert [(p.where, p.kind) for p in problems] == [
            (f"{manifest}:5", "missing audio"),
            (f"{manifest}:6", "missing path"),
        ]
    for shard in (0, 1):
        part = [json.dumps(row) for row in rows if row.get("shard_id") == shard]
        lines(tmp_path / "sharded_manifests" / f"manifest_{shard}.json", *part)
    manifest.unlink()
    assert len(split_items(read(tmp_path))[0]) == 4
    (tmp_path / "audio_1.tar").unlink()
    with pytest.raises(DatasetError, match=r"audio_1\.tar: the manifest has clips in this shard"):
        read(tmp_path)
