"""Every command of the pages that needs neither hub nor cluster works as it is printed."""

import pytest

from .commands import commands
from .reader import Reader, is_run

FOLLOWED = ("docs/plugin-tutorial.md", "docs/first-hour.md", "docs/ten-commands.md")
"""Pages that tests of their own follow to the letter."""

TYPED = [c for c in commands() if c.page not in FOLLOWED and is_run(c)]
OF_LABELS = "plugins/classification/README.md"


def is_quick(command):
    """Whether no model is needed."""
    return (
        command.words[1] in ("datasets", "presets", "models", "plugins") or "--help" in command.text
    )


@pytest.fixture
def reader(tmp_path, monkeypatch, shared, request):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("BROWSER", "true")  # --open opens nothing
    labels = request.param == OF_LABELS
    return Reader(tmp_path, shared / "models", labels=labels)


@pytest.mark.parametrize("reader", ["docs/plugins.md"], indirect=True)
def test_what_needs_no_model_works(reader):
    for command in {c.text: c for c in TYPED if is_quick(c)}.values():
        reader.type(command)


@pytest.mark.slow
@pytest.mark.soak
@pytest.mark.parametrize(
    ("reader", "page"),
    [(page, page) for page in sorted({c.page for c in TYPED if not is_quick(c)})],
    indirect=["reader"],
)
def test_what_needs_a_model_works(reader, page):
    for command in [c for c in TYPED if c.page == page and not is_quick(c)]:
        reader.type(command)
