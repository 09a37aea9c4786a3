"""The RAFT engine.

Reward-ranked fine-tuning (Dong et al. 2023, "RAFT: Reward rAnked FineTuning for Generative
Foundation Model Alignment"). Per cycle: sample k hypotheses for each clip, verify them, turn the
scores into a reward, keep the best hypothesis of each clip that earns enough, fine-tune on what was
kept, and evaluate by decoding held-out clips.

Departures from the paper: a threshold keeps a clip whose best hypothesis is bad from teaching;
every cycle starts a fresh optimiser; and what is exported is chosen on held-out data, on the line
between the base and the best cycle, or is the base itself when nothing improved.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import attrs

from audioforge import keyed_random
from audioforge.config import AudioRAFTConfig
from audioforge.errors import AudioForgeError, TrainingError
from audioforge.model import ModelAdapter, SamplingParams
from audioforge.plugins import Registry
from audioforge.raft.choice import Candidate, best_cycle
from audioforge.raft.clips import ClipLoader
from audioforge.raft.data import has_reference
from audioforge.raft.evaluation import EvaluationSet
from audioforge.raft.export import export
from audioforge.raft.hypothesis_audio import store_audio
from audioforge.raft.learnability import assess
from audioforge.raft.rewards import reward_statistics
from audioforge.raft.rollout import Sampled, quote_references, sample_hypotheses
from audioforge.raft.run import Run, prepare
from audioforge.raft.run_folder import RunFolder
from audioforge.raft.selection import Kept, select
from audioforge.raft.summary import Summary
from audioforge.raft.update import update
from audioforge.reporter import Reporter
from audioforge.sample import AudioSample, Problem, Rollout

PROBED_CLIPS = 500
"""Clips whose greedy output is compared with the oracle before the first update."""
FEW_CLIPS = 30
"""Held-out clips below which a bootstrap interval is much too narrow."""


class AudioRAFTTrainer:
    """Runs RAFT as a configuration says.

    Args:
        config: Of the run.
        registry: Of the plugins to use; None to discover what is installed.
        reporter: Where to tell how it goes; None for stderr.
    """

    def __init__(
        self,
        config: AudioRAFTConfig,
        registry: Registry | None = None,
        reporter: Reporter | None = None,
    ) -> None:
        """Create the trainer; nothing is loaded yet."""
        self.config = config
        self._registry = registry
        self._reporter = reporter

    def prepare(self, dataset: str | None = None) -> Run:
        """Read the data and set everything up, without training or writing anything.

        Args:
            dataset: Training data; None for the configuration's.
        """
        config = attrs.evolve(self.config, dataset=dataset or self.config.dataset)
        return prepare(config, self._registry, self._reporter)

    def train(self, dataset: str | None = None) -> Summary:
        """Train, evaluate, and export the best model.

        Args:
            dataset: Training data; None for the configuration's.

        Returns:
            What the run measured; also in `summary.json` of the run folder.

        Raises:
            AudioForgeError: With what to do; what was written until then stays.
        """
        loop = _Loop(self.prepare(dataset))
        try:
            return loop.run()
        except (AudioForgeError, KeyboardInterrupt):
            loop.leave()
            raise


class _Loop:
    """The cycles of one prepared run."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._config = run.config
        self._processes = run.processes
        self._started = time.perf_counter()
        self._seconds: dict[str, float] = {}
        self._folder = RunFolder(run.output_dir)
        self._opened = False
        self._cycles: list[Candidate] = []

    def run(self) -> Summary:
        """Run every cycle, then export the best model."""
        adapter = self._run.load(self._run.model_name)
        self._open_folder()
        self._base = self._evaluate(adapter, cycle=0)
        self._summary = Summary(self._run, self._base)
        self._record(0, self._base, self._summary.base)
        if len(self._base.evaluation.items) < FEW_CLIPS:
            self._run.reporter.warn(
                f"the held-out set has {len(self._base.evaluation.items)} clips: with fewer than "
                f"{FEW_CLIPS} the intervals are too narrow to be trusted; give a larger "
                f"--eval-dataset or --eval-fraction"
            )
        adapter.make_trainable(self._run.train_options)
        for cycle in range(1, self._config.num_cycles + 1):
            self._seconds = {}
            rollouts = self._sample_and_verify(adapter, cycle)
            if cycle == 1:
                self._report_learnability(adapter, rollouts)
            kept = self._select(adapter, cycle, rollouts)
            if not kept:
                self._stop_without_rewards(cycle, rollouts)
                break
            self._learn(adapter, cycle, rollouts, kept)
        self._run.verification.close()
        del adapter
        export(self._run, self._folder, self._base, self._cycles, self._summary)
        return self._finish()

    @property
    def _shard(self) -> list[AudioSample]:
        """This process' part of the training samples."""
        return self._processes.shard(sorted(self._run.data.train.samples, key=lambda s: s.id))

    def leave(self) -> None:
        """Say what an unfinished run leaves behind, and which clips it left out until then."""
        if not (self._opened and self._processes.is_main):
            return
        self._folder.write_skipped(self._run.data.skips)
        text = f"What was written until now stays in {self._folder.root}"
        if self._cycles:
            best = best_cycle(self._cycles)
            checkpoint = self._folder.checkpoint(best.cycle)
            if checkpoint.is_dir():
                text += f"; the best cycle so far is {checkpoint}"
        self._run.reporter.info(text)

    def _open_folder(self) -> None:
        """Make the run folder: on the main process, before any other looks for it."""
        if self._processes.is_main:
            RunFolder.create(self._folder.root)
            self._opened = True
            self._folder.write_config(
                self._config.as_mapping(), self._run.registry, self._processes.count
            )
        self._processes.wait()

    def _sample_and_verify(self, adapter: ModelAdapter, cycle: int) -> list[Rollout]:
        """Sample and score every training clip; return the rollouts of all processes."""
        own: list[Rollout] = []
        batches = self._proposals(adapter, cycle)
        while batch := self._next(batches):
            with self._timed("verify"):
                scored = self._score(cycle, batch)
                self._folder.append_rollouts(cycle, self._processes.rank, scored)
                own.extend(scored)
        self._run.data.train.skips.share(self._processes.gather)
        gathered = self._processes.gather([(r.sample.id, r.hypotheses) for r in own])
        by_id = {s.id: s for s in self._run.data.train.samples}
        return [Rollout(by_id[i], cycle, hypotheses) for i, hypotheses in gathered]

    def _score(self, cycle: int, batch: list[Sampled]) -> list[Rollout]:
        """Verify a batch; generated audio goes to the run folder, decoded audio is let go."""
        folder = self._folder.hypothesis_audio(cycle)
        samples = [clip.as_sample() for clip, _ in batch]
        hypotheses = [store_audio(hs, clip.sample.id, folder) for clip, hs in batch]
        scored = self._run.verification.verify(cycle, samples, hypotheses)
        return [
            attrs.evolve(rollout, sample=clip.sample)
            for rollout, (clip, _) in zip(scored, batch, strict=True)
        ]

    def _proposals(self, adapter: ModelAdapter, cycle: int) -> Iterator[list[Sampled]]:
        """Yield this process' clips with what is to be scored."""
        config, data = self._config, self._run.data.train
        loader = ClipLoader(adapter, data.skips)
        if config.selection == "reference":
            return quote_references(loader, self._shard, config.batch_size, self._run.task)
        params = SamplingParams(
            temperature=config.temperature,
            top_p=config.top_p,
            top_k=config.top_k,
            seed=config.seed,
            cycle=cycle,
            max_new_tokens=config.max_new_tokens,
        )
        return sample_hypotheses(
            adapter,
            loader,
            self._shard,
            config.samples_per_prompt,
            params,
            batch_size=config.batch_size,
            processes=self._processes,
            reporter=self._run.reporter,
            what=f"cycle {cycle} sample",
        )

    def _next(self, batches: Iterator[list[Sampled]]) -> list[Sampled] | None:
        with self._timed("rollout"):
            return next(batches, None)

    def _report_learnability(self, adapter: ModelAdapter, rollouts: list[Rollout]) -> None:
        """Say whether the base model's own hypotheses hold anything to learn."""
        if self._config.selection == "reference" or not rollouts:
            return
        evaluator, greedy = self._run.evaluator, {}
        with_reference = [r for r in rollouts if has_reference(r.sample, self._run.task)]
        ordered = sorted(with_reference, key=lambda r: r.sample.id)
        order = keyed_random.shuffled(len(ordered), "probe", self._config.seed)
        probed = [ordered[i] for i in order[:PROBED_CLIPS]]
        if probed:
            train = self._run.data.train
            probe = EvaluationSet(train.name, [r.sample for r in probed], train.skips)
            measure = evaluator.decisive
            greedy = {
                str(item.prediction["id"]): measure.parts(item.metrics)
                for item in evaluator.evaluate(adapter, probe, "greedy on").items
            }
        parts = evaluator.measure_rollouts(probed)
        sampled = {r.sample.id: row for r, row in zip(probed, parts, strict=True)}
        report = assess(rollouts, evaluator.decisive.metric, greedy, sampled)
        self._summary.learnability = report.as_mapping()
        self._run.reporter.info(f"to learn: {report.describe()}")
        warning = report.warning()
        if warning:
            self._run.reporter.warn(warning)

    def _select(self, adapter: ModelAdapter, cycle: int, rollouts: list[Rollout]) -> list[Kept]:
        """Select what to learn, the same on every process, and mark it in the rollout files."""
        kept = select(
            rollouts,
            self._config.selection,
            threshold=self._config.effective_reward_threshold,
            top_percent=self._config.keep_top_percent,
            seed=self._config.seed,
        )
        learnable = [item for item in kept if self._is_learnable(adapter, item)]
        targets = {id(item.target) for item in learnable}
        for hypothesis in (h for r in rollouts for h in r.hypotheses):
            hypothesis.kept = id(hypothesis.hypothesis) in targets
        shard = {s.id for s in self._shard}
        own = [r for r in rollouts if r.sample.id in shard]
        self._folder.mark_kept(cycle, self._processes.rank, own)
        return learnable

    def _is_learnable(self, adapter: ModelAdapter, item: Kept) -> bool:
        """Say whether the model can learn a target; write down why not."""
        reason = adapter.target_problem(item.sample, item.target)
        if reason is not None:
            problem = Problem(item.sample.place, reason, "unlearnable target")
            self._run.data.train.skips.add(problem)
        return reason is None

    def _stop_without_rewards(self, cycle: int, rollouts: list[Rollout]) -> None:
        """Say that nothing was kept; it is an error when no cycle was trained.

        Raises:
            TrainingError: In the first cycle.
        """
        rewards = [reward for r in rollouts for reward in r.rewards]
        train = self._run.data.train
        skipped = train.skips.describe(train.total)
        if rewards:
            message = (
                f"cycle {cycle}: nothing was kept: of {len(rewards)} rewards the highest is "
                f"{max(rewards):.3g}, and --reward-threshold is "
                f"{self._config.effective_reward_threshold:g}. Lower it, raise "
                f"--samples-per-prompt, or change --temperature."
            )
        else:
            message = f"cycle {cycle}: no hypothesis has a reward, so that nothing was kept"
            if sampled := sum(len(r.hypotheses) for r in rollouts):
                verifiers = ", ".join(self._run.verification.verifiers)
                message += f": none of {sampled} could be judged by {verifiers}"
            message += "."
        if skipped:
            message += f" {train.name}: {skipped}."
        if cycle == 1:
            raise TrainingError(message)
        self._summary.stopped_early = message
        self._run.reporter.warn(f"{message} The run ends here.")

    def _learn(
        self, adapter: ModelAdapter, cycle: int, rollouts: list[Rollout], kept: list[Kept]
    ) -> None:
        """Fine-tune, evaluate, and write the cycle down."""
        with self._timed("update"):
            report = update(
                adapter,
                kept,
                self._config,
                cycle,
                skips=self._run.data.train.skips,
                processes=self._processes,
                reporter=self._run.reporter,
            )
        with self._timed("evaluate"):
            candidate = self._evaluate(adapter, cycle)
        self._cycles.append(candidate)
        row = self._summary.add_cycle(
            candidate, reward_statistics(rollouts), len(kept), report, dict(self._seconds)
        )
        self._record(cycle, candidate, row)
        if self._processes.is_main:
            self._folder.save_checkpoint(cycle, adapter, best_cycle(self._cycles).cycle)
        self._processes.wait()

    def _evaluate(self, adapter: ModelAdapter, cycle: int) -> Candidate:
        """Evaluate on the held-out set and on every retention set."""
        evaluate = self._run.evaluator.evaluate
        audio_folder = self._folder.predicted_audio(cycle) if self._run.task == "tts" else None
        what = f"cycle {cycle} evaluate"
        return Candidate(
            cycle,
            0.0 if cycle == 0 else 1.0,
            evaluate(adapter, self._run.data.held_out, what, audio_folder=audio_folder),
            {r.name: evaluate(adapter, r) for r in self._run.data.retention},
        )

    def _record(self, cycle: int, candidate: Candidate, row: dict[str, object]) -> None:
        """Write a cycle's metrics and predictions, and say its line."""
        if self._processes.is_main:
            self._folder.write_evaluation(cycle, candidate.evaluation)
            self._folder.write_metrics(cycle, row)
        self._run.reporter.info(self._summary.line(cycle))

    def _finish(self) -> Summary:
        data = self._run.data
        for dataset in data.all:
            skipped = dataset.skips.describe(dataset.total)
            if skipped and len(dataset.skips.problems) > dataset.unread:  # else said before
                self._run.reporter.warn(f"{dataset.name}: {skipped}")
        self._summary.seconds = time.perf_counter() - self._started
        if self._processes.is_main:
            self._folder.write_skipped(data.skips)
            self._folder.write_summary(self._summary.as_mapping())
        return self._summary

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self._seconds[what] = self._seconds.get(what, 0.0) + time.perf_counter() - start
