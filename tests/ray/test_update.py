"""The update by workers of a cluster: equal to one of this process, whatever happens to them."""

import json
import os
import signal

import psutil
import pytest
import torch
from safetensors.torch import load_file

from audioforge import AudioRAFTConfig, AudioRAFTTrainer
from audioforge.errors import TrainingError
from audioforge.inference.own_executor import ProcessesExecutor
from audioforge.inference.stop import Interrupted
from audioforge.run import prepare
from audioforge.run.run_files import RunFiles
from audioforge_demo import assets
from audioforge_ray.cluster import connect
from audioforge_ray.options import RayOptions
from audioforge_ray.travel import Dispatch
from audioforge_ray.update import run_update
from audioforge_ray.update_group import resources_of

STEPS = 30
"""So many that they are not over before a worker is killed that the run has heard of."""
RECIPE = {
    "num_cycles": 1,
    "steps_per_cycle": STEPS,
    "limit": 24,
    "batch_size": 4,
    "samples_per_prompt": 2,
    "normalizer": "whisper-english",
    "device": "cpu",
    "dtype": "float32",
    "min_kept": 0,
    "reward_threshold": 0.0,
    "learning_rate": 1e-3,
    "save_every": 0.0,  # after every step
}


def test_a_worker_takes_up_whole_gpus():
    assert resources_of(RayOptions(gpus_per_worker=0.25)) == {"CPU": 1.0, "GPU": 1.0}
    assert resources_of(RayOptions(cpus_per_worker=0, gpus_per_worker=0)) == {"CPU": 0.01}


class UpdatesElsewhere(ProcessesExecutor):
    """Samples and measures here, and has a cluster do the updates."""

    workers: int
    dispatch: Dispatch

    def together(self, job):
        run_update(job, self.dispatch, RayOptions(update_workers=self.workers))


@pytest.fixture(scope="module")
def dispatch():
    cluster, dispatch = connect(RayOptions()), Dispatch()
    yield dispatch
    dispatch.close()
    cluster.close()


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """The same run without a cluster."""
    return train(tmp_path_factory.mktemp("runs") / "here")


def train(folder, dispatch=None, workers=1, **settings):
    """Train, with updates by so many workers of a cluster, or in this process."""
    with pytest.MonkeyPatch.context() as patch:
        create = prepare.create_executor

        def created(registry, config):
            made = create(registry, config)
            if dispatch is not None:
                made._executor = UpdatesElsewhere()
                made._executor.workers, made._executor.dispatch = workers, dispatch
                made._executor.join(config.device, config.dtype)
            return made

        patch.setattr(prepare, "create_executor", created)
        if (folder / "config.yaml").exists():
            AudioRAFTTrainer.resume(folder).train()
        else:
            recipe = RECIPE | settings
            config = AudioRAFTConfig(model_name=str(assets.model()), output_dir=folder, **recipe)
            AudioRAFTTrainer(config).train("demo")
    return folder


def steps(folder):
    return [json.loads(line) for line in (folder / "cycle-01/steps.jsonl").read_text().splitlines()]


def assert_equal(folder, other):
    """Every step was told once, in order, and came to the same but for rounding."""
    assert [step["step"] for step in steps(folder)] == [*range(1, STEPS + 1)]
    for one, two in zip(steps(folder), steps(other), strict=True):
        assert one == pytest.approx(two, rel=1e-3)
    weights, others = (
        load_file(next((f / "cycle-01/checkpoint").glob("*.safetensors"))) for f in (folder, other)
    )
    for name, weight in weights.items():
        torch.testing.assert_close(weight, others[name], rtol=1e-3, atol=1e-4)


@pytest.fixture
def at_step_2(monkeypatch):
    """Have something done when the run hears of its second step, once."""

    def set_up(do):
        stepped, done = RunFiles.stepped, []

        def and_then(self, step):
            stepped(self, step)
            if step.number == 2 and not done:
                done.append(step)
                do()

        monkeypatch.setattr(RunFiles, "stepped", and_then)

    return set_up


@pytest.mark.soak
@pytest.mark.parametrize("workers", [1, 2])
def test_the_same_comes_out(tmp_path, dispatch, here, workers):
    assert_equal(train(tmp_path / "there", dispatch, workers), here)


@pytest.mark.soak
@pytest.mark.parametrize(("workers", "called"), [(1, "ray::work"), (2, "ray::RayTrainWorker")])
def test_workers_that_are_killed_are_replaced(
    tmp_path, dispatch, here, at_step_2, capsys, workers, called
):
    def kill():
        own = psutil.Process().children(recursive=True)
        found = [p for p in own if "".join(p.cmdline()).startswith(called)]
        assert len(found) == workers
        found[-1].kill()

    at_step_2(kill)
    assert_equal(train(tmp_path / "there", dispatch, workers), here)
    said = " ".join(capsys.readouterr().err.split())
    assert "lost of the update's workers" in said
    assert "restart 1 of 3 without progress" in said


@pytest.mark.soak
def test_a_run_that_is_asked_to_stop_goes_on_later(tmp_path, dispatch, here, at_step_2):
    at_step_2(lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(Interrupted, match="SIGTERM") as stopped:
        train(tmp_path / "there", dispatch, 2)
    assert stopped.value.exit_code == 143
    done = len(steps(tmp_path / "there"))
    assert 2 <= done < STEPS
    assert_equal(train(tmp_path / "there", dispatch, 1), here)


@pytest.mark.soak
@pytest.mark.parametrize("workers", [1, 2])
def test_an_update_that_breaks_the_model_says_so_as_it_does_here(tmp_path, dispatch, workers):
    said = []
    for folder, there in ((tmp_path / "here", None), (tmp_path / "there", dispatch)):
        with pytest.raises(TrainingError, match="after it") as broken:
            train(folder, there, workers, learning_rate=1e38)
        said.append(str(broken.value).partition("(")[0])
    assert said[0] == said[1]
