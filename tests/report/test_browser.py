"""Pages in a real browser: drawn, sorted, searched, heard, printed, and open to everybody."""

import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from audioforge import AudioRAFTConfig, AudioRAFTTrainer
from audioforge.cli import cli
from audioforge.report.write import write_report
from audioforge_demo import assets

from .browser import Opened, browser, chromium
from .made_run import write_run

HOSTILE = (
    "<img src=x onerror=alert(1)></script><script>alert(2)</script> \u202eevil " + "long" * 500
)
WIDE = {"width": 1280, "height": 900}
PHONE = {"width": 375, "height": 800}


def use(opened: Opened) -> None:
    """Sort, search, filter, open and play, as a reader does."""
    page = opened.page
    first = opened.rows()
    page.get_by_role("button", name="utterance").click()
    header = page.locator('th[aria-sort="ascending"]')
    assert header.inner_text() == "utterance"
    assert opened.rows() == sorted(opened.rows())
    page.get_by_label("Search", exact=True).fill(first[0])
    assert set(opened.rows()) == {name for name in opened.rows() if first[0] in name}
    assert "of 1 utterance" in page.get_by_role("status").inner_text()
    page.get_by_role("button", name=f"More of {first[0]}").press("Enter")
    assert page.locator(".opened h4").first.inner_text() == "Reference"
    sound = page.locator(".rows audio").first
    sound.evaluate("audio => audio.play()")
    while not sound.evaluate("audio => audio.currentTime"):  # pytest would be told of no end
        page.wait_for_timeout(20)
    page.get_by_label("Search", exact=True).fill("")
    page.get_by_label("Set", exact=True).select_option(
        label=page.get_by_label("Set", exact=True).locator("option").last.inner_text()
    )
    page.locator(".more").first.click()
    assert page.locator(".opened table tbody tr").count() > 1
    page.get_by_label("Set", exact=True).select_option("0")


def test_the_page_of_a_run_works_in_a_browser(tmp_path):
    chromium()
    config = AudioRAFTConfig(
        model_name=str(assets.model()),
        dataset="demo",
        output_dir=tmp_path / "run",
        num_cycles=1,
        steps_per_cycle=1,
        limit=20,
        device="cpu",
        seed=1,
    )
    AudioRAFTTrainer(config).train()
    with browser() as made:
        opened = Opened(made.new_page(viewport=WIDE), tmp_path / "run" / "report.html")
        use(opened)
        opened.check()
        opened.check_accessible()


@pytest.mark.soak
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_whatever_is_said_is_inert_and_readable(tmp_path, scheme, size):
    run = write_run(
        tmp_path / "run", utterances=60, texts={0: HOSTILE}, settings={"dataset": HOSTILE}
    )
    write_report(run)
    with browser() as made:
        opened = Opened(made.new_page(viewport=size, color_scheme=scheme), run / "report.html")
        opened.page.get_by_label("Search", exact=True).fill("evil")
        assert "\\u202eevil" in opened.page.locator(".rows").inner_text()
        opened.page.locator(".more").first.click()
        opened.check()
        opened.check_accessible()
        opened.page.get_by_label("Search", exact=True).fill("")
        opened.page.get_by_label("Show", exact=True).select_option("harmed")
        assert opened.rows() == ["clip-00001"]
        opened.page.get_by_label("Show", exact=True).select_option("runaway")
        assert opened.rows() == ["clip-00002"]
        opened.page.get_by_label("Show", exact=True).select_option("")
        opened.page.get_by_label("Speaker", exact=True).select_option("speaker-3")
        assert opened.page.get_by_role("status").inner_text() == "1 to 12 of 12 utterances"


@pytest.mark.soak
def test_five_thousand_utterances_are_small_and_quick(tmp_path):
    run = write_run(tmp_path / "run", utterances=5_000, clips=5_000, cycles=3, k=4)
    path = write_report(run)
    assert path.stat().st_size < 20_000_000
    with browser() as made:
        page = made.new_page(viewport=WIDE)
        started = time.monotonic()
        opened = Opened(page, path)
        page.get_by_label("Search", exact=True).fill("clip-04999")
        page.get_by_text("of 1 utterance").wait_for()
        assert time.monotonic() - started < 2.0, "this test alone measures time: the promise is one"
        assert opened.rows() == ["clip-04999"]
        opened.check()


@pytest.mark.soak
@pytest.mark.parametrize(
    ("model", "data"),
    [
        ("nano-whisper-digits", "digits_asr/adapt.jsonl"),
        ("whisper-tiny.en", "nonnative/train.jsonl"),
    ],
)
def test_pages_of_runs_on_real_speech_work(tmp_path, shared, model, data):
    chromium()
    arguments = ["train", "--model", shared / "models" / model, "--dataset", shared / "data" / data]
    few = ["--limit", 24, "--eval-fraction", 0.3, "--cycles", 1, "--output", tmp_path / "run"]
    result = CliRunner().invoke(cli, [str(argument) for argument in (*arguments, *few)])
    assert result.exit_code == 0, result.output
    path = tmp_path / "run" / "report.html"
    with browser() as made:
        opened = Opened(made.new_page(viewport=WIDE), path)
        use(opened)
        opened.check()
        opened.check_accessible()
        opened.page.emulate_media(media="print")
        opened.check()
        assert Path(path).read_text().startswith("<!doctype html>")
