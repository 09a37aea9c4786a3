"""The documentation site is built without a link that leads nowhere, and has every page."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from .commands import ROOT, pages

LINK = re.compile(r"\]\(([^)#\s]+)")
WITHIN = "docs"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A copy of what the site is made of, and what the build of it says."""
    folder = tmp_path_factory.mktemp("site")
    for name in ("zensical.toml", "CHANGELOG.md"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / WITHIN, folder / WITHIN, ignore=shutil.ignore_patterns("*cache*"))
    zensical = Path(sys.executable).with_name("zensical")
    command = [zensical, "build", "--strict"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return folder / "dist/site", done


def navigation(entries):
    """Yield every page of the navigation."""
    for entry in entries:
        for below in entry.values():
            yield from [below] if isinstance(below, str) else navigation(below)


def test_every_link_leads_somewhere(built):
    folder, done = built
    assert done.returncode == 0, done.stdout + done.stderr
    assert (folder / "index.html").is_file()


def test_the_navigation_has_every_page(built):
    folder, _ = built
    settings = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))
    listed = list(navigation(settings["project"]["nav"]))
    assert sorted(listed) == sorted(p.name for p in (ROOT / WITHIN).glob("*.md"))
    assert [p for p in listed if not (folder / p).with_suffix(".html").is_file()] == []


def test_the_changes_which_stand_elsewhere_have_no_link_within_the_repository():
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert [link for link in LINK.findall(changes) if ":" not in link] == []


def test_nothing_is_fetched_from_elsewhere(built):
    folder, _ = built
    page = (folder / "index.html").read_text(encoding="utf-8")
    fetched = re.findall(
        r"<(?:script|link|img|iframe)[^>]+(?:src|href)=\"?(https?:[^\s\">]+)", page
    )
    assert fetched == []


@pytest.mark.parametrize("page", [p for p in pages() if p.parent.name != WITHIN], ids=str)
def test_links_of_other_pages_lead_to_files(page):
    found = LINK.findall(page.read_text(encoding="utf-8"))
    missing = [link for link in found if ":" not in link and not (page.parent / link).exists()]
    assert missing == []
