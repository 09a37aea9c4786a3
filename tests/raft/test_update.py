"""The update, on a model that really learns."""

import threading
from contextlib import nullcontext
from itertools import chain
from typing import ClassVar

import pytest
import torch

from audioforge.errors import DatasetError, TrainingError
from audioforge.inference.own_executor import ProcessesExecutor
from audioforge.raft.update import report_of, update
from audioforge.run.resume_points import Progress, ResumePoints
from audioforge.sample import AudioSample, Hypothesis
from audioforge.selection import Kept, Selected


@pytest.fixture
def learn(tone_model, engine):
    """`learn(kept, …settings)` gives the report and the model after one update."""

    def _learn(kept, cycle=1, model=None, divisor="weight", **settings):
        adapter, progress = model or tone_model(), Progress(cycle)
        run = engine([item.sample for item in kept], **settings)
        update(run, adapter, Selected(kept, divisor), progress)
        return report_of(progress, run.config.learning_rate_of(cycle)), adapter

    return _learn


def weights(adapter) -> torch.Tensor:
    return torch.cat([p.detach().reshape(-1) for p in adapter.module.parameters()])


def test_the_loss_falls_and_the_report_says_so(learn, tone_clips, references):
    report, adapter = learn(references(tone_clips(32)), epochs_per_cycle=5)
    assert report.steps == 20
    assert report.last_loss < 0.7 * report.first_loss
    assert report.last_loss < report.loss < report.first_loss
    assert report.grad_norm > 0
    assert report.learning_rate == 0.05
    again, _ = learn(references(tone_clips(32)), model=adapter, cycle=2)
    assert again.first_loss < report.first_loss


def test_the_learning_rate_is_the_cycles(learn, tone_clips, references):
    kept = references(tone_clips(8))
    rates = [learn(kept, cycle, lr_decay_per_cycle=0.5)[0].learning_rate for cycle in (1, 2, 3)]
    assert rates == pytest.approx([0.05, 0.025, 0.0125])


@pytest.mark.parametrize(("batch", "accumulation"), [(8, 2), (4, 4), (5, 3), (1, 16)])
def test_accumulated_batches_are_one_large_batch(
    learn, tone_clips, references, batch, accumulation
):
    kept = references(tone_clips(40))
    size = batch * accumulation
    whole, expected = learn(kept, batch_size=size)
    parts, adapter = learn(kept, batch_size=batch, gradient_accumulation_steps=accumulation)
    torch.testing.assert_close(weights(adapter), weights(expected), rtol=0, atol=1e-5)
    assert parts.steps == whole.steps == -(-40 // size)
    assert parts.loss == pytest.approx(whole.loss, rel=1e-5)


def test_one_seed_gives_one_update_and_another_another(learn, tone_clips, references):
    kept = references(tone_clips(24))
    first, again, other, later = (
        weights(learn(kept, cycle, seed=seed)[1])
        for seed, cycle in ((0, 1), (0, 1), (1, 1), (0, 2))
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not torch.equal(first, later)


def test_a_weight_of_two_is_like_being_there_twice(learn, tone_clips):
    """One step of plain gradient direction: AdamW's first step is scale-free, so use the loss."""
    a, b = (Kept(s, Hypothesis(text=s.reference)) for s in tone_clips(2))
    twice = Kept(a.sample, a.target, weight=2.0)
    weighted, one = learn([twice, b], steps_per_cycle=1, batch_size=2)
    repeated, other = learn([a, a, b], steps_per_cycle=1, batch_size=2)  # of two clips
    assert weighted.loss == pytest.approx(repeated.loss, rel=1e-5)
    assert weighted.grad_norm == pytest.approx(repeated.grad_norm, rel=1e-5)
    torch.testing.assert_close(weights(one), weights(other), rtol=0, atol=1e-6)


def test_the_scale_of_all_weights_does_not_matter_and_zero_takes_no_part(learn, tone_clips):
    kept = [Kept(s, Hypothesis(text=s.reference)) for s in tone_clips(4)]
    plain, expected = learn(kept[:3], steps_per_cycle=1, batch_size=3)
    scaled = [Kept(k.sample, k.target, weight=7.0) for k in kept[:3]]
    wrong = Kept(kept[3].sample, Hypothesis(text="low low low low"), weight=0.0)
    report, adapter = learn([*scaled, wrong], steps_per_cycle=1, batch_size=4)
    assert report.loss == pytest.approx(plain.loss, rel=1e-5)
    torch.testing.assert_close(weights(adapter), weights(expected), rtol=0, atol=1e-6)


def test_the_divisor_may_be_the_number_of_clips(learn, tone_clips):
    """Two hypotheses of a clip at half the weight; the sum of a step's weights is 2, of 2 clips."""
    kept = [
        Kept(s, Hypothesis(index, text=s.reference), weight=0.5)
        for s in tone_clips(2)
        for index in (0, 1)
    ]
    by_weight, _ = learn(kept, steps_per_cycle=1, batch_size=2)
    by_clips, _ = learn(kept, divisor="clips", steps_per_cycle=1, batch_size=2)
    assert by_clips.loss == pytest.approx(by_weight.loss, rel=1e-5)
    light = [Kept(k.sample, k.target, weight=0.25) for k in kept]
    halved, _ = learn(light, divisor="clips", steps_per_cycle=1, batch_size=2)
    assert halved.loss == pytest.approx(by_clips.loss / 2, rel=1e-5)
    assert halved.grad_norm == pytest.approx(by_clips.grad_norm / 2, rel=1e-5)


def test_all_that_is_kept_of_a_clip_is_learnt_in_one_step(learn, tone_model, tone_clips):
    steps = []

    class Model(tone_model):
        def loss(self, batch, targets, weights):
            steps.append([identity for identity, _ in batch])
            return super().loss(batch, targets, weights)

    kept = [Kept(s, Hypothesis(i, text=s.reference)) for s in tone_clips(6) for i in range(3)]
    report, _ = learn(kept, model=Model(), batch_size=2)
    assert report.steps == 3
    # Batches hold two clips' worth of memory; a step of two clips and three hypotheses has three.
    by_step = [[*chain.from_iterable(steps[i : i + 3])] for i in range(0, len(steps), 3)]
    assert [len(step) for step in by_step] == [6, 6, 6]
    assert all(step.count(identity) == 3 for step in by_step for identity in step)


@pytest.mark.parametrize(
    ("settings", "steps"),
    [
        ({"batch_size": 8}, 2),
        ({"batch_size": 8, "epochs_per_cycle": 3}, 6),
        ({"batch_size": 8, "gradient_accumulation_steps": 2}, 1),
        ({"batch_size": 64}, 1),
        ({"batch_size": 8, "steps_per_cycle": 5}, 5),
        ({"batch_size": 64, "steps_per_cycle": 3}, 3),
    ],
)
def test_steps_follow_epochs_unless_they_are_set(learn, tone_clips, references, settings, steps):
    assert learn(references(tone_clips(10)), **settings)[0].steps == steps


class Counting:
    """Notes which samples a model was shown, step by step."""

    def __init__(self, tone_model):
        outer = self
        self.shown: list[list[str]] = []

        class Model(tone_model):
            def loss(self, batch, targets, weights):
                outer.shown.append([identity for identity, _ in batch])
                return super().loss(batch, targets, weights)

        self.model = Model()


@pytest.mark.parametrize("settings", [{"epochs_per_cycle": 3}, {"steps_per_cycle": 10}])
def test_everything_kept_is_shown_equally_often(
    learn, tone_model, tone_clips, references, settings
):
    counting = Counting(tone_model)
    learn(references(tone_clips(12)), model=counting.model, batch_size=4, **settings)
    shown = [identity for step in counting.shown for identity in step]
    counts = {shown.count(identity) for identity in shown}
    assert len(set(shown)) == 12
    assert max(counts) - min(counts) <= 1
    assert len({tuple(step) for step in counting.shown}) == len(counting.shown)


class Together:
    """Processes of one program as threads: each its own model, joined where processes join."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.barrier = threading.Barrier(count, timeout=30)
        self.slots = [None] * count

    def exchange(self, rank, value):
        self.slots[rank] = value
        self.barrier.wait()
        values = list(self.slots)
        self.barrier.wait()
        return values

    def process(self, rank):
        together = self

        class Process:
            count = together.count
            device = torch.device("cpu")

            def shard(self, items):
                return list(items[rank :: together.count])

            def gather(self, items):
                return [x for part in together.exchange(rank, items) for x in part]

            def wait(self):
                together.exchange(rank, None)

            def autocast(self):
                return nullcontext()

            def sum_gradients(self, parameters):
                own = [
                    torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in parameters
                ]
                everyone = together.exchange(rank, own)
                for index, parameter in enumerate(parameters):
                    parameter.grad = sum(part[index] for part in everyone)

            def share_buffers(self, module):
                everyone = together.exchange(rank, [b.clone() for b in module.buffers()])
                for buffer, first in zip(module.buffers(), everyone[0], strict=True):
                    buffer.copy_(first)

        process = Process()
        process.rank, process.is_main = rank, rank == 0
        return process


class OneOf(ProcessesExecutor):
    """One of several processes, which are threads here."""

    def __init__(self, process):
        super().__init__()
        self._processes = process


@pytest.mark.parametrize(("count", "clips"), [(2, 16), (3, 7), (4, 5)])
@pytest.mark.parametrize("schedule", [{"epochs_per_cycle": 2}, {"steps_per_cycle": 3}])
def test_any_number_of_processes_does_what_one_does(
    learn, engine, tone_model, tone_clips, references, count, clips, schedule
):
    """Uneven shards, and steps in which some processes have nothing to do, are in here."""
    kept = references(tone_clips(clips))
    settings = {"batch_size": 2, "gradient_accumulation_steps": 2, **schedule}
    alone, expected = learn(kept, **settings)
    together = Together(count)
    models = [tone_model() for _ in range(count)]
    progress = [Progress(1) for _ in range(count)]

    def work(rank):
        run = engine([item.sample for item in kept], OneOf(together.process(rank)), **settings)
        update(run, models[rank], Selected(kept), progress[rank])

    threads = [threading.Thread(target=work, args=(rank,)) for rank in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    reports = [report_of(one, alone.learning_rate) for one in progress]
    assert {r.steps for r in reports} == {alone.steps}
    for model, report in zip(models, reports, strict=True):
        torch.testing.assert_close(weights(model), weights(expected), rtol=0, atol=1e-5)
        assert report.loss == pytest.approx(alone.loss, rel=1e-5)


def broken(tone_model, change):
    class Model(tone_model):
        def loss(self, batch, targets, weights):
            return change(super().loss(batch, targets, weights))

    return Model()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_names_the_samples(
    learn, tone_model, tone_clips, references, value
):
    model = broken(tone_model, lambda loss: loss * value)
    before = weights(model)
    with pytest.raises(TrainingError) as raised:
        learn(references(tone_clips(4)), model=model, batch_size=2)
    message = str(raised.value)
    assert "cycle 1, step 1: loss " in message
    assert sum(f"clip-00{i}" in message for i in range(4)) == 2
    assert "--learning-rate" in message
    assert torch.equal(weights(model), before)


def test_a_gradient_of_zero_is_an_error(learn, tone_model, tone_clips, references):
    model = broken(tone_model, lambda loss: loss * 0 + 3)
    with pytest.raises(TrainingError, match="cycle 1: every gradient is 0"):
        learn(references(tone_clips(4)), model=model)


def test_a_loss_of_zero_is_an_error(learn, tone_model, tone_clips, references):
    model = broken(tone_model, lambda loss: loss - loss.detach())
    with pytest.raises(TrainingError, match="cycle 1: every loss is 0"):
        learn(references(tone_clips(4)), model=model)


@pytest.mark.parametrize("schedule", [{}, {"steps_per_cycle": 2}])
def test_nothing_kept_is_an_error(learn, schedule):
    with pytest.raises(TrainingError, match="cycle 1: nothing was kept"):
        learn([], **schedule)


def test_a_model_of_frozen_weights_is_an_error(learn, tone_model, tone_clips, references):
    model = tone_model()
    model.module.requires_grad_(False)
    with pytest.raises(TrainingError, match="nothing of the model's weights is trainable"):
        learn(references(tone_clips(4)), model=model)


def test_frozen_weights_stay(learn, tone_model, tone_clips, references):
    model = tone_model()
    model.module.bias.requires_grad_(False)
    before = weights(model)
    learn(references(tone_clips(8)), model=model)
    assert torch.equal(weights(model)[-3:], before[-3:])
    assert not torch.equal(weights(model)[:9], before[:9])


def test_what_can_no_longer_be_decoded_is_an_error(learn, tmp_path):
    gone = Kept(AudioSample("gone", tmp_path / "gone.wav"), Hypothesis(text="low"))
    with pytest.raises(DatasetError, match=r"gone .*gone\.wav.*there is no such file"):
        learn([gone])


@pytest.fixture
def batches(tone_model):
    """A model that keeps something of each clip, and notes how many it was shown at once."""

    class Model(tone_model):
        shown: ClassVar[list[int]] = []

        def loss(self, batch, targets, weights):
            self.shown.append(len(batch))
            kept = torch.zeros(len(batch), 1000, requires_grad=True).square().sum()
            return super().loss(batch, targets, weights) + 0 * kept

    return Model


ONE_CLIP = 4 * 1000 + 3000
"""Bytes: what `batches` keeps of a clip, with room for what the tone model does."""


def test_batches_are_what_the_memory_holds(learn, batches, tone_clips, references, monkeypatch):
    kept = references(tone_clips(8))
    whole, expected = learn(kept, model=batches(), steps_per_cycle=2, batch_size=8)
    assert batches.shown == [8, 8]
    monkeypatch.setattr("audioforge.raft.gradients.budget", lambda *_: 2 * ONE_CLIP)
    batches.shown.clear()
    parts, adapter = learn(kept, model=batches(), steps_per_cycle=2, batch_size=8)
    assert batches.shown == [8, 4, *[2] * 8]
    torch.testing.assert_close(weights(adapter), weights(expected), rtol=0, atol=1e-5)
    assert parts.loss == pytest.approx(whole.loss, rel=1e-5)


def test_what_fitted_is_written_down_and_used_again(
    engine, batches, tone_clips, references, monkeypatch
):
    """Whatever memory is free by then: rounding depends on what is learnt from at once."""
    kept = references(tone_clips(8))
    run = engine([item.sample for item in kept], batch_size=8, save_every=60.0)
    monkeypatch.setattr("audioforge.raft.gradients.budget", lambda *_: 2 * ONE_CLIP)
    saved = []
    save = ResumePoints.save
    monkeypatch.setattr(
        ResumePoints,
        "save",
        lambda self, progress, *rest: [
            saved.append((progress.steps, progress.clips_at_once)),
            save(self, progress, *rest),
        ],
    )
    adapter = batches()
    update(run, adapter, Selected(kept), Progress(1))
    assert saved == [(1, 2), (1, 2)]  # when it was found, and at the end
    monkeypatch.setattr("audioforge.raft.gradients.budget", lambda *_: None)
    batches.shown.clear()
    update(run, adapter, Selected(kept), Progress(2))
    assert batches.shown == [2] * 4


def test_a_clip_alone_is_tried_whatever_it_keeps(
    learn, batches, tone_clips, references, monkeypatch
):
    monkeypatch.setattr("audioforge.raft.gradients.budget", lambda *_: 0)
    learn(references(tone_clips(4)), model=batches(), steps_per_cycle=1, batch_size=4)
    assert batches.shown == [4, 2, *[1] * 4]


def test_under_bfloat16_every_batch_of_a_step_adds_its_gradient(
    engine, tone_model, tone_clips, references
):
    """Weights are cast once a step, and all batches go back through the copies."""
    kept = references(tone_clips(8))
    reports = []
    for batch_size in (8, 2):
        executor = ProcessesExecutor()
        executor.join("cpu", "bfloat16")
        size = {"batch_size": batch_size, "gradient_accumulation_steps": 8 // batch_size}
        run = engine([item.sample for item in kept], executor, steps_per_cycle=1, **size)
        reports.append(Progress(1))
        update(run, tone_model(), Selected(kept), reports[-1])
    whole, parts = reports
    assert parts.losses == pytest.approx(whole.losses, rel=1e-2)
    assert parts.norms == pytest.approx(whole.norms, rel=1e-2)
