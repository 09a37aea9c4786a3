"""The messages on the page of troubleshooting are those that the code has."""

import ast
import re
from itertools import chain

import pytest

from .commands import ROOT

PAGE = ROOT / "docs/troubleshooting.md"
QUOTES = [
    " ".join(line.removeprefix("> ") for line in quote.splitlines())
    for quote in re.findall(r"(?:^> .*\n)+", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
]


class Texts(ast.NodeVisitor):
    """Every text of a module, with `…` where a value comes."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def visit_JoinedStr(self, node):
        parts = [p.value if isinstance(p, ast.Constant) else "…" for p in node.values]
        self.found.append("".join(parts))

    def visit_Constant(self, node):
        if isinstance(node.value, str):
            self.found.append(node.value)


@pytest.fixture(scope="module")
def texts():
    sources = chain(ROOT.glob("core/src/**/*.py"), ROOT.glob("plugins/*/src/**/*.py"))
    visitor = Texts()
    for path in sources:
        visitor.visit(ast.parse(path.read_text(encoding="utf-8")))
    return visitor.found


@pytest.mark.parametrize("quote", QUOTES)
def test_the_message_is_in_the_code(quote, texts):
    parts = [part for part in quote.split("…") if part.strip(" .:,()")]
    pattern = re.compile(".*".join(map(re.escape, parts)), re.DOTALL)
    assert any(pattern.search(text) for text in texts), quote


def test_there_are_as_many_as_people_meet():
    assert len(QUOTES) > 35
