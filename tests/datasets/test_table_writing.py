"""Tables as spreadsheets, exports and corpora write them."""

from __future__ import annotations

import pytest

from audioforge.errors import DatasetError

from .conftest import samples, split_items

ROWS = [("path", "text"), ("a.wav", "Yes, now"), ("b.wav", "café")]


def joined(separator: str, end: str = "\n", quote: str = "") -> str:
    """The rows as text; a cell with a comma is quoted where the separator is one."""
    lines = []
    for row in ROWS:
        quoted = [f'"{c}"' if "," in c and separator == "," else f"{quote}{c}{quote}" for c in row]
        lines.append(separator.join(quoted) + end)
    return "".join(lines)


WRITTEN = {
    "commas": ("t.csv", joined(",").encode(), ""),
    "semicolons": ("t.csv", joined(";").encode(), "separated by semicolons"),
    "semicolons with mark": ("t.csv", joined(";", "\r\n").encode("utf-8-sig"), "by semicolons"),
    "tabs in .csv": ("t.csv", joined("\t").encode(), "separated by tabs"),
    "bars": ("t.csv", joined("|").encode(), "separated by vertical bars"),
    "commas in .tsv": ("t.tsv", joined(",").encode(), "separated by commas"),
    "all cells quoted": ("t.tsv", joined("\t", quote='"').encode(), "with quoted cells"),
    "spreadsheet's tabs": (
        "t.tsv",
        joined("\t", "\r\n").replace("Yes, now", '"Yes, now"').encode("utf-16"),
        "with quoted cells, in UTF-16",
    ),
    "UTF-16 big endian": ("t.tsv", b"\xfe\xff" + joined("\t").encode("utf-16-be"), "in UTF-16"),
    "carriage returns": ("t.csv", joined(",", "\r").encode(), "a carriage return after each"),
    "carriage returns, mark": ("t.csv", joined(";", "\r").encode("utf-8-sig"), "by semicolons"),
    "a hint for spreadsheets": ("t.csv", ("sep=;\n" + joined(";")).encode(), "by semicolons"),
    "blanks around": ("t.csv", b'path , text\na.wav , "Yes, now"\nb.wav,caf\xc3\xa9\n', ""),
    "capitals": ("t.csv", joined(",").replace("path,text", "File Name,TEXT").encode(), ""),
    "empty cells at the end": ("t.csv", joined(";").replace("now", "now;;").encode(), "by semic"),
    "no names": ("t.csv", joined(",").partition("\n")[2].encode(), "without a line of names"),
}


@pytest.mark.parametrize("how", WRITTEN)
def test_however_a_table_is_written_it_says_the_same(tmp_path, read, capsys, how):
    name, content, said = WRITTEN[how]
    path = tmp_path / name
    path.write_bytes(content)
    if how == "blanks around":  # csv knows no quotation mark behind a blank
        path.write_bytes(content.replace(b' "Yes, now"', b'"Yes, now"'))
    for _ in range(2):
        read_samples = samples(read(path))
    assert [(s.id, s.reference) for s in read_samples] == ROWS[1:]
    assert [s.audio for s in read_samples] == [tmp_path / "a.wav", tmp_path / "b.wav"]
    told = " ".join(capsys.readouterr().err.split())
    assert said in told
    assert told.count("read as a table") == bool(said)  # once, however often it is read


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_cell_over_several_lines_of_a_spreadsheets_tabs_is_one_cell(tmp_path, read, end):
    path = tmp_path / "t.tsv"
    lines = ["path\ttext\tspeaker", 'a.wav\t"multi', "and more", 'line"\tann', "b.wav\tno\tbo"]
    path.write_bytes("".join(line + end for line in lines).encode())
    found = [(s.reference.split(), s.speaker) for s in samples(read(path))]
    assert found == [(["multi", "and", "more", "line"], "ann"), (["no"], "bo")]
    path.write_text('path\ttext\na.wav\t"multi\nline"\nb.wav\t"Yes" he said\n')
    with pytest.raises(DatasetError, match=r"t\.tsv:4: broken table"):
        read(path)
    path.write_text('text\tpath\n"one\ntwo"\ta.wav\n')
    assert [s.reference for s in samples(read(path))] == ["one\ntwo"]
    path.write_text('path\ttext\na.wav\t"open\nb.wav\tshut"\n')
    assert [s.reference for s in samples(read(path))] == ['"open', 'shut"']


@pytest.mark.parametrize("encoding", ["UTF-16LE", "UTF-16BE"])
def test_utf_16_without_its_mark_is_refused_with_the_command(tmp_path, read, encoding):
    path = tmp_path / "t.tsv"
    path.write_bytes(joined("\t").encode(encoding))
    with pytest.raises(
        DatasetError, match=f"UTF-16 .*iconv -f {encoding} -t UTF-8 t.tsv > new.tsv"
    ):
        read(path)


COMMON_VOICE = "client_id\tpath\tsentence\tup_votes\n"


@pytest.mark.parametrize(
    ("rows", "texts"),
    [
        # Since 2020 nothing is quoted; before, as pandas does.
        (['"Yes" he said', '"open', "no"], ['"Yes" he said', '"open', "no"]),
        (['"""Yes"" he said"', "no, never"], ['"Yes" he said', "no, never"]),
        (['"Whole."', "no"], ['"Whole."', "no"]),
        (['"Whole, yes."', "no, never"], ['"Whole, yes."', "no, never"]),
        (['"""Yes"" he said"', '"open'], ['"""Yes"" he said"', '"open']),
    ],
)
def test_quotation_marks_of_common_voice(tmp_path, read, rows, texts):
    path = tmp_path / "t.tsv"
    lines = [f"ann\t{n}.mp3\t{row}\t2\n" for n, row in enumerate(rows)]
    path.write_text(COMMON_VOICE + "".join(lines))
    assert [s.reference for s in samples(read(path))] == texts


def test_a_carriage_return_within_a_cell_is_named(tmp_path, read):
    path = tmp_path / "t.csv"
    path.write_bytes(b"path,text\na.wav,one\rtwo\nb.wav,three\n")
    with pytest.raises(DatasetError, match=r"t\.csv:2: a carriage return stands within a cell"):
        read(path)


def test_broken_utf16_is_named(tmp_path, read):
    path = tmp_path / "t.csv"
    path.write_bytes("path,text\na.wav,x\n".encode("utf-16") + b"\x00")
    with pytest.raises(DatasetError, match=r"t\.csv: not UTF-16 after line \d.*Save it as UTF-8"):
        read(path)


LJSPEECH = 'LJ1|In 1455, "he" came|In fourteen fifty-five, "he" came\nLJ2|Yes|Yes\n'


@pytest.mark.parametrize("folder", ["wavs", "", "elsewhere"])
def test_ljspeech_has_no_line_of_names(tmp_path, read, write_sound, capsys, folder):
    root = tmp_path / "lj"
    root.mkdir()
    (root / "metadata.csv").write_text(LJSPEECH)
    sound = (tmp_path if folder == "elsewhere" else root) / folder
    for name in ("LJ1.wav", "LJ2.wav"):
        write_sound(sound / name)
    where = {"audio_root": str(sound)} if folder == "elsewhere" else {}
    good = samples(read(root, **where))
    assert [(s.id, s.reference) for s in good] == [
        ("LJ1", 'In 1455, "he" came'),
        ("LJ2", "Yes"),
    ]
    assert [s.audio for s in good] == [sound / "LJ1.wav", sound / "LJ2.wav"]
    assert good[0].metadata == {"normalized_text": 'In fourteen fifty-five, "he" came'}
    assert "<id>.wav" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text", ["a.wav|p225|hello there\n", "LJ1|p225|hello there\n", "a.wav,x,1,2\n"]
)
def test_columns_that_could_mean_anything_are_asked_for(tmp_path, read, text):
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(DatasetError, match=r"first line is a clip already.*Put a line with their"):
        read(path)


def test_a_list_of_paths_and_names_of_existing_files(tmp_path, read, write_sound):
    path = tmp_path / "t.csv"
    path.write_text("a.wav\nb.wav\n")
    assert [s.id for s in samples(read(path))] == ["a.wav", "b.wav"]
    (tmp_path / "clip1").write_bytes(write_sound(tmp_path / "a.wav").read_bytes())
    path.write_text("clip1,hello\n")
    assert [(s.id, s.reference) for s in samples(read(path))] == [("clip1", "hello")]


def test_a_first_line_that_names_nothing_known_is_no_clip(tmp_path, read):
    path = tmp_path / "t.csv"
    path.write_text("fichier|texte\na.wav|bonjour\n")
    with pytest.raises(DatasetError, match="The columns are: 'fichier', 'texte'"):
        read(path)
    [sample] = samples(read(path, audio_column="fichier", text_column="texte"))
    assert (sample.id, sample.reference) == ("a.wav", "bonjour")


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl"])
def test_columns_and_folder_of_the_sound_can_be_named(tmp_path, read, write_sound, name):
    write_sound(tmp_path / "sound" / "a.wav")
    path = tmp_path / name
    rows = {
        "t.csv": "Ton;text;Wer\na.wav;hello;ann\n",
        "t.jsonl": '{"Ton": "a.wav", "text": "hello", "Wer": "ann"}\n',
    }
    path.write_text(rows[name])
    named = {"audio_column": "Ton", "speaker_column": "Wer"}
    [sample] = samples(read(path, audio_root=str(tmp_path / "sound"), **named))
    assert sample.audio == tmp_path / "sound" / "a.wav"
    assert (sample.id, sample.speaker) == ("a.wav", "ann")
    assert samples(read(path, **named))[0].audio == tmp_path / "a.wav"
    settings = f"{path}:audio_column=Ton,speaker_column=Wer"
    assert samples(read(settings))[0].speaker == "ann"
    for wrong in ({**named, "audio_column": "x"}, {**named, "speaker_column": "x"}):
        with pytest.raises(DatasetError, match=r"no such column|no line has the key 'x'"):
            read(path, **wrong)
    with pytest.raises(DatasetError, match=r"--audio-root .*there is no such folder"):
        read(path, audio_root=str(tmp_path / "nowhere"), **named)


def test_a_bad_row_keeps_its_line(tmp_path, read):
    path = tmp_path / "t.csv"
    path.write_text("path;text\na.wav;one\nb.wav;two;three\n")
    good, problems = split_items(read(path))
    assert [s.id for s in good] == ["a.wav"]
    assert [(p.where, p.kind) for p in problems] == [(f"{path}:3", "bad row")]
