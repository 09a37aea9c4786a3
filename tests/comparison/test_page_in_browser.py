"""The page of the demo's three runs in a real browser: what RAFT, random and reference come to."""

import pytest
from click.testing import CliRunner

from audioforge.cli import cli

from ..report.browser import Opened, browser, chromium

WIDE = {"width": 1280, "height": 900}
PHONE = {"width": 375, "height": 800}


@pytest.mark.soak
def test_the_demo_s_story_is_on_the_page(tmp_path):
    chromium()
    demo, page = tmp_path / "demo", tmp_path / "compared.html"
    assert CliRunner().invoke(cli, ["demo", "--output", str(demo)]).exit_code == 0
    runs = [str(demo / f"demo-{name}") for name in ("best", "random", "reference")]
    result = CliRunner().invoke(cli, ["compare", *runs, "--html", str(page)])
    assert result.exit_code == 0, result.output
    with browser() as made:
        for viewport in (WIDE, PHONE):
            opened = Opened(made.new_page(viewport=viewport), page)
            told = opened.page.locator("main").inner_text()
            assert "fewer errors per 100 words than the base that demo-random kept" in told
            assert "demo-random did not improve" in told
            assert "demo-reference makes" in told
            opened.page.get_by_label("Show", exact=True).select_option("improved")
            assert opened.rows()
            opened.check()
            opened.check_accessible()
