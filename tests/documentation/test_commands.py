"""Every command that a page tells its reader to type is one that the command line takes."""

import re
from collections.abc import Iterator

import click
import pytest

from audioforge.cli import cli

from .commands import ROOT, Command, commands, spans

ALL = commands()
OURS = [c for c in ALL if c.text.startswith(("audioforge", "torchrun"))]
OTHER_FLAGS = {
    "pip": {"--upgrade", "--editable", "--index-url", "--find-links"},
    "benchmarks/memory.py": {"--clips"},
    "benchmarks/real_whisper.py": {"--arms", "--full", "--report", "--settings"},
    "pytest": {"--strict-audioforge"},
    "sbatch": {"--exclusive"},
}
"""Flags of other programs that sentences speak of."""


def arguments(command: Command) -> list[str]:
    """Return what AudioForge is given; torchrun starts it as a module."""
    words = command.words
    return words[words.index("audioforge") + 1 :]


def alternatives(words: list[str]) -> Iterator[list[str]]:
    """Yield the command for each name where a sentence gives several as `new|info`."""
    at = next((i for i, w in enumerate(words) if re.fullmatch(r"[a-z]+(\|[a-z]+)+", w)), None)
    if at is None:
        yield words
        return
    for name in words[at].split("|"):
        yield from alternatives([*words[:at], name, *words[at + 1 :]])


def parse(command: click.Command, name: str, words: list[str], parent=None) -> None:
    """Let Click read the words as it would in a shell, and run nothing.

    Raises:
        click.UsageError: What Click would tell the reader.
    """
    words = [word for word in words if word not in ("--help", "--version")]
    if not words and isinstance(command, click.Group):
        return
    context = command.make_context(name, words, parent)
    if isinstance(command, click.Group):
        found, below, rest = command.resolve_command(context, context._protected_args)
        assert below is not None
        parse(below, found or "", [*rest, *context.args], context)


@pytest.mark.parametrize("command", OURS, ids=str)
def test_the_command_line_takes_it(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # nothing may depend on files that are there
    for words in alternatives(arguments(command)):
        try:
            parse(cli, "audioforge", words)
        except click.MissingParameter:
            assert "…" in command.text or not command.is_block, command.text


def test_every_flag_in_a_sentence_is_one():
    known = set().union(*OTHER_FLAGS.values()) | {"--help", "-h"}
    waiting = [cli]
    while waiting:
        command = waiting.pop()
        known.update(*(parameter.opts + parameter.secondary_opts for parameter in command.params))
        if isinstance(command, click.Group):
            context = click.Context(command, **command.context_settings)
            waiting += [command.get_command(context, n) for n in command.list_commands(context)]
    said = [(p, flag) for p, t in spans() if (flag := re.match(r"--[a-z][a-z-]*", t))]
    assert len(said) > 100
    assert {f"{page}: {flag[0]}" for page, flag in said if flag[0] not in known} == set()


def test_every_script_and_target_is_there():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for command in [c for c in ALL if c not in OURS]:
        program, what = command.words[:2] if len(command.words) > 1 else (command.text, "")
        if program == "python":
            assert (ROOT / what).is_file(), command
        elif re.fullmatch(r"[a-z-]+", what):
            assert re.search(rf"^{what}:", makefile, re.MULTILINE), command


def test_there_are_as_many_as_a_reader_finds():
    assert len(OURS) > 80
