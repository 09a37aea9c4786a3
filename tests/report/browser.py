"""A real browser, and what is asked of every page in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


def chromium() -> str:
    """Return where a Chromium is, or skip."""
    pytest.importorskip("playwright", reason="needs playwright, which is not installed")
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip("needs Chromium on the path, or its path in CHROMIUM")
    return found


class Opened:
    """A page in a browser, with what it said and asked for."""

    def __init__(self, page: Any, path: Path) -> None:
        self.page, self.path = page, path
        self.problems: list[str] = []
        self.asked: list[str] = []
        page.on("console", lambda message: self.problems.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("dialog", lambda dialog: self.problems.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: self.asked.append(request.url))
        page.goto(path.as_uri())

    def check(self) -> None:
        """Check that nothing is wrong, nothing was fetched, and every chart is drawn."""
        assert self.problems == []
        outside = [url for url in self.asked if not url.startswith(("data:", self.path.as_uri()))]
        assert [url for url in outside if not url.startswith("file:")] == []
        charts = self.page.locator(".chart")
        assert charts.count() > 0
        assert self.page.locator(".chart svg path").count() > charts.count()
        drawn = self.page.locator(".chart:has(svg)").count()
        assert drawn == charts.count()
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert self.page.evaluate(wide) == 0

    def check_accessible(self) -> None:
        """Check that axe-core finds nothing serious."""
        axe = pytest.importorskip(
            "axe_playwright_python.sync_playwright", reason="needs axe-playwright-python"
        )
        found = axe.Axe().run(self.page).response["violations"]
        serious = [v for v in found if v["impact"] in ("serious", "critical")]
        assert [(v["id"], v["nodes"][0]["html"][:200]) for v in serious] == []

    def rows(self) -> list[str]:
        """Return the ids of the utterances that the table shows."""
        texts: list[str] = self.page.locator(".rows > tbody > tr > th .id").all_inner_texts()
        return texts


@contextmanager
def browser() -> Iterator[Any]:
    """A headless Chromium without a network."""
    path = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield made
        finally:
            made.close()
