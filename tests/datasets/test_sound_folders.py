"""Folders of sound without a list: texts beside it, folders of classes, splits, sound alone."""

import pytest

from audioforge.errors import DatasetError

from .conftest import samples, split_items


@pytest.fixture
def folder(tmp_path, write_sound):
    """`folder({"a.wav": None, "a.txt": "hello"})` writes sound where there is no text."""

    def write(files, below="data"):
        for name, text in files.items():
            path = tmp_path / below / name
            if text is None:
                write_sound(path, seconds=1.0)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
        return tmp_path / below

    return write


def texts(items):
    return {sample.id: sample.reference for sample in samples(items)}


def test_a_text_beside_each_sound(folder, read):
    files = {"b.wav": None, "b.txt": "two\n", "a.wav": None, "a.txt": "\ufeffone\n", "c.wav": None}
    place = folder({**files, "s/d.FLAC": None, "s/d.TXT": "", "README.txt": "about"})
    expected = {"a.wav": "one", "b.wav": "two", "c.wav": None, "s/d.FLAC": ""}
    assert texts(read(place)) == expected
    assert list(expected) == list(texts(read(place)))
    assert not any(sample.labels for sample in read(place))


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.lab", "one two\n", "one two"),
        ("a.trn", "one two (a)\n", "one two"),
        ("a.wav.trn", "one two\n", "one two"),
        ("a.normalized.txt", "one two", "one two"),
        ("a.txt", "one\ntwo\n", "one two"),
        ("a.txt", "7 0 3\n", "7 0 3"),
        ("x.trans.txt", "a one two\n", "one two"),
    ],
)
def test_the_endings_of_texts(folder, read, name, text, expected):
    assert texts(read(folder({"a.wav": None, name: text}))) == {"a.wav": expected}


def test_texts_in_a_folder_of_their_own(folder, read):
    place = folder({"wav/p1/a.wav": None, "wav/p1/b.wav": None, "txt/p1/a.txt": "one"})
    assert texts(read(place)) == {"wav/p1/a.wav": "one", "wav/p1/b.wav": None}


def test_timit_states_samples_before_the_words(folder, read):
    place = folder({"SA1.wav": None, "SA1.TXT": "0 46797 She had\n", "SA1.PHN": "0 9 h#\n"})
    assert texts(read(place)) == {"SA1.wav": "She had"}


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("a.lab", "0 500000 sil\n500000 900000 w\n", "labels with times"),
        ("a.trn", "one\nwʌn\n", "2 lines, of which nobody knows"),
    ],
)
def test_a_text_that_is_no_transcript_is_a_problem(folder, read, name, text, reason):
    place = folder({"a.wav": None, name: text, "b.wav": None, "b.txt": "one"})
    good, [problem] = split_items(read(place))
    assert [sample.id for sample in good] == ["b.wav"]
    assert problem.where == str(place / name)
    assert reason in problem.reason


def test_a_text_without_sound_is_a_problem(folder, read):
    place = folder({"a.wav": None, "a.txt": "one", "b.txt": "two", "transcripts.txt": "a one"})
    _, problems = split_items(read(place))
    assert [problem.where for problem in problems] == [
        str(place / "b.txt"),
        str(place / "transcripts.txt"),
    ]
    assert "make a table of it" in problems[1].reason


def test_a_text_that_is_not_utf8_refuses_the_folder(folder, read):
    place = folder({"a.wav": None})
    (place / "a.txt").write_bytes("é".encode("latin1"))
    with pytest.raises(DatasetError, match=r"a\.txt:1: not UTF-8.*iconv"):
        read(place)


def test_label_tracks_of_audacity(folder, read):
    labels = "0.000000\t0.500000\tone\n\\\t100.0\t200.0\n0,5\t0,75\ttwo words\n0.8\t0.8\tclick\n"
    place = folder({"a.wav": None, "a.txt": labels})
    good, [problem] = split_items(read(place))
    assert [(s.id, s.offset, s.duration, s.reference) for s in good] == [
        ("a.wav", 0.0, 0.5, "one"),
        ("a.wav@0.5", 0.5, 0.25, "two words"),
    ]
    assert problem.where == f"{place / 'a.txt'}:4"
    assert "no length" in problem.reason


def test_a_folder_for_each_class(folder, read):
    place = folder({"yes/a.wav": None, "yes/b.wav": None, "no/c.wav": None, "no/deep/d.wav": None})
    assert [(s.id, s.labels) for s in samples(read(place))] == [
        ("no/c.wav", ("no",)),
        ("no/deep/d.wav", ("no",)),
        ("yes/a.wav", ("yes",)),
        ("yes/b.wav", ("yes",)),
    ]


def test_splits_are_no_classes(folder, read):
    place = folder({"train/yes/a.wav": None, "train/no/b.wav": None, "test/yes/c.wav": None})
    assert [s.labels for s in samples(read(place))] == [("no",), ("yes",)]
    assert [s.id for s in samples(read(place, split="test"))] == ["test/yes/c.wav"]
    with pytest.raises(DatasetError, match="there is no split 'dev'"):
        read(place, split="dev")
    plain = folder({"train/a.wav": None, "validation/b.wav": None}, "plain")
    assert [(s.id, s.labels) for s in samples(read(plain))] == [("train/a.wav", ())]


def test_a_class_may_be_called_as_a_split(folder, read):
    place = folder({"test/a.wav": None, "music/b.wav": None})
    assert [s.labels for s in samples(read(place))] == [("music",), ("test",)]
    with pytest.raises(DatasetError, match="--split does not apply"):
        read(place, split="test")


def test_sound_alone(folder, read):
    place = folder({"a.wav": None, "more/b.wav": None, ".hidden/c.wav": None, "cover.jpg": "x"})
    (place / "more" / "again").symlink_to(place)
    assert [(s.id, s.reference, s.labels) for s in samples(read(place))] == [
        ("a.wav", None, ()),
        ("more/b.wav", None, ()),
    ]


def test_texts_with_times_that_are_not_read_are_named(folder, read, capsys):
    place = folder({"a.wav": None, "a.srt": "1", "s/b.wav": None, "s/b.TextGrid": "", "c.ts": ""})
    (place / "a.wav").rename(place / "a.wave")
    assert texts(read(place)) == {"a.wave": None, "s/b.wav": None}
    said = " ".join(capsys.readouterr().err.split())
    assert "not read: 1 .TextGrid, 1 .srt, 1 .ts. A text is read from" in said


def test_a_list_in_the_folder_is_not_passed_over(folder, read):
    place = folder({"a.wav": None, "train.csv": "path,text\na.wav,one\n"})
    with pytest.raises(
        DatasetError, match=r"give the file that says .*: train\.csv\. .*format=sound-folder"
    ):
        read(place)
    assert texts(read(f"{place}:format=sound-folder")) == {"a.wav": None}


def test_sound_beside_the_archive_it_was_packed_in_is_not_guessed_at(folder, read):
    place = folder({"a/b.wav": None, "a.tar.gz": "packed"})
    with pytest.raises(DatasetError, match="several formats read it: webdataset, sound-folder"):
        read(place)
    assert texts(read(f"{place}:format=sound-folder")) == {"a/b.wav": None}


def test_what_a_folder_cannot_have_is_refused(folder, read):
    place = folder({"a.wav": None})
    with pytest.raises(DatasetError, match="--text-column does not apply"):
        read(place, text_column="words")
    with pytest.raises(DatasetError, match=r"Expected one of: .*wav\.scp.* end in .*\.wav"):
        read(folder({"notes.md": "x"}, "void"))
