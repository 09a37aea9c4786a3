from __future__ import annotations

import pytest

from audioforge.audio import load_clip
from audioforge.errors import DatasetError

from .conftest import samples, split_items


@pytest.fixture
def librispeech(tmp_path, write_sound):
    """Two subsets in the layout of the extracted archives."""
    texts = {
        "train-clean-100/103/1240": ["CHAPTER ONE MISSUS RACHEL", "THAT HAD ITS SOURCE"],
        "train-clean-100/87/121": ["BY AUDREY"],
        "dev-clean/84/121": ["GO DO YOU HEAR"],
    }
    for place, lines in texts.items():
        folder = tmp_path / "LibriSpeech" / place
        stem = "-".join(place.split("/")[1:])
        for number in range(len(lines)):
            write_sound(folder / f"{stem}-{number:04d}.flac")
        transcripts = "".join(f"{stem}-{n:04d} {text}\n" for n, text in enumerate(lines))
        (folder / f"{stem}.trans.txt").write_text(transcripts)
    return tmp_path


def test_librispeech_archive(librispeech, read):
    items = samples(read("librispeech", data_dir=librispeech))
    assert [(s.id, s.reference, s.speaker) for s in items] == [
        ("103-1240-0000", "CHAPTER ONE MISSUS RACHEL", "103"),
        ("103-1240-0001", "THAT HAD ITS SOURCE", "103"),
        ("87-121-0000", "BY AUDREY", "87"),
    ]
    assert all(load_clip(s, 16_000).seconds == 0.1 for s in items)


@pytest.mark.parametrize("split", ["validation.clean", "dev-clean"])
@pytest.mark.parametrize("inner", ["", "LibriSpeech", "LibriSpeech/dev-clean"])
def test_librispeech_splits_by_either_name_from_any_level(librispeech, read, split, inner):
    items = samples(read("librispeech", data_dir=librispeech / inner, split=split))
    assert [s.reference for s in items] == ["GO DO YOU HEAR"]


def test_librispeech_says_what_is_missing(librispeech, tmp_path, read):
    with pytest.raises(DatasetError, match=r"there is no test-other .*dev-clean, train-clean-100"):
        read("librispeech", data_dir=librispeech, split="test.other")
    with pytest.raises(DatasetError, match=r"no split 'tets\.clean'\. Did you mean test\.clean"):
        read("librispeech", data_dir=librispeech, split="tets.clean")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match=r"expects the extracted archive: LibriSpeech/SUBSET"):
        read("librispeech", data_dir=tmp_path / "empty")
    with pytest.raises(DatasetError, match="it is not a folder"):
        read("librispeech", data_dir=tmp_path / "nowhere")


HEAD = "client_id\tpath\tsentence_id\tsentence\tsentence_domain\tup_votes\tlocale\tsegment\n"


@pytest.fixture
def common_voice(tmp_path, write_sound):
    """The archive of two languages, with clips as MP3."""
    for language, sentence in (("en", '"Stop!" he "cried'), ("pl", "Zażółć gęślą jaźń.")):
        folder = tmp_path / "cv-corpus-22.0-2025-06-20" / language
        for number, split in enumerate(("train", "dev")):
            name = f"common_voice_{language}_{number}.mp3"
            write_sound(folder / "clips" / name, seconds=0.5, rate=32_000)
            row = f"speaker{number}\t{name}\tabc\t{sentence}\t\t2\t{language}\t\n"
            (folder / f"{split}.tsv").write_text(HEAD + row, encoding="utf-8")
        (folder / "clip_durations.tsv").write_text("clip\tduration[ms]\n")
    return tmp_path / "cv-corpus-22.0-2025-06-20"


def test_common_voice_archive(common_voice, read):
    [sample] = samples(read("common_voice", data_dir=common_voice / "en"))
    assert sample.id == "common_voice_en_0.mp3"
    assert sample.reference == '"Stop!" he "cried'
    assert (sample.speaker, sample.language) == ("speaker0", "en")
    assert load_clip(sample, 16_000).seconds == pytest.approx(0.5, abs=0.1)
    for split in ("dev", "validation"):
        [sample] = samples(read("common_voice", data_dir=common_voice / "en", split=split))
        assert sample.speaker == "speaker1"


def test_common_voice_language_is_chosen(common_voice, read):
    [sample] = samples(read("common_voice:language=pl", data_dir=common_voice))
    assert sample.reference == "Zażółć gęślą jaźń."
    with pytest.raises(DatasetError, match=r"holds several .*en, pl: .*common_voice:language="):
        read("common_voice", data_dir=common_voice)
    with pytest.raises(DatasetError, match="holds no 'de'"):
        read("common_voice:language=de", data_dir=common_voice)


def test_common_voice_says_where_it_went_and_what_it_expects(tmp_path, common_voice, read):
    with pytest.raises(DatasetError, match=r"left the Hugging Face hub.*Mozilla Data Collective"):
        read("common_voice")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match=r"no clips/ beside.*expects the extracted archive"):
        read("common_voice", data_dir=tmp_path / "empty")
    with pytest.raises(DatasetError, match=r"no split 'tran'\. Did you mean train"):
        read("common_voice", data_dir=common_voice / "en", split="tran")


@pytest.fixture
def speech_commands(tmp_path, write_sound):
    root = tmp_path / "speech_commands_v0.02"
    for path in (
        "yes/0a7c2a8d_nohash_0.wav",
        "yes/0a7c2a8d_nohash_1.wav",
        "no/11b1df78_nohash_0.wav",
        "no/22c1df78_nohash_0.wav",
        "_background_noise_/doing_the_dishes.wav",
    ):
        write_sound(root / path)
    (root / "testing_list.txt").write_text("no/11b1df78_nohash_0.wav\n")
    (root / "validation_list.txt").write_text("no/22c1df78_nohash_0.wav\n")
    return tmp_path


def test_speech_commands_archive(speech_commands, read):
    items = samples(read("speech_commands", data_dir=speech_commands))
    assert [s.id for s in items] == ["yes/0a7c2a8d_nohash_0.wav", "yes/0a7c2a8d_nohash_1.wav"]
    assert {(s.labels, s.reference, s.speaker) for s in items} == {(("yes",), "yes", "0a7c2a8d")}
    root = speech_commands / "speech_commands_v0.02"
    for split, speaker in (("test", "11b1df78"), ("validation", "22c1df78")):
        [sample] = samples(read("speech_commands", data_dir=root, split=split))
        assert (sample.speaker, sample.labels) == (speaker, ("no",))
        assert sample.audio.is_file()


def test_speech_commands_come_by_speaker_so_that_a_limit_leaves_many_words(
    speech_commands, read, write_sound
):
    root = speech_commands / "speech_commands_v0.02"
    paths = ["no/00000001_nohash_0.wav", "yes/00000001_nohash_0.wav", "no/00000002_nohash_0.wav"]
    for path in paths:
        write_sound(root / path)
    assert [s.id for s in samples(read("speech_commands", data_dir=root))][:3] == paths
    (root / "testing_list.txt").write_text("\n".join(sorted(paths)))
    test = read("speech_commands", data_dir=root, split="test")
    assert [s.id for s in samples(test)] == paths


def test_speech_commands_says_what_to_do(tmp_path, speech_commands, read):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match=r"testing_list\.txt or validation_list\.txt is missing"):
        read("speech_commands", data_dir=tmp_path / "empty")
    with pytest.raises(DatasetError, match="no split 'dev'"):
        read("speech_commands", data_dir=speech_commands, split="dev")


SEGMENTS = """\
# Segments csv created Sun Mar  5 10:54:25 2017
# num_ytids=4, num_segs=4, num_unique_labels=2, num_positive_labels=5
# YTID, start_seconds, end_seconds, positive_labels
--PJHxphWEs, 30.000, 40.000, "/m/09x0r,/t/dd00088"
Y-0123456_8, 0.000, 10.000, "/m/09x0r"
--aE2O5G5WE, 0.000, 10.000, "/t/dd00088"
gone_video1, 0.000, 10.000, "/m/09x0r"
weirdlabel1, 0.000, 10.000, "/m/unknown"
"""


@pytest.fixture
def audioset(tmp_path, write_sound):
    (tmp_path / "balanced_train_segments.csv").write_text(SEGMENTS)
    (tmp_path / "class_labels_indices.csv").write_text(
        'index,mid,display_name\n0,/m/09x0r,"Speech"\n1,/t/dd00088,"Gush, or spray"\n'
    )
    for name in ("--PJHxphWEs.flac", "YY-0123456_8.wav", "--aE2O5G5WE_0.000.wav"):
        write_sound(tmp_path / "audio" / "bal_train" / name)
    return tmp_path


def test_audioset_archive_has_label_sets(audioset, read):
    good, problems = split_items(read("audioset", data_dir=audioset))
    assert [(s.id, s.labels) for s in good] == [
        ("--PJHxphWEs", ("Speech", "Gush, or spray")),
        ("Y-0123456_8", ("Speech",)),
        ("--aE2O5G5WE", ("Gush, or spray",)),
    ]
    assert all(load_clip(s, 16_000).seconds == 0.1 for s in good)
    lists = audioset / "balanced_train_segments.csv"
    assert [(p.where, p.kind) for p in problems] == [
        (f"{lists}:7", "missing audio"),
        (f"{lists}:8", "bad label"),
    ]


def test_audioset_says_what_is_missing(audioset, tmp_path, read):
    with pytest.raises(DatasetError, match=r"there is no eval_segments\.csv"):
        read("audioset", data_dir=audioset, split="test")
    with pytest.raises(DatasetError, match=r"no split 'dev'\. Known: bal_train, eval, unbal_train"):
        read("audioset", data_dir=audioset, split="dev")
    for path in (audioset / "audio" / "bal_train").iterdir():
        path.unlink()
    with pytest.raises(DatasetError, match="it holds no sound file"):
        read("audioset", data_dir=audioset)
