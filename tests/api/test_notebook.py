"""The notebook of the documentation runs from its start to its end, and shows what it promises."""

import nbformat
import pytest
from nbclient import NotebookClient

SECONDS = 120


@pytest.fixture(scope="module")
def outputs(root, tmp_path_factory):
    """Everything that the cells show."""
    notebook = nbformat.read(root / "docs/examples/own_reward.ipynb", as_version=4)
    folder = tmp_path_factory.mktemp("notebook")
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=SECONDS, resources=resources).execute()
    return [output for cell in notebook.cells for output in cell.get("outputs", ())]


def shown(outputs, kind):
    return [output.data[kind] for output in outputs if kind in output.get("data", {})]


def printed(outputs):
    return "".join(output.text for output in outputs if output.output_type == "stream")


@pytest.mark.soak
def test_it_shows_tables_and_a_figure(outputs):
    assert any("<th>WER</th>" in page for page in shown(outputs, "text/html"))
    assert shown(outputs, "image/png")
    assert "heard:" in printed(outputs)


@pytest.mark.soak
def test_a_run_tells_how_it_goes_without_an_escape_code(outputs):
    text = printed(outputs)
    assert "cycle 2: WER" in text
    assert "\x1b" not in text + "".join(shown(outputs, "text/plain"))
