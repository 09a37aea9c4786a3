"""What `audioforge verify` found as JUnit's XML, which systems of continuous integration show."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as Xml

from audioforge.files import atomic

if TYPE_CHECKING:
    from audioforge.scoring.score import Scoring

SUITE = "audioforge.verify"
SCORED = "predictions can be scored"
"""The test case that is always there."""

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML document can hold, even spelt out."""


def write_junit(path: Path, scoring: Scoring, checks: Mapping[str, str | None]) -> None:
    """Write a test suite: a case for each check, and one for whether anything was scored.

    A single utterance is no case: a limit is for all of them together. The worst ones are in what a
    failed case says, and in the suite's output.

    Args:
        path: Where to write it; what is there is replaced.
        scoring: What was measured.
        checks: What must hold, and why it does not; None where it does.
    """
    worst = "\n".join(map(_described, scoring.worst))
    nothing = None if scoring.reward is not None else "nothing could be scored"
    cases = {SCORED: nothing, **checks}
    suite = Xml.Element(
        "testsuite",
        name=SUITE,
        tests=str(len(cases)),
        failures=str(sum(failure is not None for failure in cases.values())),
        errors="0",
        skipped="0",
    )
    properties = Xml.SubElement(suite, "properties")
    for name, value in _properties(scoring).items():
        Xml.SubElement(properties, "property", name=_legal(name), value=_legal(value))
    for name, failure in cases.items():
        case = Xml.SubElement(suite, "testcase", classname=SUITE, name=_legal(name))
        if failure is not None:
            failed = Xml.SubElement(case, "failure", message=_legal(failure), type="threshold")
            failed.text = _legal("\n".join(filter(None, [failure, worst])))
    Xml.SubElement(suite, "system-out").text = _legal("\n".join([*_unscored(scoring), worst]))
    root = Xml.Element("testsuites")
    root.append(suite)
    Xml.indent(root)
    declared = "<?xml version='1.0' encoding='utf-8'?>\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic.write_text(path, declared + Xml.tostring(root, encoding="unicode") + "\n")


def _properties(scoring: Scoring) -> dict[str, str]:
    result = scoring.as_mapping()
    counts = {name: str(result[name]) for name in ("task", "normalizer", "n", "scored", "unscored")}
    return counts | {name: f"{value:.6g}" for name, value in scoring.measured.items()}


def _unscored(scoring: Scoring) -> list[str]:
    tally = scoring.tally
    return [
        f"{count} not scored: {kind} (first: {tally.examples[kind]})"
        for kind, count in tally.unscored.most_common()
    ]


def _described(line: Mapping[str, Any]) -> str:
    """Return a line of scores as text: what it is, its reward, what is right and what was said."""
    said = line.get("pred_text", line.get("pred_audio"))
    return f"{line['id']}: reward {line['reward']:.4f}; right: {line['text']!r}; said: {said!r}"


def _legal(text: str) -> str:
    """Return a text with the characters spelt out that XML cannot hold."""
    return _NOT_XML.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
