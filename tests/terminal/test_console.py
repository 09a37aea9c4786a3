"""What is printed is what was meant: no markup, no control characters, nothing cut."""

import json

import pytest
from rich.console import Console

from audioforge.terminal import console
from audioforge.terminal.escapes import escape_controls


def test_a_piped_table_keeps_every_character(capsys):
    long = "x" * 300
    console.print_table(("name", "n"), [(long, "1"), ("a\nb", "10")], right=("n",))
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        f"{'name':<300}   n",
        f"{long}   1",
        f"{'a' + chr(92) + 'nb':<300}  10",
    ]


def test_a_table_on_a_terminal_folds_instead_of_cutting(monkeypatch):
    terminal = Console(force_terminal=True, width=40, record=True, file=None)
    monkeypatch.setattr(console, "stdout", lambda: terminal)
    with terminal.capture() as capture:
        rows = [("y" * 60, "[b]no markup[/b]"), ("two\nlines", "\x9b2J")]
        console.print_table(("name", "\x1b[2J"), rows)
    shown = capture.get()
    assert shown.count("y") == 60
    assert "[b]no" in shown
    assert "two\\nlines" in shown
    assert "\\x1b[2J" in shown
    assert "\\x9b2J" in shown
    assert "\x1b[2J" not in shown


def test_a_table_that_fits_by_folding_loses_no_column(monkeypatch):
    terminal = Console(force_terminal=True, width=80, record=True, file=None)
    monkeypatch.setattr(console, "stdout", lambda: terminal)
    heads = ("run", "state", "model", "selection", "base → best", "size", "age")
    row = (
        *("mine", "finished", "whisper-tiny.en of ours", "best"),
        *("accuracy 52.5 % → 99.2 %", "2.1 MB", "4 min"),
    )
    with terminal.capture() as capture:
        console.print_table(heads, [row], right=("size",))
    shown = capture.get()
    assert all(len(line.rstrip()) <= 80 for line in shown.splitlines())
    assert all(word in shown for cell in (*heads, *row) for word in cell.split())


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("plain ü 語\ttab\nline", "plain ü 語\ttab\nline"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\rb\x00c\x7fd\x9be", "a\\rb\\x00c\\x7fd\\x9be"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("lone \udcff surrogate", "lone \\udcff surrogate"),
        ("می‌خواهم", "می‌خواهم"),
    ],
)
def test_control_characters_are_spelt_out(given, shown):
    assert escape_controls(given) == shown


def test_json_is_json(capsys):
    every_escape = "\x1b\x7f\x9b\u202e\u2028\ufeff\U000e0041"
    value = {"text": "ü [red] " + "x" * 200, "escape": every_escape}
    console.print_json(value)
    out = capsys.readouterr().out
    assert json.loads(out) == value
    assert "ü [red]" in out
    assert not set(every_escape) & set(out)
    with pytest.raises(ValueError, match="not JSON compliant"):
        console.print_json({"wer": float("nan")})


def test_notes_and_errors_go_to_stderr(capsys):
    console.print_note("[i]note[/i]")
    console.print_error("wrong")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "[i]note[/i]\nError: wrong\n"
