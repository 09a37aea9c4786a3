"""The commands that the documents tell a reader to type."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
INDENTED = re.compile(r"(?:^ {4,}\S.*\n)+", re.MULTILINE)
SPAN = re.compile(r"`([^`]+)`")
START = re.compile(
    r"(?:\$ )?(?:\.venv/bin/)?"
    r"((?:(?:audioforge|torchrun|make) |python (?:benchmarks|docs|plugins)/).*)"
)
SHELLS = ("", "console", "bash", "sh")
WRITTEN = {
    "command-line.md",
    "configuration.md",
    "plugin-reference.md",
    "python-reference.md",
    "run-folder.md",
}
"""Pages that are written from the code."""


@frozen
class Command:
    """One command of a page.

    Attributes:
        page: The page, relative to the repository.
        line: Where in it, from 1.
        text: As it is printed, in one line and without a comment.
        is_block: Whether it stands in a block, to be typed, and not in a sentence.
    """

    page: str
    line: int
    text: str
    is_block: bool

    @property
    def words(self) -> list[str]:
        """Return what the shell makes of it, with `…` where the reader fills in a value."""
        words = shlex.split(self.text, comments=True)
        pairs = zip(["", *words], words, strict=False)
        return [w.strip("[]") for before, w in pairs if w != "…" or before.startswith("--")]

    def __str__(self) -> str:
        """Return where it stands, and what it is."""
        return f"{self.page}:{self.line}: {self.text}"


def pages() -> list[Path]:
    """Return every page that people write."""
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "core/README.md"]
    found += [path for path in ROOT.glob("docs/*.md") if path.name not in WRITTEN]
    return sorted([*found, *ROOT.glob("plugins/*/README.md")])


def commands() -> list[Command]:
    """Return the commands of all pages, in their order."""
    return [c for path in pages() for c in sorted(_of_page(path), key=lambda c: c.line)]


def spans() -> Iterator[tuple[str, str]]:
    """Yield page and text of what stands between backticks in sentences."""
    for path in pages():
        for span in SPAN.finditer(_sentences(path.read_text(encoding="utf-8"))):
            yield path.relative_to(ROOT).as_posix(), " ".join(span[1].split())


def _of_page(path: Path) -> Iterator[Command]:
    text, name = path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix()
    found = [
        *(
            (_line(text, block.start(2)), block[2])
            for block in BLOCK.finditer(text)
            if block[1] in SHELLS
        ),
        *(
            (_line(text, block.start()), block[0])
            for block in INDENTED.finditer(_blank(BLOCK, text))
        ),
    ]
    for line, block in sorted(found):
        yield from _of_block(name, line, block)
    for span in SPAN.finditer(_sentences(text)):
        if command := START.fullmatch(" ".join(span[1].split())):
            yield Command(name, _line(text, span.start()), command[1], is_block=False)


def _of_block(name: str, line: int, block: str) -> Iterator[Command]:
    for row in re.split(r"(?<!\\)\n", block):
        if command := START.fullmatch(re.sub(r"\s*\\\n\s*", " ", row).strip()):
            yield Command(name, line, command[1].partition("  #")[0].strip(), is_block=True)
        line += row.count("\n") + 1


def _sentences(text: str) -> str:
    """Return the text without its blocks, everything in its place."""
    return _blank(INDENTED, _blank(BLOCK, text))


def _blank(pattern: re.Pattern[str], text: str) -> str:
    return pattern.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
