"""What two datasets of a run share, by what the sound is and not by what it is called."""

import math
import os
from pathlib import Path

import numpy as np
import pytest

from audioforge.measuring.evaluation import EvaluationSet
from audioforge.measuring.shared_clips import Overlap
from audioforge.run.data.overlap import BLOCK_BYTES, find_overlaps
from audioforge.sample import AudioSample
from audioforge.tasks import speech_task

SOUND = np.random.default_rng(0).bytes(3 * BLOCK_BYTES)
"""Bytes are compared and not decoded, so that any will do."""


@pytest.fixture
def shared_clips(reporter):
    """`shared_clips(measured, used)` counts the clips of the first that are in the second."""

    def count(measured, used, task="asr"):
        sets = (("test", EvaluationSet("t", measured)), ("training", EvaluationSet("u", used)))
        found = find_overlaps([sets], speech_task(task), reporter)
        assert len(found) <= 1
        return found[0].clips if found else 0

    return count


def write(path: Path, content: bytes = SOUND) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


def clip(audio, offset=None, duration=None, **fields) -> AudioSample:
    return AudioSample(f"{audio} {offset}", audio, offset=offset, duration=duration, **fields)


def test_a_sound_is_the_same_under_every_name(shared_clips, tmp_path):
    original = write(tmp_path / "a.wav")
    copy = write(tmp_path / "b" / "copy.flac")
    (tmp_path / "soft.wav").symlink_to(original)
    os.link(original, tmp_path / "hard.wav")
    again = tmp_path / "b" / ".." / "a.wav"
    other = write(tmp_path / "other.wav", SOUND[:-1] + b"x")
    names = [original, copy, tmp_path / "soft.wav", tmp_path / "hard.wav", again, SOUND]
    assert len(set(map(str, names))) == 6
    for name in names:
        for used in names:
            assert shared_clips([clip(name), clip(other)], [clip(used)]) == 1
    assert shared_clips([clip(name) for name in names], [clip(copy)]) == 6
    assert shared_clips([clip(other)], [clip(name) for name in names]) == 0


def test_sounds_of_one_size_are_told_apart_wherever_they_differ(shared_clips, tmp_path):
    for place in (0, len(SOUND) // 2, len(SOUND) - 1):
        changed = bytearray(SOUND)
        changed[place] ^= 1
        path = write(tmp_path / f"{place}.wav", bytes(changed))
        assert shared_clips([clip(path)], [clip(SOUND)]) == 0
        assert shared_clips([clip(bytes(changed))], [clip(SOUND), clip(path)]) == 1


def test_samples_in_memory_are_compared(shared_clips):
    samples = np.random.default_rng(0).normal(size=100).astype(np.float32)
    assert shared_clips([clip(samples.copy())], [clip(samples)]) == 1
    assert shared_clips([clip(samples * 2)], [clip(samples)]) == 0
    assert shared_clips([clip(samples.reshape(50, 2))], [clip(samples)]) == 0


@pytest.mark.parametrize(
    ("measured", "used", "same"),
    [
        ((None, None), (None, None), True),
        ((None, 3.0), (None, 2.0), True),  # stated lengths of the whole file
        ((None, None), (4.0, 2.0), True),
        ((4.0, 2.0), (None, None), True),
        ((4.0, 2.0), (5.0, 2.0), True),
        ((5.0, 2.0), (4.0, 2.0), True),
        ((4.0, 2.0), (4.0, None), True),  # to the end of the file
        ((4.0, 2.0), (4.5, 0.5), True),
        ((4.5, 0.5), (0.0, 60.0), True),
        ((4.0, 2.0), (6.0, 2.0), False),
        ((4.0, 2.0), (0.0, 4.0), False),
        ((4.0, None), (0.0, 4.0), False),
        ((4.0, 2.0), (5.95, 2.0), False),  # rounded time stamps
        ((0.1 + 0.2, 1.0), (0.0, 0.3 + 1e-12), False),
        ((4.0, 0.05), (4.0, 0.05), True),  # shorter than what rounding may do
        ((math.nan, 1.0), (0.0, 1.0), False),  # refused when it is decoded
    ],
)
def test_segments_are_the_same_where_they_overlap(shared_clips, tmp_path, measured, used, same):
    path, copy = write(tmp_path / "a.wav"), write(tmp_path / "copy.wav")
    for other in (path, copy):
        assert shared_clips([clip(path, *measured)], [clip(other, *used)]) == same


def test_a_segment_is_compared_with_all_of_a_file(shared_clips, tmp_path):
    path = write(tmp_path / "a.wav")
    used = [clip(path, float(start), 1.0) for start in range(0, 100, 2)]
    between = [clip(path, start + 1.0, 1.0) for start in range(0, 100, 2)]
    assert shared_clips(between, used) == 0
    across = [clip(path, start + 1.2, 1.0) for start in range(0, 98, 2)]
    assert shared_clips(across, used) == 49
    assert shared_clips([clip(path, 200.0, 1.0), *across], list(reversed(used))) == 49
    within = [clip(path, 0.0, 60.0), clip(path, 4.0, 1.0)]
    assert shared_clips([clip(path, 10.0, 2.0)], within) == 1


def test_texts_to_speak_are_the_same_in_the_same_voice(shared_clips):
    def text(words, speaker=None, audio=None):
        return AudioSample(f"{words} {speaker}", audio, reference=words, speaker=speaker)

    def shared(measured, used):
        return shared_clips([measured], [used], "tts")

    voice, other = b"a" * 100, b"b" * 100
    assert shared(text("one two"), text(" one  two\n"))
    assert shared(text("one", "anna"), text("one", "anna"))
    assert not shared(text("one", "anna"), text("one", "bert"))
    assert not shared(text("one"), text("two"))
    assert shared(text("one", audio=voice), text("one", audio=voice[:50] + voice[50:]))
    assert not shared(text("one", audio=voice), text("two", audio=voice)), "a voice, many texts"
    assert not shared(text("one", audio=voice), text("one", audio=other))
    assert not shared_clips([text("one")], [text("one")], "asr")


def test_what_cannot_be_read_is_shared_with_nothing(shared_clips, tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    gone = [tmp_path / "gone", tmp_path / "pipe", Path("/dev/zero"), tmp_path, Path("nul\0"), None]
    gone += [Path("x" * 5000), write(tmp_path / "empty", b"")]
    assert shared_clips([clip(path) for path in gone], [clip(path) for path in gone]) == 0
    first, second = write(tmp_path / "a.wav"), write(tmp_path / "b.wav")

    def refuse(path, *_arguments, **_settings):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert shared_clips([clip(first)], [clip(second)]) == 0
    assert shared_clips([clip(first)], [clip(first)]) == 1, "one file needs no reading"
    monkeypatch.undo()
    assert shared_clips([clip(first)], [clip(second)]) == 1
    monkeypatch.setattr("audioforge.run.data.overlap.sound_digest", refuse)
    assert shared_clips([clip(first)], [clip(second)]) == 0, "it fails after its first block"


def test_only_what_could_be_the_same_is_read(shared_clips, tmp_path, monkeypatch):
    opened = []
    really = Path.open

    def watched(path, *arguments, **settings):
        opened.append(path.name)
        return really(path, *arguments, **settings)

    used = [clip(write(tmp_path / f"used-{n}.wav", SOUND[n:])) for n in range(5)]
    measured = [clip(write(tmp_path / f"m-{n}.wav", SOUND[5 + n :])) for n in range(5)]
    # Copies within a set are no overlap, and their size is that of one in the other set.
    used.append(clip(write(tmp_path / "copy-of-3.wav", SOUND[3:])))
    other = [clip(write(tmp_path / f"size-of-3-{n}.wav", SOUND[::-1][3:])) for n in range(2)]
    measured += [used[0], *other]
    monkeypatch.setattr(Path, "open", watched)
    monkeypatch.setattr(
        "audioforge.run.data.overlap.sound_digest", lambda _audio: pytest.fail("read")
    )
    assert shared_clips(measured, used) == 1
    names = ["copy-of-3.wav", "size-of-3-0.wav", "size-of-3-1.wav", "used-3.wav"]
    assert sorted(opened) == names, "a block of each, and no more"


def test_it_is_said_in_a_sentence(reporter):
    train, test = EvaluationSet("a.jsonl", [clip(SOUND)]), EvaluationSet("b", [clip(SOUND)] * 3)
    found = find_overlaps([(("test", test), ("training", train))], speech_task("asr"), reporter)
    assert found == [Overlap("test", "b", "training", "a.jsonl", 3, 3)]
    assert str(found[0]) == (
        "3 of 3 clips of the test set b are also in the training set a.jsonl: figures measured on "
        "them flatter the model"
    )


def test_two_channels_are_two_sounds_and_their_mean_is_of_both(shared_clips, tmp_path):
    call = write(tmp_path / "call.wav")
    left, right, mean = (clip(call, channels=c) for c in ((0,), (1,), ()))
    assert shared_clips([left], [right]) == 0
    assert shared_clips([left, right], [mean]) == shared_clips([left, right], [left, right]) == 2
    assert shared_clips([mean], [right]) == 1
