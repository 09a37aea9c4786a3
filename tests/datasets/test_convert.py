"""`datasets convert`: any dataset as a manifest that reads the same, killed at any time or not."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from audioforge import dataset_conversion
from audioforge.cli.datasets import datasets
from audioforge.errors import DatasetError, UsageError
from audioforge.long_recordings import Segment

from .conftest import encoded_flac, samples
from .test_toolkits import kaldi, tar


def run(*args):
    result = CliRunner().invoke(datasets, ["convert", *map(str, args)])
    if result.exception is not None:
        raise result.exception
    return result.stdout


def contents(folder):
    files = [path for path in Path(folder).rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture
def session(tmp_path):
    """A data folder with parts of one recording, of which one lies after its end."""
    sound = np.linspace(-0.5, 0.5, 3 * 8000)
    soundfile.write(tmp_path / "s.wav", sound, 8000)
    segments = ["u1 s 0.5 1.5", "u2 s 1.5 3", "u3 s 3.5 4"]
    text = ["u1 one", "u2", "u3 x"]
    speakers = ["u1 ann", "u2 bob"]
    return kaldi(tmp_path / "d", ["s ../s.wav"], segments=segments, text=text, utt2spk=speakers)


def test_a_manifest_reads_as_what_it_was_made_of(session, tmp_path, read):
    said = run(session, tmp_path / "m.jsonl")
    assert "m.jsonl: 2 clips, 0.00 h" in said
    assert "Left out: 1 (1 undecodable)" in said
    before, after = samples(read(session))[:2], samples(read(tmp_path / "m.jsonl"))
    for one, other in zip(before, after, strict=True):
        kept = ("id", "reference", "speaker", "offset", "duration", "metadata")
        assert [getattr(other, k) for k in kept] == [getattr(one, k) for k in kept]
        assert other.audio.samefile(one.audio)
    first = json.loads((tmp_path / "m.jsonl").read_text().splitlines()[0])
    assert first["audio_filepath"] == "s.wav"
    assert not list(tmp_path.glob("*.partial"))


def test_flac_holds_the_parts_alone(session, tmp_path, read):
    report = json.loads(run(session, tmp_path / "m.jsonl", "--flac", "--json"))
    assert (report["samples"], report["problems"]["n"]) == (2, 1)
    one, two = samples(read(tmp_path / "m.jsonl"))
    assert [(s.id, s.offset, s.duration) for s in (one, two)] == [
        ("u1", None, 1),
        ("u2", None, 1.5),
    ]
    assert one.audio == tmp_path / "m-flac" / "u1.flac"
    heard, rate = soundfile.read(one.audio)
    assert (len(heard), rate) == (16_000, 16_000)
    assert abs(heard[8000] + 0.5 - 1 / 3) < 0.01


def test_all_that_is_known_is_kept(tmp_path, read):
    soundfile.write(tmp_path / "a.wav", np.full((16_000, 2), 0.1), 16_000)
    rows = [
        {"audio_filepath": "a.wav", "channel": 1, "label": ["x", "y"], "lang": "de", "take": 3},
        {"audio_filepath": "a.wav", "raw": "words", "text": "other", "snr": [1.5]},
    ]
    path = tmp_path / "in.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    run(path, tmp_path / "out.jsonl")
    one, _ = samples(read(tmp_path / "out.jsonl"))
    assert (one.channels, one.labels, one.language) == ((1,), ("x", "y"), "de")
    assert (one.reference, one.metadata) == (None, {"take": 3})
    path.write_text(json.dumps(rows[1]))
    run(path, tmp_path / "raw.jsonl", "--text-column", "raw")
    [two] = samples(read(tmp_path / "raw.jsonl"))
    assert (two.reference, two.metadata) == ("words", {"original_text": "other", "snr": [1.5]})


def test_sound_too_loud_for_whole_numbers_is_made_softer(tmp_path, read):
    soundfile.write(tmp_path / "a.wav", np.array([0.5, -4.0] * 8000), 16_000, subtype="FLOAT")
    run(tmp_path / "a.wav", tmp_path / "m.jsonl", "--flac")
    heard, _ = soundfile.read(samples(read(tmp_path / "m.jsonl"))[0].audio)
    assert np.allclose(heard[:2], [0.125, -1.0], atol=1e-3)


class KilledError(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("step", ["append_line", "load_clip"])
@pytest.mark.parametrize("after", [0, 1])
def test_killed_at_any_time_it_ends_with_the_same_files(
    session, tmp_path, monkeypatch, step, after
):
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    run(session, tmp_path / "whole" / "m.jsonl", "--flac")
    calls = []

    def kill(*args, **settings):
        calls.append(args)
        if len(calls) > after:
            raise KilledError
        return monkeypatch.original(*args, **settings)

    monkeypatch.original = getattr(dataset_conversion, step)
    with monkeypatch.context() as patched:
        patched.setattr(dataset_conversion, step, kill)
        with pytest.raises(KilledError):
            run(session, tmp_path / "killed" / "m.jsonl", "--flac")
    assert not (tmp_path / "killed" / "m.jsonl").exists()
    with (tmp_path / "killed" / "m.jsonl.partial").open("ab") as begun:
        begun.write(b'{"id": "u1", "li')  # a torn line
    (tmp_path / "killed" / "m-flac").mkdir(exist_ok=True)
    (tmp_path / "killed" / "m-flac" / ".u1.flac.1.tmp").touch()
    report = json.loads(run(session, tmp_path / "killed" / "m.jsonl", "--flac", "--json"))
    assert report["resumed"] == after
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


def test_a_folder_that_has_changed_is_begun_anew(session, tmp_path, monkeypatch):
    def kill(*_):
        raise KilledError

    out = session / "m.jsonl"  # what is written there is no change
    with monkeypatch.context() as patched:
        patched.setattr(dataset_conversion, "append_line", kill)
        with pytest.raises(KilledError):
            run(session, out)
    begun = (session / "m.jsonl.partial").read_text()
    (session / "m.jsonl.partial").write_text(begun + '{"id": "u1", "lines": []}\n')
    text = (session / "text").read_text()
    (session / "text").write_text(text.replace("one", "two"))
    with pytest.raises(UsageError, match="its data have changed since"):
        run(session, out)
    (session / "m.jsonl.partial").unlink()
    run(session, out)
    assert json.loads(out.read_text().splitlines()[0])["text"] == "two"


def test_two_at_once_do_not_write_one_manifest(session, tmp_path, monkeypatch):
    refused = []

    def again(*args):
        with pytest.raises(UsageError) as error:
            run(session, tmp_path / "m.jsonl")
        refused.append(str(error.value))
        return monkeypatch.original(*args)

    monkeypatch.original = dataset_conversion.append_line
    monkeypatch.setattr(dataset_conversion, "append_line", again)
    run(session, tmp_path / "m.jsonl")
    assert "another process is writing it" in refused[0]
    assert len((tmp_path / "m.jsonl").read_text().splitlines()) == 2
    assert not list(tmp_path.glob(".*"))


def test_long_clips_are_cut_where_nobody_speaks(tmp_path, monkeypatch, read):
    soundfile.write(tmp_path / "long.wav", np.full(9 * 8000, 0.1), 8000)
    other = {"normalized_text": "many", "class": "a", "original_class": "b", "take": 1}
    rows = [
        {"audio_filepath": "long.wav", "text": "many words", "speaker": "ann", **other},
        {"audio_filepath": "long.wav", "offset": 1.0, "duration": 2.0, "text": "short"},
        {"audio_filepath": "long.wav", "offset": 2.0, "text": "in one part"},
        {"audio_filepath": "long.wav", "offset": 3.0, "text": ""},
        {"audio_filepath": "long.wav", "offset": 4.0, "text": "never said"},
    ]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = {0.0: [(0.5, 3.0), (4.0, 5.0)], 2.0: [(2.5, 1.0)], 3.0: [(3.0, 1.0), (5.0, 1.0)]}

    def split(sample, max_seconds):
        assert max_seconds == 4
        return [Segment(*times) for times in found.get(sample.offset or 0.0, [])]

    monkeypatch.setattr(dataset_conversion, "split_at_silence", split)
    options = ("--split-silence", "--max-seconds", 4, "--json")
    report = json.loads(run(tmp_path / "in.jsonl", tmp_path / "m.jsonl", *options))
    assert (report["cut"], report["without_text"]) == (3, 1)
    assert report["problems"]["kinds"] == {"no speech": 1}
    made = samples(read(tmp_path / "m.jsonl"))
    assert [(s.id, s.offset, s.duration, s.reference) for s in made] == [
        ("long.wav@0.5", 0.5, 3.0, None),
        ("long.wav@4", 4.0, 5.0, None),
        ("long.wav@1.0", 1.0, 2.0, "short"),
        ("long.wav@2.0@2.5", 2.5, 1.0, "in one part"),
        ("long.wav@3.0@3", 3.0, 1.0, ""),
        ("long.wav@3.0@5", 5.0, 1.0, ""),
    ]
    kept = {"original_normalized_text": "many", "original_class": "b", "take": 1}
    assert [(s.labels, s.metadata) for s in made[:2]] == [(("a",), kept)] * 2


def test_times_of_a_clip_that_was_cut_already_are_no_times_of_its_file(tmp_path, read):
    shard = tar(tmp_path / "x.tar", [("a.flac", encoded_flac()), ("a.json", "{}")])
    [clip] = samples(read(shard))
    seconds = soundfile.info(io.BytesIO(clip.audio)).duration
    times = {"start": 7.0, "end": 7.0 + seconds, "sentence": "words"}
    tar(tmp_path / "x.tar", [("a.flac", encoded_flac()), ("a.json", json.dumps(times))])
    run(shard, tmp_path / "m.jsonl", "--flac")
    [made] = samples(read(tmp_path / "m.jsonl"))
    kept = {"original_start": 7.0, "original_end": times["end"]}
    assert (made.offset, made.reference, made.metadata) == (None, "words", kept)


def test_nothing_else_is_written_over(session, tmp_path):
    out = tmp_path / "m.jsonl"
    run(session, out)
    kept = out.read_bytes()
    with pytest.raises(UsageError, match=r"m\.jsonl: is there already"):
        run(session, out)
    assert out.read_bytes() == kept
    begun = tmp_path / "n.jsonl.partial"
    begun.write_text('{"made_of": {"dataset": "else"}}\n{"id": "x"}\n')
    with pytest.raises(UsageError, match="was begun from something else"):
        run(session, tmp_path / "n.jsonl")
    (tmp_path / "o-flac").mkdir()
    (tmp_path / "o-flac" / "mine.flac").touch()
    with pytest.raises(UsageError, match=r"o-flac: is there already"):
        run(session, tmp_path / "o.jsonl", "--flac")
    with pytest.raises(UsageError, match="a manifest ends in"):
        run(session, tmp_path / "o.csv")
    with pytest.raises(UsageError, match="there is no such folder"):
        run(session, tmp_path / "no" / "o.jsonl")


def test_what_cannot_be_converted_is_said(tmp_path):
    shard = tar(tmp_path / "x.tar", [("a.flac", encoded_flac()), ("a.txt", "one")])
    with pytest.raises(UsageError, match="add --flac"):
        run(shard, tmp_path / "m.jsonl")
    run(shard, tmp_path / "m.jsonl", "--flac")
    manifest = tmp_path / "in.jsonl"
    manifest.write_text('{"audio_filepath": "gone.wav"}\n')
    with pytest.raises(DatasetError, match=r"no clip can be used: .*gone\.wav"):
        run(manifest, tmp_path / "n.jsonl")
    assert not list(tmp_path.glob("n.jsonl*"))
