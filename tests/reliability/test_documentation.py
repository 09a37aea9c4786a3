"""docs/reliability.md: every test that its tables name is there."""

import re
from pathlib import Path

NAMED = re.compile(r"`(?P<file>tests/[\w/]+\.py)?::(?P<test>test_\w+)`")


def test_every_outcome_names_a_test_that_exists(root: Path) -> None:
    text = (root / "docs/reliability.md").read_text(encoding="utf-8")
    file, missing, named = "", [], 0
    for match in NAMED.finditer(text):
        file = match["file"] or file
        named += 1
        if f"\ndef {match['test']}(" not in (root / file).read_text(encoding="utf-8"):
            missing.append(f"{file}::{match['test']}")
    assert missing == []
    assert named > 80
