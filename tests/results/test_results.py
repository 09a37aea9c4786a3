"""A run's result as Python hands it over: a table, frames and a figure, from the folder too."""

import json
import sys

import pytest

from audioforge import open_run
from audioforge.errors import UsageError
from audioforge.results.lines import Lines
from audioforge.results.shown import Shown, ShowsItself

SCORE = {"reward": 0.5, "passed": False, "metrics": {"wer": 0.5}}


def entry(cycle, wer):
    figures = {"metric": "wer", "wer": wer, "ci95": [wer - 0.1, wer + 0.1], "retention": {}}
    figures |= {"decoding": "greedy", "runaway": 0 if cycle else 1}
    if not cycle:
        figures["without_runaway"] = {"wer": 0.45}
    if cycle:
        figures |= {
            "cycle": cycle,
            "difference_ci95": [-0.2, -0.1],
            "reward": 0.6,
            "reward_std": 0.1,
            "kept": 3,
            "seconds": {"update": 1.5},
        }
    return figures


@pytest.fixture
def run(tmp_path):
    summary = {
        "metric": "wer",
        "higher_is_better": False,
        "base": entry(0, 0.5),
        "cycles": [entry(1, 0.4), entry(2, 0.3)],
        "best": {"cycle": 2, "wer": 0.3},
        "improved": True,
        "reason": "because <so>",
    }
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    (tmp_path / "cycle-02").mkdir()
    for rank in range(2):
        hypothesis = {"text": "a", "logprob": -1.0, "tokens": 2, "reward": 0.5, "kept": True}
        line = {
            "id": f"clip-{rank}",
            "cycle": 2,
            "reference": "b",
            "hypotheses": [{**hypothesis, "scores": {"wer": SCORE}}] * 3,
        }
        path = tmp_path / f"cycle-02/rollouts-0000{rank}.jsonl"
        path.write_text(json.dumps(line) + "\n")
    return open_run(tmp_path)


def test_it_is_a_table_in_a_terminal_and_in_a_notebook(run):
    text = repr(run)
    assert text.splitlines()[3].startswith("cycle 2 → best  30.0 %  20.0 to 40.0  -20.0 to -10.0")
    assert "Improved: because <so>." in text
    assert "1 (45.0 % without)" in text.splitlines()[1]
    assert "Decoding: greedy." in text
    assert "\x1b" not in text
    html = run._repr_html_()
    assert "<td>cycle 2 → best</td><td>30.0 %</td>" in html
    assert "because &lt;so&gt;" in html


def test_what_comes_from_outside_stays_text():
    class Evil(ShowsItself):
        def shown(self):
            return Shown(["<b>"], [["\x1b[31m<script>"]], ["\x1b[2J"])

    assert "<script>" not in Evil()._repr_html_()
    assert "\x1b" not in Evil()._repr_html_() + repr(Evil())


def test_the_frame_has_a_row_for_each_cycle(run):
    pytest.importorskip("pandas")
    table = run.to_frame()
    assert list(table["cycle"]) == [0, 1, 2]
    assert list(table["wer"]) == [0.5, 0.4, 0.3]
    assert table["ci95.low"][2] == pytest.approx(0.2)
    assert table["seconds.update"][1] == 1.5


def test_rollouts_of_all_processes_are_one_frame_with_a_row_for_each_hypothesis(run):
    pytest.importorskip("pandas")
    rollouts = run.rollouts(cycle=2)
    assert [line["id"] for line in rollouts] == ["clip-0", "clip-1"]
    table = rollouts.to_frame()
    assert list(table["index"]) == [0, 1, 2, 0, 1, 2]
    assert set(table.columns) == {
        *("id", "cycle", "reference", "index", "text", "logprob", "tokens", "reward", "kept"),
        *("wer.reward", "wer.passed", "wer.wer"),
    }
    assert "rollouts of cycle 2: 2 lines" in repr(rollouts)


def test_the_figure_has_metric_and_reward(run, tmp_path):
    pytest.importorskip("matplotlib")
    figure = run.plot()
    measured, rewarded = figure.axes
    assert list(measured.lines[0].get_ydata()) == [0.5, 0.4, 0.3]
    assert list(rewarded.lines[0].get_xdata()) == [1, 2]
    figure.savefig(tmp_path / "run.png")


@pytest.mark.parametrize(("ask", "library"), [("to_frame", "pandas"), ("plot", "matplotlib")])
def test_without_the_library_it_says_what_to_install(run, monkeypatch, ask, library):
    for name in [name for name in sys.modules if name.partition(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UsageError, match=rf"{ask} needs {library}.*audioforge\[notebook\]"):
        getattr(run, ask)()


def test_what_is_not_there_is_said(run, tmp_path):
    with pytest.raises(UsageError, match="cycle 9 has no rollouts"):
        run.rollouts(cycle=9)
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun/config.yaml").write_text("")
    with pytest.raises(UsageError, match="is not finished"):
        open_run(tmp_path / "begun")
    assert repr(Lines("nothing", [])) == "nothing: 0 lines"
