"""Rows given in Python become samples, or say which row and key is wrong."""

import io

import numpy as np
import pytest
import soundfile

from audioforge.audio import load_clip
from audioforge.dataset import DatasetRequest
from audioforge.errors import DatasetError, UsageError
from audioforge.given.data import GivenData, check_data
from audioforge.sample import AudioSample, Problem

TONE = (0.1 * np.sin(np.arange(1600) / 5)).astype(np.float32)


def read(rows, **request):
    return list(GivenData("mine", rows)(DatasetRequest("mine", **request)).load())


def encoded(samples=TONE):
    file = io.BytesIO()
    soundfile.write(file, samples, 16_000, format="WAV")
    return file.getvalue()


@pytest.mark.parametrize(
    "row",
    [
        {"audio": TONE, "sampling_rate": 16_000},
        {"audio": TONE.astype(np.float64), "sample_rate": 16_000},
        {"audio": TONE.tolist(), "sampling_rate": 16_000},
        {"audio": {"array": TONE, "sampling_rate": 16_000, "path": "where/it/was.wav"}},
        {"array": TONE, "sampling_rate": np.int64(16_000)},
    ],
)
def test_samples_are_taken_in_every_spelling(row):
    [sample] = read([{**row, "text": "a b"}])
    assert sample.audio.dtype == np.float32
    np.testing.assert_allclose(sample.audio, TONE)
    assert (sample.sampling_rate, sample.reference) == (16_000, "a b")


def test_whole_numbers_of_16_bits_are_scaled_and_channels_turned_round():
    whole = (TONE * 32768).astype(np.int16)
    [one, two] = read(
        [
            {"audio": whole, "sampling_rate": 8000},
            {"audio": np.stack([TONE, TONE]), "sampling_rate": 8000},
        ]
    )
    np.testing.assert_allclose(one.audio, TONE, atol=2**-15)
    assert two.audio.shape == (1600, 2)


def test_bytes_and_paths_stay_encoded():
    bytes_, path, stored = read(
        [{"audio": encoded()}, {"audio": "a.wav"}, {"audio": {"bytes": encoded(), "path": "b.wav"}}]
    )
    assert bytes_.audio == stored.audio == encoded()
    assert str(path.audio) == path.id == "a.wav"


def test_a_clip_without_id_is_named_by_its_sound_and_by_nothing_else():
    rows = [{"audio": TONE, "sampling_rate": 8000, "text": t} for t in ("one", "two")]
    rows.append({"audio": 2 * TONE, "sampling_rate": 8000, "text": "one"})
    first, again, other = (sample.id for sample in read(iter(rows)))
    assert again == f"{first}#2"
    assert other not in (first, again)
    assert [s.id for s in read(rows)] == [first, again, other]
    assert read([{"audio": TONE.astype(np.float64), "sampling_rate": 8000}])[0].id == first


def test_everything_that_is_known_of_a_clip_is_kept():
    row = {
        "id": 7,
        "audio": TONE,
        "sampling_rate": 16_000,
        "words": "hello",
        "label": ["yes", 2],
        "speaker_id": "anna",
        "lang": "en",
        "duration": 0.1,
        "terms": ["hello"],
    }
    [sample] = read([row], text_column="words")
    known = (sample.id, sample.reference, sample.labels, sample.speaker, sample.language)
    assert known == ("7", "hello", ("yes", "2"), "anna", "en")
    assert (sample.duration, sample.metadata) == (0.1, {"terms": ["hello"]})


def test_sound_and_speaker_can_have_other_names_and_paths_another_start(tmp_path):
    row = {"Ton": "a.wav", "Wer": "anna", "audio": "other.wav"}
    named = {"audio_column": "Ton", "speaker_column": "Wer"}
    [sample] = read([row], audio_root=str(tmp_path), **named)
    assert (sample.audio, sample.id, sample.speaker) == (tmp_path / "a.wav", "a.wav", "anna")
    [absolute] = read([{"Ton": str(tmp_path / "b.wav")}], audio_root="elsewhere", **named)
    assert absolute.audio == tmp_path / "b.wav"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"audio": TONE}, "'audio' is an array, which needs 'sampling_rate' in Hz"),
        ({"audio": TONE, "sampling_rate": "16k"}, "not '16k'"),
        ({"audio": TONE.astype(np.int32), "sampling_rate": 8000}, "or int16, not int32"),
        ({"audio": np.zeros((2, 2, 2), np.float32), "sampling_rate": 8000}, "shape (2, 2, 2)"),
        ({"audio": object()}, "'audio' must hold an array, bytes or a path, not object"),
        ({"text": "a"}, "no 'audio'; its keys are: 'text'"),
        ({"audio": "a.wav", "text": 3}, "'text' must be text, not 3"),
        ({"audio": "a.wav", "label": 1.5}, "'label' must be text or a number, not 1.5"),
        ({"audio": "a.wav", "offset": -1}, "'offset' must be seconds from 0 up, not -1"),
        (["audio"], "expected a mapping with 'audio', not list"),
    ],
)
def test_a_row_that_is_wrong_is_named_with_its_key(row, said):
    _, problem = read([{"audio": "fine.wav"}, row])
    assert isinstance(problem, Problem)
    assert problem.where == "mine: row 2"
    assert said in problem.reason


def test_samples_and_texts_to_speak_are_taken_as_they_are():
    sample = AudioSample("x", reference="a")
    assert read([sample]) == [sample]
    one, other = read([{"text": "say this"}, {"text": "and this"}], needs_audio=False)
    assert (one.audio, one.reference) == (None, "say this")
    assert one.id != other.id


def test_a_table_of_the_datasets_library_is_read_without_decoding(tmp_path):
    datasets = pytest.importorskip("datasets")
    table = datasets.Dataset.from_dict(
        {"audio": [{"bytes": encoded(), "path": None}] * 2, "label": [1, 0], "text": ["a", "b"]}
    )
    table = table.cast_column("audio", datasets.Audio(sampling_rate=8000))
    table = table.cast_column("label", datasets.ClassLabel(names=["no", "yes"]))
    for data in (table, table.to_iterable_dataset(), table.with_format("numpy")):
        first, second = read(data)
        assert first.audio == encoded()
        assert (first.labels, second.labels) == (("yes",), ("no",))
        assert (first.reference, second.reference) == ("a", "b")


def test_a_data_frame_is_its_rows():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"audio": ["a.wav", "b.wav"], "text": ["x", "y"]})
    assert [(s.id, s.reference) for s in read(table)] == [("a.wav", "x"), ("b.wav", "y")]
    check_data("dataset", table)


def test_an_iterable_that_fails_is_named():
    def broken():
        yield {"audio": "a.wav"}
        raise RuntimeError("the network went away")

    with pytest.raises(DatasetError, match="mine: cannot be read: RuntimeError: the network"):
        read(broken())


@pytest.mark.parametrize(
    ("data", "said"),
    [({"train": [], "test": []}, "mapping of 'train', 'test'; give one"), (7, "int is no data")],
)
def test_what_is_no_data_is_said(data, said):
    with pytest.raises(UsageError, match=said):
        check_data("dataset", data)


def test_a_part_of_a_sound_is_read_under_every_name():
    stereo = np.stack([TONE, 0 * TONE], 1)
    rows = [
        {"audio": stereo, "sampling_rate": 8000, "start": 0.01, "end": 0.02, "channel": 1},
        {"audio": stereo, "sampling_rate": 8000, "start": 7, "end": 7 + len(TONE) / 8000},
        {"audio": "long.wav", "begin": 1, "end": 0.5},
    ]
    part, cut, wrong = read(rows)
    clip = load_clip(part, 8000)
    assert (clip.seconds, float(np.abs(clip.waveform).max())) == (0.01, 0.0)
    assert (cut.offset, cut.metadata["start"]) == (None, 7)
    assert "'end' (0.5 s) is not after 'begin' (1 s)" in wrong.reason
