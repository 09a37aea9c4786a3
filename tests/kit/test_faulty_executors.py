"""The contract tests find what is wrong in executors that are right but for one thing."""

import pytest

SHARED = "super().share(job, batches)"
EVOLVED = "__import__('attrs').evolve(job, "
IS_ROLLOUT = "'cycle' in dir(job)"
LET_GO = '"""Create the executor; `join` is what takes processes and devices."""'


@pytest.mark.sweep(4)
@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("(ProcessesExecutor):", ":", {"is_an_executor"}),
        (
            LET_GO,
            "self.close = lambda: self._processes.device",
            {"can_be_closed"},
        ),
        (SHARED, "super().share(job, batches[1:])", {"trains"}),
        (
            SHARED,
            f"super().share({EVOLVED}cycle=3) if {IS_ROLLOUT} else job, batches)",
            {"samples_the_same"},
        ),
        (
            SHARED,
            f"super().share(job if {IS_ROLLOUT} else "
            f"{EVOLVED}adapter=type(job.adapter)()), batches)",
            {"measures_the_same"},
        ),
        (
            LET_GO,
            "self.together = lambda job: __import__('attrs').evolve(job, "
            "selected=type(job.selected)(job.selected.items[1:])).do()",
            {"learns_the_same"},
        ),
        (LET_GO, "print('joined')", {"prints_nothing"}),
        (
            "time.sleep(self._pause)",
            "__import__('os').chdir('..')",
            {"leaves_the_process_alone"},
        ),
    ],
)
def test_executors(broken_rules, old, new, expected):
    assert expected <= broken_rules("executor", "executor.py", old, new)
