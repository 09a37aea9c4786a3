"""The contract tests find what is wrong in exporters that are right but for one thing."""

import pytest

COPIED = 'shutil.copyfile(checkpoint / "config.json", folder / "config.json")'


@pytest.mark.sweep(4)
@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("(Exporter):", ":", {"is_an_exporter"}),
        ("files = sorted", "return\n        files = sorted", {"writes_files"}),
        (
            COPIED,
            '(folder / "config.json").symlink_to(checkpoint / "config.json")',
            {"writes_files"},
        ),
        (
            COPIED,
            '(folder / "when").write_text(str(__import__("time").time_ns()))',
            {"is_deterministic"},
        ),
        (COPIED, '(checkpoint / "exported").touch()', {"leaves_the_checkpoint_alone"}),
        (
            COPIED,
            '(folder / "from").write_text(str(checkpoint))',
            {"reads_a_checkpoint_anywhere"},
        ),
        (
            'raise CheckpointError(f"{checkpoint}: has no weights',
            'raise ValueError(f"{checkpoint}: has no weights',
            {"refuses_what_is_no_checkpoint"},
        ),
        (
            "if not files:",
            "if not files:\n            return\n        if files is None:",
            {"refuses_what_is_no_checkpoint"},
        ),
        (COPIED, '(folder.parent / "log").write_text("")', {"writes_only_there"}),
        (COPIED, "print(folder)", {"prints_nothing"}),
        (COPIED, 'np.seterr(all="raise")', {"leaves_the_process_alone"}),
    ],
)
def test_exporters(broken_rules, old, new, expected):
    assert expected <= broken_rules("exporter", "exporter.py", old, new)
