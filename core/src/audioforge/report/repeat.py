"""The last section: how to do the same again."""

from __future__ import annotations

import shlex
from pathlib import Path

import yaml

from audioforge.report.components import details, paragraph, table
from audioforge.report.markup import Content, foreign, joined, tag
from audioforge.report.page import Section
from audioforge.report.record import RunRecord


def repeat(record: RunRecord) -> Section:
    """Return the section."""
    environment = record.environment
    content: list[Content] = []
    if environment.get("command"):
        content.append(
            paragraph("Started in ", foreign(str(environment.get("working_directory"))), " by:")
        )
        content.append(tag("pre", tag("code", command(environment["command"]))))
    content.append(paragraph("Its settings alone, in a file of their own, start it too:"))
    again = [
        "audioforge",
        "train",
        "--config",
        str(record.root / "config.yaml"),
        "--output",
        "runs/again",
    ]
    content.append(tag("pre", tag("code", shlex.join(again))))
    settings = yaml.safe_dump(dict(record.settings), sort_keys=False, allow_unicode=True)
    content.append(paragraph(f"Seed: {record.seed}."))
    content.append(details("Every setting (config.yaml)", tag("pre", tag("code", settings))))
    versions: list[list[Content]] = [
        ["AudioForge", str(environment.get("audioforge"))],
        ["Python", str(environment.get("python"))],
        ["Platform", str(environment.get("platform"))],
        ["Processes", str(environment.get("processes"))],
        ["Threads", str(environment.get("threads") or "as PyTorch chose")],
    ]
    for name, version in environment.get("libraries", {}).items():
        versions.append([foreign(name), str(version or "not installed")])
    for name, plugin in environment.get("plugins", {}).items():
        versions.append([joined("plugin ", foreign(name)), str(plugin.get("version"))])
    content.append(details("Versions", table("Versions", ["what", "version"], versions, words=2)))
    return Section("repeat", "How to repeat it", content)


def command(arguments: list[str]) -> str:
    """Return a command as it is typed.

    >>> command(["/opt/bin/audioforge", "train", "--output", "my run"])
    "audioforge train --output 'my run'"
    """
    program, *rest = map(str, arguments)
    name = Path(program).name
    known = name if name not in ("-c", "-m", "__main__.py", "") else "audioforge"
    return shlex.join([known, *rest])
