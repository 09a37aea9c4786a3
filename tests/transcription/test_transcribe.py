"""`audioforge transcribe`, as a user types it, with the demo's tiny Whisper and spoken digits."""

import json
import re

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from audioforge.cli import cli
from audioforge_demo import assets

CLIP = assets.source_heldout().parent / "audio/heldout-000.ogg"


def transcribe(*arguments, model=None, stdin=None):
    words = ["transcribe", "-q", "--device", "cpu", str(model or assets.model())]
    return CliRunner().invoke(cli, [*words, *map(str, arguments)], input=stdin)


@pytest.fixture(scope="module")
def talk(tmp_path_factory):
    """A recording of several windows: clips of digits with silence between them, and its text."""
    lines = assets.source_heldout().read_text().splitlines()[:6]
    records, sound = [json.loads(line) for line in lines], []
    for record in records:
        samples, rate = soundfile.read(assets.source_heldout().parent / record["audio_filepath"])
        sound += [samples, np.zeros(rate // 2)]
    path = tmp_path_factory.mktemp("talk") / "talk.flac"
    soundfile.write(path, np.concatenate(sound), rate)
    return path, " ".join(record["text"] for record in records)


def errors(reference, said):
    """Words that are not where the other has them, by the standard library's alignment."""
    from difflib import SequenceMatcher

    a, b = reference.split(), said.split()
    same = sum(block.size for block in SequenceMatcher(None, a, b).get_matching_blocks())
    return max(len(a), len(b)) - same


def test_a_clip_says_what_load_says():
    import audioforge

    expected = audioforge.load(assets.model(), device="cpu").transcribe(CLIP)
    result = transcribe(CLIP)
    assert (result.exit_code, result.stdout) == (0, f"{expected}\n")


def test_a_long_recording_is_cut_where_it_is_quiet(talk):
    path, text = talk
    result = transcribe(path)
    assert errors(text, result.stdout) <= len(text.split()) // 4
    record = json.loads(transcribe(path, "--format", "json").stdout)
    assert record["text"] == result.stdout.strip()
    assert record["duration"] == pytest.approx(soundfile.info(path).duration, abs=1e-3)
    samples, rate = soundfile.read(path)
    for segment in record["segments"][1:]:
        around = samples[int((segment["start"] - 0.005) * rate) : int(segment["start"] * rate) + 1]
        assert np.abs(around).max() < 0.01
    starts = [segment["start"] for segment in record["segments"]]
    assert starts == sorted(starts)
    assert len(starts) > 2
    assert record["segments"][-1]["end"] <= record["duration"]


def test_folders_lists_and_bad_files(talk, tmp_path):
    path, _ = talk
    folder = tmp_path / "talks"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep/a.ogg").write_bytes(CLIP.read_bytes())
    (folder / "b.wav").write_text("no sound")
    (folder / "notes.md").write_text("no sound either, and not called so")
    output = tmp_path / "out"
    result = transcribe(folder, "-", "--output", output, "--format", "srt", stdin=f"{path}\n")
    assert result.exit_code == 1
    assert "b.wav: cannot be decoded" in result.stderr
    assert "1 of 3 files could not be transcribed" in result.stderr
    assert result.stdout == ""
    assert sorted(str(p.relative_to(output)) for p in output.rglob("*.*")) == [
        "deep/a.srt",
        "talk.srt",
    ]
    cues = (output / "talk.srt").read_text().split("\n\n")
    times = r"(\d+)\n\d\d:\d\d:\d\d,\d{3} --> \d\d:\d\d:\d\d,\d{3}\n\S.*"
    numbers = [re.fullmatch(times, cue.strip()).group(1) for cue in cues]
    assert numbers == [str(n) for n in range(1, len(cues) + 1)]


def test_transcripts_of_one_name_keep_their_suffix(tmp_path):
    for suffix in ("ogg", "opus"):
        (tmp_path / f"a.{suffix}").write_bytes(CLIP.read_bytes())
    result = transcribe(tmp_path, "--output", tmp_path / "out")
    assert result.exit_code == 0
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a.ogg.txt", "a.opus.txt"]


def test_nothing_is_written_over_and_the_model_is_not_waited_for(tmp_path):
    (tmp_path / "clip.ogg").write_bytes(CLIP.read_bytes())
    (tmp_path / "clip.txt").write_text("the reference")
    result = transcribe(tmp_path, "--output", tmp_path, model="no such model")
    assert result.exit_code == 2
    assert f"{tmp_path / 'clip.txt'} is there already; nothing is written over" in result.stderr
    assert (tmp_path / "clip.txt").read_text() == "the reference"
    below_a_file = tmp_path / "clip.txt/out"
    result = transcribe(CLIP, "--output", below_a_file, model="no such model")
    assert result.exit_code == 2
    assert f"--output {below_a_file}: nothing can be written there (" in result.stderr


def test_a_name_that_no_transcript_can_have_does_not_stop_the_others(tmp_path):
    talks, long = tmp_path / "talks", "a" * 250
    talks.mkdir()
    for name in (long, "b"):
        (talks / f"{name}.ogg").write_bytes(CLIP.read_bytes())
    result = transcribe(talks, "x" * 300, "--output", tmp_path / "out")
    assert result.exit_code == 1
    assert f"{long}.txt: cannot be written: File name too long" in result.stderr
    assert "2 of 3 files could not be transcribed" in result.stderr
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["b.txt"]


def test_lists_addresses_and_homes(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    inner = tmp_path / "a talk.ogg"
    inner.write_bytes(CLIP.read_bytes())
    expected = transcribe(inner).stdout
    listed = f"  ~/a talk.ogg \t\n{inner.as_uri()}\n\n"
    assert transcribe("-", stdin=listed).stdout == expected
    assert transcribe(inner.as_uri(), "--format", "json", "~/a talk.ogg").stdout.count("\n") == 1


def test_an_address_is_fetched_or_refused_in_a_sentence(tmp_path, monkeypatch):
    from audioforge.remote import fetch

    address = "https://host/talks/a%20b.ogg?token=secret"
    monkeypatch.setattr("huggingface_hub.constants.HF_HOME", str(tmp_path))
    copy = fetch.cached_path(address)
    copy.parent.mkdir(parents=True)
    copy.write_bytes(CLIP.read_bytes())
    result = transcribe(address, "ftp://host/b.wav", "--output", tmp_path / "out")
    assert result.exit_code == 1
    assert "ftp://host/b.wav: ftp:// is not read; download it" in result.stderr
    assert (tmp_path / "out/a_b.txt").read_text() == transcribe(CLIP).stdout
    assert "secret" not in result.stderr


def test_times_never_go_back_nor_leave_their_segment(monkeypatch):
    import audioforge
    from audioforge.audio import load_clip
    from audioforge.sample import AudioSample
    from audioforge.transcript import Segment, TranscriptionOptions, WordTime
    from audioforge.transcription.recording import transcribe as transcribed

    adapter = audioforge.load(assets.model(), device="cpu").adapter
    astray = [
        Segment("a .", 0.1, 0.4, (WordTime("a", 0.0, 0.3), WordTime(".", 0.2, 9.0))),
        Segment("b", 0.35, 5.0, (WordTime("b", 0.3, 7.0),)),
    ]
    monkeypatch.setattr(type(adapter), "transcribe", lambda *_: astray)
    clip = load_clip(AudioSample("a", CLIP), adapter.sampling_rate)
    first, second = transcribed(adapter, clip, TranscriptionOptions(word_times=True))
    assert first.words == (WordTime("a", 0.1, 0.3), WordTime(".", 0.3, 0.4))
    assert (first.start, first.end, second.start) == (0.1, 0.4, 0.4)
    assert second.end == second.words[0].end == clip.seconds


def test_several_texts_are_named():
    other = CLIP.with_name("heldout-001.ogg")
    lines = transcribe(CLIP, other, CLIP).stdout.splitlines()
    assert [line.split(": ")[0] for line in lines] == [str(CLIP), str(other)]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--word-times"], 2, "--word-times: only --format json"),
        ([CLIP.with_name("heldout-001.ogg"), "--format", "vtt"], 2, "give --output FOLDER"),
        (["--format", "json", "--word-times"], 2, "word_times: .*no tokens for times"),
        ([CLIP.parent.parent / "nothing.wav"], 1, "there is no such file"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(arguments, code, message):
    result = transcribe(CLIP, *arguments)
    assert result.exit_code == code
    assert re.search(message, result.stderr)


def test_a_folder_without_sound_and_a_classifier_are_refused(tmp_path):
    result = transcribe(tmp_path)
    assert (result.exit_code, "no sound file" in result.stderr) == (2, True)
    result = transcribe(CLIP, model=assets.commands_model())
    assert (result.exit_code, "a classifier does not transcribe" in result.stderr) == (2, True)


def test_foreign_text_cannot_break_a_format():
    from audioforge.transcript import Segment, WordTime
    from audioforge.transcription.formats import written

    segments = [
        Segment("a\n\n2 --> <b>", 0.0, 59.9996),
        Segment("x", 60, 61, (WordTime("x", 60, 61),)),
    ]
    assert written("srt", "f", 61, segments) == (
        "1\n00:00:00,000 --> 00:01:00,000\na 2 -> <b>\n\n2\n00:01:00,000 --> 00:01:01,000\nx\n"
    )
    assert written("vtt", "f", 61, segments).count("-->") == 2
    assert "a 2 --&gt; &lt;b&gt;" in written("vtt", "f", 61, segments)
    record = json.loads(written("json", "f", 61, segments))
    assert record["segments"][1]["words"] == [{"word": "x", "start": 60, "end": 61}]
    assert written("text", "f", 61, segments) == "a 2 --> <b> x\n"
