"""Parts of a run done where its data was never read: what comes back is the same."""

import json
import pickle
from collections.abc import Iterator
from contextlib import ExitStack
from typing import ClassVar

import pytest
from attrs import evolve
from safetensors.torch import save

from audioforge import AudioRAFTConfig, AudioRAFTTrainer
from audioforge.errors import CheckpointError
from audioforge.executor import Batches, BatchJob, Executor, Outline, Result, WholeJob
from audioforge.inference.own_executor import ProcessesExecutor
from audioforge.judging.verification import verifier_context
from audioforge.plugins import discover
from audioforge.run import prepare
from audioforge.run.outline import outline_of
from audioforge.run.workplace import RunWorkplace, Weights
from audioforge_demo import assets

RECIPE = {
    "num_cycles": 2,
    "steps_per_cycle": 2,
    "limit": 24,
    "batch_size": 4,
    "samples_per_prompt": 2,
    "verifier": ["wer", "length:low=1,high=40"],
    "normalizer": "whisper-english",
    "device": "cpu",
    "min_kept": 0,
    "reward_threshold": 0.0,
}


BYTES_A_CLIP = 4000
"""What is sampled of a clip; its sound alone has 30,000 and more."""


def sent(value):
    """A value as it arrives in another process."""
    return pickle.loads(pickle.dumps(value))  # noqa: S301 (our own)


def workplace(job: BatchJob | WholeJob, listener=None) -> RunWorkplace:
    outline = evolve(job.outline, corpus=())
    executor = ProcessesExecutor()
    executor.join("cpu", "float32")
    return RunWorkplace(
        evolve(sent(outline), corpus=job.outline.corpus), executor, listener=listener
    )


class Elsewhere(ProcessesExecutor):
    """Does nothing where the run is: everything goes away and comes back as pickled values."""

    kinds: ClassVar[list[str]] = []

    def share(self, job: BatchJob[Result], batches: Batches) -> Iterator[Result]:
        place, order = workplace(job), sent(job.order())
        place.hold(sent(Weights.of(job.adapter)))
        self.kinds.append(type(order).__name__)
        for batch in reversed(list(batches)):  # in any order
            yield from map(sent, order.at(place).do(sent([batch])))

    def together(self, job: WholeJob) -> None:
        order = sent(job.order())
        elsewhere = order.at(workplace(job))
        elsewhere.recall()
        elsewhere.do()
        job.recall()
        self.kinds.append(type(order).__name__)


class Apart(Elsewhere):
    """Samples in one place and scores in another, without the sound of clips in between."""

    def share(self, job: BatchJob[Result], batches: Batches) -> Iterator[Result]:
        halves = job.halves()
        if halves is None:
            yield from job.do(batches)
            return
        first, second = workplace(job), workplace(job)
        first.hold(sent(Weights.of(job.adapter)))
        sampling, scoring = sent(halves.first).at(first), sent(halves.second).at(second)
        for batch in batches:
            half_done = pickle.dumps(sampling.do(sent(batch)))
            assert len(half_done) < BYTES_A_CLIP * len(batch)
            yield sent(scoring.do(pickle.loads(half_done)))  # noqa: S301 (our own)
        assert second._adapter is None

    def together(self, job: WholeJob) -> None:
        job.do()


def train(tmp_path, name, executor: type[Executor] | None, **settings):
    config = AudioRAFTConfig(
        model_name=str(assets.model()), output_dir=tmp_path / name, **(RECIPE | settings)
    )
    with ExitStack() as stack:
        if executor is not None:
            patch = stack.enter_context(pytest.MonkeyPatch.context())
            create = prepare.create_executor

            def created(registry, config):
                made = create(registry, config)
                made._executor = executor()
                made._executor.join(config.device, config.dtype)
                return made

            patch.setattr(prepare, "create_executor", created)
        AudioRAFTTrainer(config).train("demo")
    return tmp_path / name


def lines(folder, pattern):
    """What rollouts and predictions say, whoever wrote them and in whichever order."""
    found = [
        json.loads(line) for path in folder.glob(pattern) for line in path.read_text().splitlines()
    ]
    return sorted(found, key=lambda line: line["id"])


@pytest.mark.parametrize("trainable", ["full", "lora"])
def test_a_run_of_which_every_part_is_done_elsewhere_is_the_same(tmp_path, trainable):
    settings = {"trainable": trainable, "learning_rate": 1e-3}
    here = train(tmp_path, "here", None, **settings)
    Elsewhere.kinds.clear()
    there = train(tmp_path, "there", Elsewhere, **settings)
    assert {"RolloutOrder", "EvaluationOrder", "UpdateOrder"} == {*Elsewhere.kinds}
    for cycle in (1, 2):
        rollouts = f"cycle-{cycle:02d}/rollouts-*.jsonl"
        assert lines(here, rollouts) == lines(there, rollouts) != []
    losses = [json.loads((f / "cycle-02/metrics.json").read_text()) for f in (here, there)]
    assert losses[0]["loss"] == losses[1]["loss"]
    assert lines(here, "*predictions.jsonl") == lines(there, "*predictions.jsonl") != []


def test_what_is_scored_where_no_model_is_comes_out_the_same(tmp_path):
    noise = {"name": "noise", "folder": str(assets.model().parent), "probability": 0.5}
    settings = {"num_cycles": 1, "limit": 12, "augment": [noise]}
    here, apart = (train(tmp_path, n, e, **settings) for n, e in (("here", None), ("apart", Apart)))
    written = [lines(folder, "cycle-01/rollouts-*.jsonl") for folder in (here, apart)]
    for line in (line for rollouts in written for line in rollouts):
        for hypothesis in line["hypotheses"]:
            hypothesis["logprob"] = round(hypothesis["logprob"], 4)
    assert written[0] == written[1] != []
    probed = [json.loads((f / "summary.json").read_text())["learnability"] for f in (here, apart)]
    assert probed[0] == probed[1]


def test_weights_of_another_model_are_refused():
    executor = ProcessesExecutor()
    executor.join("cpu", "float32")
    settings = AudioRAFTConfig(model_name=str(assets.model())).as_mapping()
    place = RunWorkplace(Outline(settings=settings), executor)
    weights = Weights.of(place.adapter)
    place.hold(weights)
    name = next(iter(dict(place.adapter.module.named_parameters())))
    other = save({name: dict(place.adapter.module.named_parameters())[name].detach()})
    with pytest.raises(CheckpointError, match="of another model"):
        place.hold(Weights(fingerprint="other", content=other))


IDEA = """
from audioforge.hookspecs import hookimpl
from audioforge.specs import VerifierSpec
AUDIOFORGE_API = 4

@hookimpl
def register_verifiers():
    made = f"{__name__}:Idea"
    return [VerifierSpec(name="idea", summary="An idea", factory=made, tasks=("asr",))]
"""


def test_plugins_that_are_files_are_known_there_too(tmp_path):
    file = tmp_path / "idea.py"
    file.write_text(IDEA)
    registry = discover(files=[file])
    config = AudioRAFTConfig(model_name=str(assets.model()))
    context = verifier_context(registry, "asr", "none", 0.5, "cpu", ())
    outline = outline_of(registry, config, None, context)
    executor = ProcessesExecutor()
    executor.join("cpu", "float32")
    there = RunWorkplace(sent(evolve(outline, corpus=())), executor)
    assert "idea" in there.registry.names("verifiers")
