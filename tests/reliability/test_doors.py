"""Selections, trackers and executors of third parties, in runs that train."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from audioforge import AudioRAFTConfig, AudioRAFTTrainer
from audioforge.errors import ConfigError, PluginError, TrainingError
from audioforge.plugins import Registry, discover
from audioforge.run.folder import RunFolder
from audioforge.run.rollout_store import RolloutStore
from audioforge.terminal.reporter import Reporter

from .tone_run import STEPS, Fork, K, read_lines, results, settings, train

DOORS = """
import json
import random
import sys
from pathlib import Path

from attrs import frozen

from audioforge.hookspecs import hookimpl
from audioforge.inference.own_executor import ProcessesExecutor
from audioforge.sample import AudioSample, Hypothesis
from audioforge.selection import Kept, Selected, Selection
from audioforge.specs import ExecutorSpec, SelectionSpec, TrackerSpec
from audioforge.tracker import Tracker

AUDIOFORGE_API = 2


@frozen
class HalfOptions:
    share: float = 0.5


class Half(Selection):
    '''Every hypothesis with a reward, the better ones more.'''

    def __init__(self, share=0.5):
        self.share = share

    def select(self, rollouts, context):
        kept = []
        for rollout in rollouts:
            for scored in rollout.hypotheses:
                if scored.reward is not None:
                    weight = 1.0 if scored.reward > context.threshold else self.share
                    kept.append(Kept(rollout.sample, scored.hypothesis, weight))
        return Selected(kept[::-1], divisor="clips")


class Careless(Selection):
    def select(self, rollouts, context):
        return {
            "raises": lambda: 1 / 0,
            "stranger": lambda: Selected(
                [Kept(AudioSample("who"), next(rollouts).hypotheses[0].hypothesis)]
            ),
            "negative": lambda: Selected(
                [Kept(r.sample, r.hypotheses[0].hypothesis, -1.0) for r in rollouts]
            ),
            "divisor": lambda: Selected(
                [Kept(r.sample, r.hypotheses[0].hypothesis) for r in rollouts], "tokens"
            ),
            "lazy": lambda: Selected(
                [Kept(r.sample, r.hypotheses[0].hypothesis) for r in [next(rollouts)]]
            ),
            "invents": lambda: Selected(
                [Kept(r.sample, Hypothesis(7, text="high")) for r in rollouts]
            ),
            "quotes": lambda: Selected([Kept(r.sample, r.sample.reference) for r in rollouts]),
            "nobody": lambda: Selected([Kept(None, r.hypotheses[0].hypothesis) for r in rollouts]),
            "exits": lambda: sys.exit(3),
            "text": lambda: Selected(
                [Kept(r.sample, r.hypotheses[0].hypothesis, "much") for r in rollouts]
            ),
            "nothing": lambda: Selected(()),
            "weightless": lambda: Selected(
                [Kept(r.sample, r.hypotheses[0].hypothesis, 0.0) for r in rollouts]
            ),
            "again": lambda: Selected(
                [Kept(r.sample, r.hypotheses[0].hypothesis) for r in rollouts for _ in range(2)]
            ),
            "changes": lambda: Selected([self._changed(r) for r in rollouts]),
            "draws": lambda: Selected(
                (Kept(r.sample, random.choice(r.hypotheses).hypothesis) for r in rollouts)
            ),
        }[self.how]()

    def _changed(self, rollout):
        kept = Kept(rollout.sample, rollout.hypotheses[0].hypothesis)
        for scored in rollout.hypotheses:
            scored.reward = 1.0
            scored.scores.clear()
        del rollout.hypotheses[1:]
        return kept

    def __init__(self, how):
        self.how = how


@frozen
class CarelessOptions:
    how: str


@frozen
class LogOptions:
    path: Path
    fails: str = ""


class Log(Tracker):
    def __init__(self, path, fails=""):
        if fails == "creation":
            raise RuntimeError("no key for the server")
        self.path, self.fails = path, fails

    def _write(self, what, **values):
        if what == self.fails:
            raise RuntimeError("the server is gone")
        with self.path.open("a") as file:
            file.write(json.dumps({"what": what, **values}) + "\\n")

    def start(self, run):
        with self.path.with_name("drawn").open("a") as file:
            file.write(f"{random.random()}\\n")
        self._write("start", folder=str(run.folder), seed=run.settings["seed"], resumes=run.resumes)

    def metrics(self, step, values):
        self._write("metrics", step=step, values=dict(values))

    def utterances(self, cycle, rows):
        self._write("utterances", cycle=cycle, ids=[row["id"] for row in rows])

    def finish(self):
        self._write("finish")


class Backwards(ProcessesExecutor):
    '''Does the batches in another order than they are asked for.'''

    def share(self, job, batches):
        return super().share(job, batches[::-1])


class Careful(ProcessesExecutor):
    def __init__(self, how):
        super().__init__()
        self.how = how

    def join(self, device, dtype):
        if self.how == "cannot join":
            raise ValueError("no such cluster")
        super().join(device, dtype)

    def together(self, job):
        if self.how == "fails together":
            raise LookupError("a worker is gone")
        if self.how != "does nothing":
            super().together(job)

    def share(self, job, batches):
        if self.how == "exits":
            sys.exit(0)
        is_rollout = "cycle" in dir(job)
        if self.how == "twice":
            batches = [*batches, *batches[:1]]
        if self.how == "loses" and is_rollout or self.how == "loses held out" and not is_rollout:
            batches = batches[1:]
        return super().share(job, batches)

    def close(self):
        raise RuntimeError("the cluster does not answer")


@frozen
class CarefulOptions:
    how: str


@hookimpl
def register_selections():
    return [
        SelectionSpec(name="half", summary="All.", factory=f"{__name__}:Half",
                      options=f"{__name__}:HalfOptions"),
        SelectionSpec(name="careless", summary="Wrong.", factory=f"{__name__}:Careless",
                      options=f"{__name__}:CarelessOptions"),
    ]


@hookimpl
def register_trackers():
    return [TrackerSpec(name="log", summary="A file.", factory=f"{__name__}:Log",
                        options=f"{__name__}:LogOptions")]


@hookimpl
def register_executors():
    return [ExecutorSpec(name="backwards", summary="The last first.",
                         factory=f"{__name__}:Backwards"),
            ExecutorSpec(name="careful", summary="Not so.", factory=f"{__name__}:Careful",
                         options=f"{__name__}:CarefulOptions")]
"""


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("doors") / "doors.py"
    path.write_text(DOORS)
    return path


@pytest.fixture
def registry(plugin: Path, inputs: Path) -> Registry:
    return discover(files=[plugin])


def run(output: Path, recipe: dict[str, Any], registry: Registry) -> dict[str, Any]:
    config = AudioRAFTConfig.from_mapping({**recipe, "output_dir": output})
    return AudioRAFTTrainer(config, registry, Reporter(quiet=True)).train().as_mapping()


def test_a_selection_of_weights_keeps_several_hypotheses_of_a_clip(
    inputs: Path, registry: Registry, tmp_path: Path
) -> None:
    recipe = settings(inputs, selection="half:share=0.25", num_cycles=1)
    summary = run(tmp_path / "run", recipe, registry)
    rollouts = read_lines(tmp_path / "run/cycle-01/rollouts-00000.jsonl")
    assert summary["cycles"][0]["kept"] == K * len(rollouts)
    assert all(h["kept"] for line in rollouts for h in line["hypotheses"])
    assert summary["selection"] == "half:share=0.25"


@pytest.mark.sweep(4)
@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("raises", "the selection 'careless' failed: ZeroDivisionError"),
        ("stranger", "kept 'who', which is not in the rollouts"),
        ("negative", "a weight that is no number from 0"),
        ("divisor", "the divisor 'tokens', not one of weight, clips"),
        ("invents", "kept hypothesis 7 of 'train/.*', which has none"),
        ("quotes", "which is no hypothesis: no text"),
        ("nobody", "kept None, which is no sample"),
        ("exits", "the selection 'careless' failed: SystemExit"),
        ("text", "the selection 'careless' failed: TypeError"),
        ("weightless", "the selection 'careless' gave all that it kept the weight 0"),
        ("again", "kept hypothesis 0 of 'train/.*' more than once"),
    ],
)
def test_what_a_selection_does_wrong_is_named(
    inputs: Path, registry: Registry, tmp_path: Path, how: str, said: str
) -> None:
    with pytest.raises(PluginError, match=said):
        run(tmp_path / "run", settings(inputs, selection=f"careless:how={how}"), registry)


def test_a_selection_that_keeps_nothing_is_not_told_to_lower_the_threshold(
    inputs: Path, registry: Registry, tmp_path: Path
) -> None:
    recipe = settings(inputs, selection="careless:how=nothing")
    with pytest.raises(TrainingError) as raised:
        run(tmp_path / "run", recipe, registry)
    said = str(raised.value)
    assert "the selection 'careless' kept none" in said
    assert "Lower" not in said


def test_a_selection_that_does_not_look_at_all_rollouts_changes_no_figure(
    inputs: Path, registry: Registry, tmp_path: Path
) -> None:
    recipe = settings(inputs, num_cycles=1, steps_per_cycle=1)
    lazy = run(tmp_path / "lazy", {**recipe, "selection": "careless:how=lazy"}, registry)
    best = run(tmp_path / "best", recipe, registry)
    for key in ("reward", "reward_std", "hypotheses", "unscored"):
        assert lazy["cycles"][0][key] == best["cycles"][0][key]
    assert lazy["learnability"] == best["learnability"]


def test_what_a_selection_does_to_rollouts_changes_no_figure(
    inputs: Path, registry: Registry, tmp_path: Path
) -> None:
    recipe = settings(inputs, num_cycles=1, steps_per_cycle=1)
    best = run(tmp_path / "best", recipe, registry)
    changed = run(tmp_path / "run", {**recipe, "selection": "careless:how=changes"}, registry)
    assert changed["learnability"] == best["learnability"]
    assert changed["cycles"][0]["reward"] == best["cycles"][0]["reward"]


@pytest.mark.soak
def test_a_selection_that_draws_from_the_global_generator_draws_by_seed_and_cycle(
    inputs: Path, registry: Registry, tmp_path: Path
) -> None:
    recipe = settings(inputs, selection="careless:how=draws", steps_per_cycle=1)
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        run(tmp_path / name, {**recipe, "seed": seed}, registry)
    drawn = {
        (name, cycle): [
            [h["kept"] for h in line["hypotheses"]]
            for line in read_lines(tmp_path / name / f"cycle-0{cycle}/rollouts-00000.jsonl")
        ]
        for name in "abc"
        for cycle in (1, 2)
    }
    assert drawn["a", 1] == drawn["b", 1]
    assert drawn["a", 2] == drawn["b", 2]
    assert drawn["a", 1] != drawn["a", 2]
    assert drawn["a", 1] != drawn["c", 1]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"selection": "worst"}, "no selection is called 'worst'"),
        ({"selection": "half:shares=1"}, "selection: .*shares"),
        ({"log_with": ["nowhere"]}, "no tracker is called 'nowhere'"),
        ({"log_with": [{"path": "x"}]}, r"log_with\[0\]: .* has no name"),
        ({"selection": {"how": "x"}}, r"selection: .* has no name"),
        ({"executor": "elsewhere"}, "no executor is called 'elsewhere'"),
        ({"samples_per_prompt": 1}, "samples_per_prompt: .*use 2 or more"),
    ],
)
def test_what_is_not_there_is_said_before_anything_is_read(
    inputs: Path, registry: Registry, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        run(tmp_path / "run", settings(inputs, **changes), registry)
    assert not (tmp_path / "run").exists()


def test_every_step_is_written_down(whole: Path) -> None:
    steps = read_lines(whole / "cycle-02/steps.jsonl")
    metrics = json.loads((whole / "cycle-02/metrics.json").read_text())
    assert [line["step"] for line in steps] == list(range(1, STEPS + 1))
    losses = [line["loss"] for line in steps]
    assert (losses[0], losses[-1]) == (metrics["first_loss"], metrics["last_loss"])
    assert sum(losses) / STEPS == pytest.approx(metrics["loss"])
    assert {line["learning_rate"] for line in steps} == {metrics["learning_rate"]}


def test_steps_that_are_done_again_are_written_once(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for first in (4, 7):  # the lines of 1 to 3 are lost: the power went, or an older version wrote
        folder.begin_steps(1, done=first - 1)
        for step in range(first, 10):
            folder.write_step(1, {"step": step})
    lines = read_lines(tmp_path / "cycle-01/steps.jsonl")
    assert [line["step"] for line in lines] == list(range(4, 10))


def test_a_tracker_hears_what_the_files_say(
    inputs: Path, whole: Path, registry: Registry, tmp_path: Path
) -> None:
    log = tmp_path / "log.jsonl"
    run(tmp_path / "run", settings(inputs, log_with=[f"log:path={log}"]), registry)
    assert results(tmp_path / "run") == results(whole), "who listens changes nothing"
    heard = read_lines(log)
    assert heard[0] == {
        "what": "start",
        "folder": str(tmp_path / "run"),
        "seed": 0,
        "resumes": False,
    }
    assert heard[-1] == {"what": "finish"}
    metrics = [line for line in heard if line["what"] == "metrics"]
    steps = [(m["step"], m["values"]["loss"]) for m in metrics if "loss" in m["values"]]
    written = [
        line["loss"] for c in (1, 2) for line in read_lines(whole / f"cycle-0{c}/steps.jsonl")
    ]
    assert steps == list(enumerate(written, start=1))
    cycles = [(m["step"], m["values"]) for m in metrics if "cycle" in m["values"]]
    assert [step for step, _ in cycles] == [0, STEPS, 2 * STEPS]
    last = json.loads((whole / "cycle-02/metrics.json").read_text())
    values = cycles[-1][1]
    assert (values["cycle"], values["kept"]) == (2, last["kept"])
    assert (values["eval_wer"], values["eval_cer"]) == (last["wer"], last["cer"])
    assert values["reward"] == last["reward"]
    assert values["rewards/wer/std"] == last["rewards"]["wer"]["std"] > 0
    assert values["completions/max_length"] == last["lengths"]["max"]
    assert values["completions/clipped_ratio"] == last["hypotheses_cut"] / last["hypotheses"]
    shown = [line for line in heard if line["what"] == "utterances"]
    assert [line["cycle"] for line in shown] == [0, 1, 2]
    ids = [line["id"] for line in read_lines(whole / "cycle-01/predictions.jsonl")]
    assert shown[1]["ids"] == ids


@pytest.mark.sweep(4)
@pytest.mark.parametrize("fails", ["start", "metrics", "utterances", "finish"])
def test_a_tracker_that_fails_ends_alone(
    inputs: Path,
    whole: Path,
    registry: Registry,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    fails: str,
) -> None:
    logs = [tmp_path / "broken.jsonl", tmp_path / "well.jsonl"]
    trackers = [f"log:path={logs[0]},fails={fails}", f"log:path={logs[1]}"]
    run(tmp_path / "run", settings(inputs, log_with=trackers), registry)
    assert results(tmp_path / "run") == results(whole)
    said = " ".join(capsys.readouterr().err.split())
    assert said.count(f"the tracker 'log' failed at {fails}: RuntimeError") == 1
    assert "the server is gone" in said
    assert read_lines(logs[1])[-1] == {"what": "finish"}


def test_a_tracker_that_cannot_be_created_is_said_before_anything_is_written(
    inputs: Path, plugin: Path, registry: Registry, tmp_path: Path
) -> None:
    recipe = settings(inputs, log_with=[f"log:path={tmp_path / 'log'},fails=creation"])
    with pytest.raises(PluginError, match=r"no key for the server.*goes without any"):
        run(tmp_path / "run", recipe, registry)
    assert not (tmp_path / "run").exists()
    config = AudioRAFTConfig.from_mapping({**recipe, "output_dir": tmp_path / "run"})
    with pytest.raises(PluginError, match="no key for the server"):
        AudioRAFTTrainer(config, registry, Reporter(quiet=True)).prepare()


def test_a_run_goes_on_without_its_tracker(
    inputs: Path, whole: Path, plugin: Path, registry: Registry, tmp_path: Path
) -> None:
    recipe = settings(inputs, log_with=[f"log:path={tmp_path / 'log'}"])
    assert Fork(_killed_after_a_save, plugin, tmp_path / "run", recipe).end() == 9
    heard = (tmp_path / "log").read_text()
    AudioRAFTTrainer.resume(tmp_path / "run", registry, Reporter(quiet=True), log_with="").train()
    assert results(tmp_path / "run") == results(whole)
    assert (tmp_path / "log").read_text() == heard


def test_no_two_runs_draw_the_same_for_their_trackers(
    inputs: Path, registry: Registry, tmp_path: Path
) -> None:
    """What is drawn may become the name of a run elsewhere."""
    recipe = settings(inputs, num_cycles=1, steps_per_cycle=1)
    recipe["log_with"] = [f"log:path={tmp_path / 'log.jsonl'}"]
    for name in ("one", "two"):
        run(tmp_path / name, recipe, registry)
    drawn = (tmp_path / "drawn").read_text().split()
    assert len(set(drawn)) == len(drawn) == 2


def test_a_tracker_hears_all_of_a_run_that_was_killed(
    inputs: Path, whole: Path, plugin: Path, registry: Registry, tmp_path: Path
) -> None:
    log = tmp_path / "log.jsonl"
    recipe = settings(inputs, log_with=[f"log:path={log}"])
    assert Fork(_killed_after_a_save, plugin, tmp_path / "run", recipe).end() == 9
    before = read_lines(log)
    assert {"what": "finish"} not in before
    trainer = AudioRAFTTrainer.resume(tmp_path / "run", registry, Reporter(quiet=True))
    trainer.train()
    assert results(tmp_path / "run") == results(whole)
    again = read_lines(log)[len(before) :]
    assert again[0]["resumes"] is True
    by_step: dict[tuple[int, bool], Any] = {}
    for line in [*before, *again]:
        if line["what"] == "metrics":
            key = (line["step"], "loss" in line["values"])
            assert by_step.setdefault(key, line["values"]) == line["values"]
    assert len(by_step) == 2 * STEPS + 3, "each step and each cycle was heard"


def test_tensorboard_has_every_point_of_a_run_that_was_killed_once(
    inputs: Path, whole: Path, plugin: Path, registry: Registry, tmp_path: Path
) -> None:
    reader = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason="needs tensorboard: python -m pip install 'audioforge[tensorboard]'",
    )
    recipe = settings(inputs, log_with=["tensorboard:utterances=3,sound=2"])
    assert Fork(_killed_after_a_save, plugin, tmp_path / "run", recipe).end() == 9
    AudioRAFTTrainer.resume(tmp_path / "run", registry, Reporter(quiet=True)).train()
    found = results(tmp_path / "run")
    assert {k: v for k, v in found.items() if not k.startswith("trackers/")} == results(whole)
    events = reader.EventAccumulator(
        str(tmp_path / "run/trackers/tensorboard"), {"scalars": 0, "tensors": 0, "audio": 0}
    ).Reload()
    # Files of one second are read in the order of their processes.
    assert sorted(e.step for e in events.Scalars("loss")) == list(range(1, 2 * STEPS + 1))
    assert sorted(e.step for e in events.Scalars("eval_wer")) == [0, STEPS, 2 * STEPS]
    assert sorted(e.step for e in events.Scalars("rewards/wer/mean")) == [STEPS, 2 * STEPS]
    assert sorted(e.step for e in events.Tensors("completions/text_summary")) == [STEPS, 2 * STEPS]
    assert len(events.Tags()["audio"]) == 2


def _killed_after_a_save(plugin: Path, output: Path, recipe: dict[str, Any]) -> None:
    """Train until the second step of the second cycle is saved, and die."""
    import os

    from audioforge.run.resume_points import ResumePoints

    save = ResumePoints.save

    def save_and_die(self: ResumePoints, progress: Any, *rest: Any) -> None:
        save(self, progress, *rest)
        if (progress.cycle, progress.steps) == (2, 2):
            os._exit(9)

    ResumePoints.save = save_and_die  # type: ignore[method-assign]
    run(output, recipe, discover(files=[plugin]))
    sys.exit(0)


def test_an_executor_may_do_the_work_in_any_order(
    inputs: Path, whole: Path, registry: Registry, tmp_path: Path
) -> None:
    run(tmp_path / "run", settings(inputs, executor="backwards"), registry)
    assert results(tmp_path / "run") == results(whole)


def test_a_batch_that_comes_back_twice_counts_once(
    inputs: Path,
    whole: Path,
    registry: Registry,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(tmp_path / "run", settings(inputs, executor="careful:how=twice"), registry)
    assert results(tmp_path / "run") == results(whole)
    said = " ".join(capsys.readouterr().err.split())
    assert "Warning: the executor 'careful' failed at close: RuntimeError: the cluster" in said


@pytest.mark.sweep(4)
@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("loses", "cycle 1: of 21 clips that were asked for 4 did not come back, such as 'train/"),
        ("loses held out", "heldout.jsonl: of 21 clips .* 4 did not come back, such as 'heldout/"),
    ],
)
def test_what_an_executor_loses_is_named_and_the_run_goes_on_with_another(
    inputs: Path, whole: Path, registry: Registry, tmp_path: Path, how: str, said: str
) -> None:
    with pytest.raises(TrainingError, match=said):
        run(tmp_path / "run", settings(inputs, executor=f"careful:how={how}"), registry)
    trainer = AudioRAFTTrainer.resume(
        tmp_path / "run", registry, Reporter(quiet=True), executor="processes"
    )
    trainer.train()
    assert results(tmp_path / "run") == results(whole)


@pytest.mark.sweep(4)
@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("cannot join", "the executor 'careful' failed at join: ValueError: no such cluster"),
        ("exits", "the executor 'careful' failed at share: SystemExit: 0"),
        ("fails together", "the executor 'careful' failed at together: LookupError"),
        ("does nothing", "cycle 1: the executor came back after 0 steps"),
    ],
)
def test_what_an_executor_does_wrong_is_named(
    inputs: Path, registry: Registry, tmp_path: Path, how: str, said: str
) -> None:
    with pytest.raises((PluginError, TrainingError), match=said):
        run(tmp_path / "run", settings(inputs, executor=f"careful:how={how}"), registry)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The cycles whose rollouts were read from the first to the last, in this order."""
    cycles: list[int] = []
    read = RolloutStore.__iter__

    def read_and_count(self: RolloutStore) -> Iterator[Any]:
        yield from read(self)
        if self.lines.files:
            cycles.append(self.cycle)

    monkeypatch.setattr(RolloutStore, "__iter__", read_and_count)
    return cycles


def test_the_rollouts_of_a_cycle_are_read_once(
    inputs: Path, tmp_path: Path, reads: list[int]
) -> None:
    train(tmp_path / "run", settings(inputs))
    assert reads == [1, 2]
