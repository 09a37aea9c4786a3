"""Paths as other systems wrote them: what is read, and what is named."""

import unicodedata
from pathlib import Path

import pytest

from audioforge.files.addresses import is_address
from audioforge.files.near_paths import said_of_near
from audioforge.files.written_paths import written_path


@pytest.fixture
def folder(tmp_path):
    for name in ("clips/a b.wav", "clips/Upper.WAV", unicodedata.normalize("NFD", "clips/é.wav")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("sound")
    return tmp_path


def test_addresses_of_local_files_and_the_home_folder_are_followed(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder))
    there = folder / "clips/a b.wav"
    elsewhere = Path("/nowhere")
    for written in (f"file://{folder}/clips/a%20b.wav", f"FILE://localhost{there}", str(there)):
        assert written_path(written, elsewhere) == (there, written)
    assert written_path("~/clips/a b.wav", elsewhere)[0] == there
    assert written_path("~nobody-here/a.wav", folder)[0] == folder / "~nobody-here/a.wav"
    (folder / "~x.wav").write_text("sound")
    assert written_path("~x.wav", folder)[0] == folder / "~x.wav"
    assert [is_address(a) for a in ("https://a/b.wav", "gs://a", "file:///a", r"C:\a")] == [
        *(True, True, False, False)
    ]


def test_backslashes_are_read_where_only_one_file_can_be_meant(folder):
    plain = "clips/a b.wav"
    assert written_path(r"clips\a b.wav", folder) == (folder / plain, plain)
    assert written_path(r"clips\gone.wav", folder)[1] == r"clips\gone.wav"
    (folder / r"clips\a b.wav").write_text("called so")
    assert written_path(r"clips\a b.wav", folder)[0] == folder / r"clips\a b.wav"


@pytest.mark.parametrize(
    ("written", "near", "how"),
    [
        ("clips/upper.wav", "Upper.WAV", "in other capitals"),
        ("CLIPS/upper.wav", "Upper.WAV", "in other capitals"),
        (r"clips\UPPER.wav", "Upper.WAV", "in other capitals"),
        ("clips/\xe9.wav", "e\u0301.wav", "whose letters are decomposed (another Unicode form)"),
    ],
)
def test_what_is_near_is_named_with_how_it_differs(folder, written, near, how):
    said = said_of_near(folder / written)
    assert said == f"; near it is {folder / 'clips' / near}, {how}: state it as it is there"


def test_nothing_is_chosen_between_two_and_nothing_made_up(folder):
    (folder / "clips/UPPER.wav").write_text("other")
    said = said_of_near(folder / "clips/upper.wav")
    assert said.startswith(f"; near it are {folder / 'clips/UPPER.wav'} and ")
    (folder / "link.wav").symlink_to(folder / "gone")
    for name in ("clips/gone.wav", "gone/a.wav", "link.wav", "x" * 300, "a\0b"):
        assert said_of_near(folder / name) == ""
