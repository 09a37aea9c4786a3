"""Evaluating a model: greedy decoding of a dataset, batch by batch, through verifiers."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import attrs
from attrs import define, field, frozen

from audioforge.config import VerifierSetting
from audioforge.errors import DatasetError, TrainingError
from audioforge.executor import Batches, BatchJob, Executor, Order, Outline, Workplace
from audioforge.inference.clips import chunks_of
from audioforge.inference.completeness import check_complete
from audioforge.inference.hypothesis_audio import audio_seconds, store_audio
from audioforge.inference.processes import Processes
from audioforge.inference.sampling import Sampled, Sampler
from audioforge.inference.skip_log import problem_line
from audioforge.inference.stop import StopRequest
from audioforge.judging.failures import Failures
from audioforge.judging.needs import Needs
from audioforge.judging.verification import Verification, create_verifier
from audioforge.measuring.corpus_metrics import MEAN_REWARD, MeasuredMetric, Parts, deciding
from audioforge.measuring.dataset_pass import DatasetPass, MeasuredBatch, recalled
from audioforge.measuring.decoding import Decoding
from audioforge.measuring.evaluation import EvaluatedItem, Evaluation, EvaluationSet
from audioforge.measuring.predictions import prediction_line
from audioforge.measuring.task_metrics import reported_metrics, reward_parts
from audioforge.measuring.word_times import add_word_times
from audioforge.model import ModelAdapter
from audioforge.plugins import Registry
from audioforge.sample import AudioSample, Hypothesis, Rollout
from audioforge.tasks import SpeechTask, speech_task
from audioforge.terminal.reporter import Reporter
from audioforge.verifier import Verifier


@define(eq=False, kw_only=True)
class Evaluator:
    """Evaluates models of one run, all in the same way; `create_evaluator` makes one.

    Attributes:
        verification: The run's own verifiers, and what calls every verifier.
        verifiers: The verifiers whose metrics are reported, by id.
        metrics: The corpus metrics that are reported, by name; the first one decides: the task's
            own, unless `deciding_metric` has put another one there.
        decoding: How models are decoded.
        executor: Shares the work.
        stop: Asked after each batch.
        reporter: Shows progress.
        outline: The run, for processes that measure a part of it; set once it is known.
    """

    verification: Verification
    verifiers: Mapping[str, Verifier]
    metrics: Mapping[str, MeasuredMetric]
    decoding: Decoding
    executor: Executor
    stop: StopRequest
    reporter: Reporter
    outline: Outline = field(factory=partial(Outline, settings={}))

    @property
    def task(self) -> SpeechTask:
        """The task of the run."""
        return speech_task(self.verification.context.task)

    @property
    def processes(self) -> Processes:
        """The processes of the run."""
        return self.executor.processes

    @property
    def decisive_metric(self) -> MeasuredMetric:
        """The corpus metric that decides."""
        return deciding(self.metrics)

    @property
    def needs(self) -> Needs:
        """What a clip must say so that the metric that decides can be measured on it."""
        verifier = self.verifiers.get(self.decisive_metric.verifier)
        return Needs(self.task) if verifier is None else Needs.of(verifier, self.task)

    @property
    def is_judged_by_reward(self) -> bool:
        """Whether the metric that decides is of a verifier that has a part in the reward too."""
        judge = self.verifiers.get(self.decisive_metric.verifier)
        own = self.verification
        rewarding = [verifier for i, verifier in own.verifiers.items() if own.has_part(i)]
        return judge is None or any(type(verifier) is type(judge) for verifier in rewarding)

    def compared(self, sample: AudioSample, hypothesis: Hypothesis) -> str:
        """Return what the task's own metric compares of a hypothesis."""
        for identity in self.task.metric_verifiers:
            return self.verifiers[identity].compared(sample, hypothesis)
        return hypothesis.content

    def measure_rollouts(self, rollouts: Sequence[Rollout]) -> list[list[Parts]]:
        """Return numerator and denominator of the metric that decides, for every hypothesis.

        A run that rewards by other verifiers has none of its scores yet.
        """
        rows: list[list[dict[str, Mapping[str, float]]]]
        if self.decisive_metric.verifier not in self.verifiers:  # the mean reward is of none
            rewards = [[h.reward for h in rollout.hypotheses] for rollout in rollouts]
            rows = [[{MEAN_REWARD.name: reward_parts(r)} for r in row] for row in rewards]
        else:
            rows = [self._score_rollout(rollout) for rollout in rollouts]
        return [[self.decisive_metric.parts(metrics) for metrics in row] for row in rows]

    def _score_rollout(self, rollout: Rollout) -> list[dict[str, Mapping[str, float]]]:
        identity = self.decisive_metric.verifier
        hypotheses = [h.hypothesis for h in rollout.hypotheses]
        samples = [rollout.sample] * len(hypotheses)
        verifier, guard = self.verifiers[identity], self.verification.guard
        scores = guard.scores(identity, verifier, samples, hypotheses)
        if self.processes.is_main:  # every process scores them, and each failure is one
            for score in scores:
                guard.count_utterance(rollout.sample.id, {identity: score.error})
        return [{identity: score.metrics} for score in scores]

    def evaluate(self, adapter: ModelAdapter | None, dataset_pass: DatasetPass) -> Evaluation:
        """Decode a dataset greedily and measure.

        Args:
            adapter: The model; None when the journal holds everything.
            dataset_pass: The dataset, and what to do with it.

        Raises:
            ConfigError: If the model cannot tell when a word was said.
            DatasetError: If no clip of it can be used, or no reference holds anything to measure.
            TrainingError: If there is no model, and something is not in the journal.
            Interrupted: If somebody asked to stop; the journal has what was finished.
        """
        start = time.perf_counter()
        dataset, journal = dataset_pass.dataset, dataset_pass.journal
        chunks = chunks_of(sorted(dataset.samples, key=lambda s: s.id), self.decoding.batch_size)
        items, problems = recalled(journal, dataset)
        if adapter is not None:  # a verifier may be mended by now
            items = [item for item in items if not item.errors]
        self.processes.wait()  # nobody writes while others still read what there was
        done = {*(i.id for i in items), *problems}
        failures = self.verification.guard.begin()
        self.recall(self.processes.shard(items), failures)
        missing = [chunk for chunk in chunks if not done.issuperset(s.id for s in chunk)]
        own: list[EvaluatedItem] = []
        if missing and adapter is None:
            raise TrainingError(f"{dataset.name}: results of a finished evaluation are missing")
        came_back: list[str] = []
        if adapter is not None:
            for batch in self.executor.share(EvaluationJob(self, adapter, dataset_pass), missing):
                new = [item for item in batch.items if item.id not in done]
                ids = [*(item.id for item in new), *batch.problems]
                came_back += ids
                done.update(ids)
                for problem in batch.problems.values():
                    dataset.skips.add(problem)
                self.count(new)
                failures.check()
                own += new
                if journal is not None:
                    journal.append({"item": attrs.asdict(item)} for item in new)
                    journal.append({"left_out": problem_line(*p)} for p in batch.problems.items())
                self.stop.check()
        check_complete(missing, done, self.processes.gather(came_back), dataset.name)
        items = sorted([*items, *self.processes.gather(own)], key=lambda i: i.id)
        dataset.skips.share(self.processes.gather)
        failures.check(at_end=True, counts=self.processes.gather(failures.counts()))
        return self._evaluation(dataset_pass, items, time.perf_counter() - start)

    def _evaluation(
        self, dataset_pass: DatasetPass, items: list[EvaluatedItem], seconds: float
    ) -> Evaluation:
        """Return what was measured.

        Raises:
            DatasetError: If that is nothing.
        """
        dataset, metrics = dataset_pass.dataset, dataset_pass.metrics or self.metrics
        if not items:
            raise DatasetError(
                f"{dataset.name}: nothing in it can be evaluated; "
                f"{dataset.skips.describe(dataset.total) or 'it is empty'}"
            )
        how = self.decoding.name, self.verification.context.normalizer
        evaluation = Evaluation(dataset.name, items, metrics, seconds, dataset.total, *how)
        if evaluation.value() is None:
            raise DatasetError(f"{dataset.name}: {self._why_unmeasured(deciding(metrics))}")
        return evaluation

    def measured_batches(
        self, adapter: ModelAdapter, dataset_pass: DatasetPass, batches: Batches
    ) -> Iterator[MeasuredBatch]:
        """Decode batches in this process, and yield what was measured on each.

        Args:
            adapter: The model.
            dataset_pass: The dataset, and what to do with it.
            batches: The batches of this process.
        """
        dataset, folder = dataset_pass.dataset, dataset_pass.audio_folder
        sampler = Sampler(
            adapter=adapter,
            k=1,
            params=self.decoding.params,
            fallback=self.decoding.fallback,
            skips=dataset.skips,
            processes=self.processes,
            reporter=self.reporter,
            cache=self.decoding.cache,
        )
        for batch in sampler.batches(batches, dataset_pass.title):
            sampled = batch.sampled
            if folder is not None:
                sampled = [(c, _stored_sound(hs, c.sample.id, folder)) for c, hs in sampled]
            items = self.measure(sampled)
            if dataset_pass.word_times:
                add_word_times(adapter, sampled, items)
            yield MeasuredBatch(items, batch.problems)

    def measure(self, batch: Sequence[Sampled]) -> list[EvaluatedItem]:
        """Score clips with their greedy output, in this process."""
        task, guard = self.task, self.verification.guard
        samples = [clip.as_sample() for clip, _ in batch]
        hypotheses = [hs[0] for _, hs in batch]
        scores = {
            identity: guard.scores(identity, verifier, samples, hypotheses)
            for identity, verifier in self.verifiers.items()
        }
        rows = [{i: column[n] for i, column in scores.items()} for n in range(len(batch))]
        rewards = self.verification.rewards(rows) if task.reports_reward else [None] * len(batch)
        items = []
        for (clip, (hypothesis,)), row, reward in zip(batch, rows, rewards, strict=True):
            metrics = {identity: score.metrics for identity, score in row.items()}
            if task.reports_reward:
                metrics[MEAN_REWARD.name] = reward_parts(reward)
            seconds = audio_seconds(hypothesis) if task.generates_speech else clip.seconds
            prediction = prediction_line(clip.sample, hypothesis, seconds)
            labels = clip.sample.labels if task.has_classes else ()
            errors = {i: score.error for i, score in row.items() if score.error is not None}
            items.append(EvaluatedItem(prediction, metrics, seconds, labels, errors))
        return items

    def count(self, items: Iterable[EvaluatedItem]) -> None:
        """Count what verifiers failed on of what was measured, wherever that was done."""
        for item in items:
            errors = {identity: item.errors.get(identity) for identity in self.verifiers}
            self.verification.guard.count_utterance(item.id, errors)

    def recall(self, items: Iterable[EvaluatedItem], failures: Failures) -> None:
        """Count what was measured before an interruption, in the stage that goes on."""
        for item in items:
            for identity in self.verifiers:
                failures.add(identity, item.id, item.errors.get(identity))

    def _why_unmeasured(self, decides: MeasuredMetric) -> str:
        if failures := self.verification.guard.failures.describe():
            return f"nothing in it could be measured; {'; '.join(failures)}"
        if decides.verifier not in self.verifiers:
            return "no verifier could judge any output, so that there is no reward"
        if decides.verifier in self.task.metric_verifiers:
            return (
                f"every reference is empty once normalised, so that there is no "
                f"{decides.metric.name}; see --normalizer"
            )
        return f"of no output {decides.setting} can be computed, which is to decide; see --metric"


@frozen(eq=False)
class EvaluationJob(BatchJob[MeasuredBatch]):
    """Decoding a dataset's batches greedily and measuring them.

    Attributes:
        evaluator: What measures, the same in every process.
        adapter: The model, the same in every process.
        dataset_pass: The dataset, and what to do with it.
    """

    evaluator: Evaluator
    adapter: ModelAdapter
    dataset_pass: DatasetPass

    @property
    def what(self) -> str:
        """What the progress bar says."""
        return self.dataset_pass.title

    @property
    def reporter(self) -> Reporter:
        """Where to tell how far it is."""
        return self.evaluator.reporter

    @property
    def outline(self) -> Outline:
        """The run, for other processes."""
        return self.evaluator.outline

    def order(self) -> EvaluationOrder:
        """Return the job for other processes."""
        own = self.dataset_pass
        return EvaluationOrder(own.dataset.name, own.what, own.audio_folder, own.word_times)

    def check_stop(self) -> None:
        """Stop here if somebody asked to."""
        self.evaluator.stop.check()

    def do(self, batches: Batches) -> Iterator[MeasuredBatch]:
        """Decode and measure batches in this process."""
        yield from self.evaluator.measured_batches(self.adapter, self.dataset_pass, batches)


@frozen
class EvaluationOrder(Order[EvaluationJob]):
    """Decoding and measuring batches elsewhere.

    Attributes:
        dataset: Name of the dataset.
        what: What is done, in a word.
        audio_folder: Where generated audio is kept; None to let it go.
        word_times: Add to each prediction when its words were said.
    """

    dataset: str
    what: str
    audio_folder: Path | None
    word_times: bool

    def at(self, place: Workplace) -> EvaluationJob:
        """Return the job, to be done there."""
        dataset_pass = DatasetPass(
            dataset=EvaluationSet(self.dataset, []),
            what=self.what,
            audio_folder=self.audio_folder,
            word_times=self.word_times,
        )
        return EvaluationJob(place.run.evaluator, place.adapter, dataset_pass)


def create_evaluator(
    registry: Registry,
    verification: Verification,
    decoding: Decoding,
    executor: Executor,
    stop: StopRequest,
    reporter: Reporter,
) -> Evaluator:
    """Set up what evaluates the models of a run.

    Args:
        registry: What is installed; the task's own metrics come from its verifiers.
        verification: The run's verifiers; their corpus metrics are reported too.
        decoding: How models are decoded.
        executor: Shares the work.
        stop: Asked after each batch.
        reporter: Shows progress.

    Raises:
        AudioForgeError: If a verifier cannot be set up.
    """
    context = verification.context
    task = speech_task(context.task)
    verifiers: dict[str, Verifier] = {
        name: create_verifier(registry, VerifierSetting.parse(name), context)
        for name in task.metric_verifiers
    }
    for identity, verifier in verification.verifiers.items():
        # Greedy decoding gives one hypothesis; where the reward decides it needs every score.
        reports = verifier.corpus_metrics and verifier.scope == "hypothesis"
        if reports or task.reports_reward:
            verifiers.setdefault(identity, verifier)
    return Evaluator(
        verification=verification,
        verifiers=verifiers,
        metrics=reported_metrics(task, verifiers),
        decoding=decoding,
        executor=executor,
        stop=stop,
        reporter=reporter,
    )


def _stored_sound(
    hypotheses: Sequence[Hypothesis], sample_id: str, folder: Path
) -> list[Hypothesis]:
    """Write generated sound; nothing is learnt here, so that features are let go."""
    return store_audio([attrs.evolve(h, features=None) for h in hypotheses], sample_id, folder)
