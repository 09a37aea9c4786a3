"""docs/first-hour.md, followed to the letter on recordings of digits as one's own."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .commands import ROOT

PAGE = ROOT / "docs/first-hour.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
WRITE = re.compile(r"Write `([^`]+)`")
NUMBER = re.compile(r"[-+]?\d[\d,.]*")
POINTS = 6
"""By how much rates, in percent, may differ on another machine."""


def sheet(folder, name, manifest, *more):
    """Write a spreadsheet of a manifest, and put its sound beside it."""
    with (folder / name).open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("file", "transcript", "speaker"))
        for line in manifest.read_text(encoding="utf-8").splitlines():
            clip = json.loads(line)
            source = manifest.parent / clip["audio_filepath"]
            shutil.copy(source, folder / "clips")
            speaker = clip["speaker"].removeprefix("fsdd-")
            rows.writerow((f"clips/{source.name}", clip["text"], speaker))
        rows.writerows(more)


@pytest.fixture(scope="module")
def outputs(shared, tmp_path_factory):
    """What the commands of the page print, all together."""
    folder = tmp_path_factory.mktemp("hour")
    (folder / "clips").mkdir()
    data = shared / "data/digits_asr"
    lost = ("clips/lost_000.flac", "five five one", "theo")
    sheet(folder, "recordings.csv", data / "adapt.jsonl", lost)
    sheet(folder, "heldout.csv", data / "heldout.jsonl")
    sheet(folder, "guest.csv", data / "validation.jsonl")
    shutil.copytree(shared / "models/nano-whisper-digits", folder / "whisper-digits")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "OMP_NUM_THREADS": "1"}
    page, printed, end = PAGE.read_text(encoding="utf-8"), "", 0
    for block in BLOCK.finditer(page):
        before, end = page[end : block.start()], block.end()
        if block[1] == "python":
            (folder / WRITE.findall(before)[-1]).write_text(block[2], encoding="utf-8")
        if block[1] != "console":
            continue
        for command in block[2].splitlines():
            done = subprocess.run(
                ["bash", "-c", command.removeprefix("$ ")],
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{command}\n{done.stderr}"
            printed += done.stdout + done.stderr
    return printed


def shapes(text):
    """Return each line without its numbers; a line may go on where the page breaks off."""
    return {" ".join(NUMBER.sub("#", line).split()) for line in text.splitlines()}


@pytest.mark.slow
@pytest.mark.soak
def test_every_command_works_and_prints_what_the_page_shows(outputs):
    texts = [b[2] for b in BLOCK.finditer(PAGE.read_text(encoding="utf-8")) if b[1] == "text"]
    printed = shapes(outputs)
    for line in set().union(*map(shapes, texts[1:])):  # the first lists the folder
        assert any(other.startswith(line) for other in printed), line


@pytest.mark.slow
@pytest.mark.soak
def test_it_reaches_what_the_page_says(outputs):
    said = re.compile(r"Improved: held-out WER ([\d.]+) % → ([\d.]+) %")
    found, stated = (said.search(text).groups() for text in (outputs, PAGE.read_text("utf-8")))
    assert list(map(float, found)) == pytest.approx(list(map(float, stated)), abs=POINTS)
