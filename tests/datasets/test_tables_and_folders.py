from __future__ import annotations

import pytest

from audioforge.errors import DatasetError

from .conftest import samples, split_items


def test_csv_with_quotes_bom_and_usual_names(tmp_path, read):
    path = tmp_path / "t.csv"
    path.write_text(
        'path,sentence,client_id,locale,duration\r\na.wav,"Yes, ""now"".",ann,en,1.5\r\n',
        encoding="utf-8-sig",
        newline="",
    )
    [sample] = samples(read(path))
    assert sample.audio == tmp_path / "a.wav"
    assert sample.reference == 'Yes, "now".'
    assert (sample.speaker, sample.language, sample.duration) == ("ann", "en", 1.5)
    assert sample.id == "a.wav"


def test_tsv_has_no_quoting(tmp_path, read):
    path = tmp_path / "t.tsv"
    path.write_text('path\ttext\na.wav\t"Yes" he said\nb.wav\t"open\nc.wav\tno\n')
    assert [s.reference for s in samples(read(path))] == ['"Yes" he said', '"open', "no"]


def test_rows_of_another_length_are_problems(tmp_path, read):
    path = tmp_path / "t.csv"
    path.write_text("audio,text\na.wav,hello, world\nb.wav\n\nc.wav,fine\n")
    good, problems = split_items(read(path))
    assert [s.reference for s in good] == ["fine"]
    assert [(p.where, p.kind) for p in problems] == [
        (f"{path}:2", "bad row"),
        (f"{path}:3", "bad row"),
    ]


def test_unbalanced_quotes_do_not_swallow_rows(tmp_path, read):
    path = tmp_path / "t.csv"
    path.write_text('audio,text\na.wav,"open\nb.wav,two\nc.wav,three\n')
    with pytest.raises(DatasetError, match=r"t.csv:\d: broken table"):
        read(path)


def test_missing_columns_are_listed(tmp_path, read):
    path = tmp_path / "t.csv"
    path.write_text("sound;words\na.wav;x\n")
    unnamed = r"no column holds the audio: name it with --audio-column, .*'sound', 'words'"
    with pytest.raises(DatasetError, match=unnamed):
        read(path)
    assert samples(read(path, audio_column="sound"))[0].audio == tmp_path / "a.wav"
    with pytest.raises(DatasetError, match=r"--audio-column Ton: no such column"):
        read(path, audio_column="Ton")
    path.write_text("audio,words\na.wav,x\n")
    with pytest.raises(DatasetError, match=r"--text-column text: no such column.*'audio', 'words'"):
        read(path, text_column="text")
    assert samples(read(path, text_column="words"))[0].reference == "x"
    path.write_text("")
    with pytest.raises(DatasetError, match="the file is empty"):
        read(path)


def test_a_column_that_is_there_twice_is_refused(tmp_path, read):
    path = tmp_path / "t.csv"
    path.write_text("audio,text,text,,\na.wav,one,two,,\n")
    with pytest.raises(DatasetError, match=r"t\.csv: the column 'text' is there twice"):
        read(path)


def test_a_table_in_latin1_is_named(tmp_path, read):
    path = tmp_path / "t.csv"
    path.write_bytes("audio,text\na.wav,café\n".encode("latin-1"))
    with pytest.raises(DatasetError, match=r"t\.csv:2: not UTF-8"):
        read(path)


def test_folder_with_metadata_at_the_top(tmp_path, read, write_sound):
    write_sound(tmp_path / "clips" / "a.wav")
    (tmp_path / "metadata.csv").write_text("file_name,transcription\nclips/a.wav,hello\n")
    [sample] = samples(read(tmp_path))
    assert (sample.id, sample.reference) == ("clips/a.wav", "hello")
    assert sample.audio.is_file()
    with pytest.raises(DatasetError, match="--split does not apply"):
        read(tmp_path, split="test")


def test_folder_with_one_metadata_file_a_split(tmp_path, read, write_sound):
    for split, text in (("train", "one"), ("test", "two")):
        write_sound(tmp_path / split / "a.wav")
        row = f'{{"file_name": "a.wav", "text": "{text}"}}\n'
        (tmp_path / split / "metadata.jsonl").write_text(row)
    assert samples(read(tmp_path))[0].reference == "one"
    [sample] = samples(read(tmp_path, split="test"))
    assert sample.reference == "two"
    assert sample.audio == tmp_path / "test" / "a.wav"
    with pytest.raises(DatasetError, match=r"no split 'tset'\. Did you mean test"):
        read(tmp_path, split="tset")


def test_two_metadata_files_are_refused(tmp_path, read):
    (tmp_path / "metadata.csv").write_text("file_name,text\na.wav,x\n")
    (tmp_path / "metadata.jsonl").write_text('{"file_name": "a.wav"}\n')
    with pytest.raises(DatasetError, match="keep one of them"):
        read(tmp_path)


def test_a_lone_sound_file_is_one_clip_without_a_transcript(tmp_path, read, write_sound):
    path = write_sound(tmp_path / "Hello.FLAC")
    [sample] = samples(read(path))
    assert (sample.id, sample.audio, sample.reference) == ("Hello.FLAC", path, None)
    with pytest.raises(DatasetError, match="--text-column does not apply"):
        read(path, text_column="text")
