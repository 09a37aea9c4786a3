"""The contract tests find what is wrong in trackers that are right but for one thing."""

import pytest

MADE = "self._path.parent.mkdir(exist_ok=True)"
WRITTEN = "writerows(rows)"


@pytest.mark.sweep(4)
@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("(Tracker):", ":", {"is_a_tracker"}),
        ("if self._path is None:", "if not values['loss']:", {"hears_a_run"}),
        (
            '"""Do nothing: the table is closed after every step."""',
            "self._path.read_text().splitlines()[1]",
            {"needs_no_utterances"},
        ),
        (MADE, f"{MADE}\n        self._path.touch(exist_ok=False)", {"goes_on_with_a_resumed_run"}),
        ("rows = [(", "values.pop('loss', 0)\n        rows = [(", {"leaves_its_input_alone"}),
        (WRITTEN, f"{WRITTEN}\n        print(step)", {"prints_nothing"}),
        (WRITTEN, f"{WRITTEN}\n        __import__('os').write(1, b'a row')", {"prints_nothing"}),
        (MADE, f"{MADE}\n        __import__('os').chdir('..')", {"leaves_the_process_alone"}),
        (
            MADE,
            f"{MADE}\n        t = __import__('threading')\n        t.Timer(4, print).start()",
            {"lets_the_process_end"},
        ),
        ('run.folder / "trackers"', 'run.folder.parent / "them"', {"writes_into_the_run_folder"}),
        (
            MADE,
            f"{MADE}\n        (run.folder / 'config.yaml').write_text('')",
            {"writes_into_the_run_folder"},
        ),
        (
            MADE,
            f"{MADE}\n        __import__('sqlite3').connect(run.folder.parent / 'x.db').close()",
            {"writes_into_the_run_folder"},
        ),
    ],
)
def test_trackers(broken_rules, old, new, expected):
    assert expected <= broken_rules("tracker", "tracker.py", old, new)
