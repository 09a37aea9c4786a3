"""What all trackers of the engine have in common, and how a run bears with one."""

import sys
import time

import pytest

from audioforge.errors import PluginError
from audioforge.run import trackers
from audioforge.run.trackers import Trackers
from audioforge.terminal.reporter import Reporter
from audioforge.tracker import TrackedRun, Tracker
from audioforge.trackers.tables import chosen, errors_of
from audioforge.trackers.told import Told


class Stuck(Tracker):
    """Prints, and does not come back from `finish`."""

    def start(self, run):
        print("hello")

    def metrics(self, step, values):
        pass

    def finish(self):
        while True:
            time.sleep(0.05)


def test_a_tracker_that_hangs_is_left_and_none_prints_on_stdout(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(trackers, "SECONDS", 0.1)
    run = TrackedRun(folder=tmp_path, settings={}, resumes=False)
    Trackers([("stuck", Stuck())], run, Reporter(quiet=True)).ended(None)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "the tracker 'stuck' failed at finish: not done within 0.1 s" in " ".join(
        printed.err.split()
    )


@pytest.mark.parametrize("name", ["tensorboard", "wandb", "mlflow", "trackio"])
def test_a_library_that_is_not_there_is_named_with_its_extra(registry, monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(PluginError, match=rf"needs {name}.*'audioforge\[{name}\]'"):
        registry.create("trackers", name)


def test_the_same_clips_are_shown_in_whatever_order_they_come():
    rows = [{"id": f"clip {number}"} for number in range(100)]
    few = chosen(rows, 5)
    assert few == chosen(rows[::-1], 5)
    assert len(few) == 5
    assert set(map(str, few)) < set(map(str, chosen(rows, 6)))


def test_errors_that_are_not_known_are_none():
    assert errors_of({"substitutions": 1, "deletions": 2, "insertions": 0}) == 3
    assert errors_of({"substitutions": 1}) is None


def test_what_was_told_of_another_place_is_no_begin(tmp_path):
    path = tmp_path / "wandb.json"
    told = Told("/speech", step=7, cycle=1, began=True)
    told.write(path)
    assert Told.read(path, "/speech") == told
    assert not Told.read(path, "/other").began
