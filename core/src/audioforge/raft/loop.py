"""The RAFT engine.

Reward-ranked fine-tuning (Dong et al. 2023, "RAFT: Reward rAnked FineTuning for Generative
Foundation Model Alignment"). Per cycle: sample k hypotheses for each clip, verify them, turn the
scores into a reward, keep the best hypothesis of each clip that earns enough, fine-tune on what was
kept, and evaluate by decoding held-out clips.

Departures from the paper: a threshold keeps a clip whose best hypothesis is bad from teaching;
every cycle starts a fresh optimiser; and what is exported is chosen on held-out data, on the line
between the base and the best cycle, or is the base itself when nothing improved.

Everything that costs time is written down as it comes, and looked for before it is done: so a run
that was killed goes through the same loop again, and does what is missing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from safetensors import SafetensorError

from audioforge.errors import AudioForgeError, TrainingError
from audioforge.inference.out_of_memory import is_out_of_memory
from audioforge.inference.stop import StopRequest
from audioforge.measuring.set_size import size_problem
from audioforge.model import ModelAdapter
from audioforge.raft.collect import sample_and_verify
from audioforge.raft.export import evaluate_candidate, export
from audioforge.raft.export_rule import Candidate, best_cycle
from audioforge.raft.probe import probe
from audioforge.raft.reward_statistics import reward_statistics
from audioforge.raft.selection import Kept, select
from audioforge.raft.summary import Summary
from audioforge.raft.update import report_of, update
from audioforge.run.folder import RunFolder
from audioforge.run.identity.same_run import check_same_run
from audioforge.run.resume_points import Progress
from audioforge.run.rollout_store import RolloutFiles
from audioforge.run.run import Run
from audioforge.sample import Problem


class Loop:
    """The cycles of one prepared run.

    Args:
        run: It.
        adapter: The base model; let go before the export loads others.
        folder: Where it writes; claimed.
        resumes: Whether the folder holds what was done of it.
        accept_changes: Whether it goes on with what is other than when it began.
    """

    def __init__(
        self,
        run: Run,
        adapter: ModelAdapter,
        folder: RunFolder,
        *,
        resumes: bool,
        accept_changes: bool = False,
    ) -> None:
        """Nothing is written yet."""
        self._run = run
        self._adapter: ModelAdapter | None = adapter
        self._config = run.config
        self._processes = run.processes
        self._folder = folder
        self._resumes = resumes
        self._accept_changes = accept_changes
        self._started = time.monotonic()
        self._seconds: dict[str, float] = {}
        self._cycles: list[Candidate] = []

    def run(self, stop: StopRequest) -> Summary:
        """Run every cycle, and say what an unfinished run leaves behind.

        Args:
            stop: Asked at every safe point.
        """
        self._stop = stop
        if not stop.can_be_heard:
            self._run.reporter.warn(
                "Ctrl-C and SIGTERM are not answered here: the run is not in the main thread. "
                "What it has written stays, and --resume goes on from there"
            )
        try:
            return self._run_cycles()
        except (AudioForgeError, KeyboardInterrupt):
            self._leave()
            raise
        except (OSError, SafetensorError) as error:
            self._leave()
            raise TrainingError(f"{_what_failed(error)}. Mend that, and go on.") from error
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            self._leave()
            raise TrainingError(
                f"out of memory: {str(error).splitlines()[0] if str(error) else 'of the machine'}"
            ) from error

    def _run_cycles(self) -> Summary:
        run, adapter = self._run, self._adapter
        assert adapter is not None, "a loop runs once"
        self._open_folder()
        accepted = self._check_identity(adapter)
        self._base = self._evaluate(adapter, 0, finished=False)
        self._summary = Summary(run, self._base, accepted)
        self._record(0, self._base, self._summary.base)
        self._warn_of_unmeasured()
        adapter.make_trainable(run.train_options)
        progress = self._folder.points.progress()
        if progress is not None:
            self._folder.points.restore_module(adapter.module)
            run.reporter.info(f"going on from the resume point: {progress.describe()}")
        for cycle in range(1, self._config.num_cycles + 1):
            if not self._cycle(adapter, cycle, progress):
                break
        for problem in run.verification.close():
            run.reporter.warn(problem)
        del adapter
        self._adapter = None
        export(run, self._folder, self._base, self._cycles, self._summary, self._stop)
        return self._finish()

    def _cycle(self, adapter: ModelAdapter, cycle: int, saved: Progress | None) -> bool:
        """Do what is missing of a cycle; say whether another one may follow.

        Args:
            adapter: The model, as the resume point left it.
            cycle: From 1.
            saved: The resume point; None when there is none.
        """
        row = self._folder.read_metrics(cycle)
        if row is not None:
            self._cycles.append(self._evaluate(None, cycle, finished=True))
            self._summary.cycles.append(row)
            self._summary.learnability = self._folder.recall("learnability")
            self._prune(cycle)
            self._run.reporter.info(self._summary.line(cycle))
            return True
        self._seconds = {}
        files = RolloutFiles(
            self._folder.root,
            cycle,
            self._processes.rank,
            {s.id: s for s in self._run.data.train.samples},
        )
        begun = saved if saved is not None and saved.cycle == cycle else None
        self._complete_rollouts(adapter, files, begun)
        if cycle == 1 and self._config.selection != "reference":
            self._probe(adapter, files)
        kept = self._select(adapter, files)
        if not kept:
            self._stop_without_rewards(files)
            return False
        self._learn(adapter, files, kept, begun or Progress(cycle))
        return True

    def _warn_of_unmeasured(self) -> None:
        """Say which sets turn out to be too small, since not all of them could be measured."""
        base, data = self._base, self._run.data
        sets = [("held-out", data.held_out, base.evaluation)]
        sets += [("retention", d, base.retention[d.name]) for d in data.retention]
        for role, dataset, measured in sets:
            expected = len(dataset.samples)
            problem = size_problem(role, dataset.name, measured.measured, expected)
            if problem is not None:
                self._run.reporter.warn(problem)

    def _open_folder(self) -> None:
        """Begin the run folder, or read what is in it of clips that were left out."""
        folder = self._folder
        if self._processes.is_main and not self._resumes:
            folder.write_config(
                self._config.as_mapping(), self._run.registry, self._processes.count
            )
        if self._resumes:
            folder.read_skipped(self._run.data.skips)
        self._processes.wait()

    def _check_identity(self, adapter: ModelAdapter) -> Sequence[str]:
        """Refuse to go on as another run than the one that began; return what was accepted."""
        return self._processes.from_main(
            lambda: check_same_run(
                self._run, adapter.module, self._folder, self._stop, accept=self._accept_changes
            )
        )

    def _complete_rollouts(
        self, adapter: ModelAdapter, files: RolloutFiles, begun: Progress | None
    ) -> None:
        """Sample and score what is missing.

        Raises:
            TrainingError: If something is missing although the update, which needs it, has begun.
        """
        for problem in files.problems().values():
            self._run.data.train.skips.recall(problem)
        if begun is not None:
            missing = {s.id for s in self._run.data.train.samples} - files.done()
            if missing:
                raise TrainingError(
                    f"{self._folder.root}: {len(missing)} rollouts of cycle {files.cycle} are "
                    f"gone, such as that of {min(missing)}; its update cannot go on. Start a new "
                    f"run."
                )
            return
        if self._processes.is_main and self._resumes:
            files.forget_failed()
        self._processes.wait()
        sample_and_verify(self._run, adapter, self._folder, files, self._stop, self._seconds)

    def _probe(self, adapter: ModelAdapter, files: RolloutFiles) -> None:
        """Say whether there is anything to learn; only the untouched model can tell."""
        known = self._folder.recall("learnability")
        self._processes.wait()
        if known is None and next(iter(files), None) is not None:
            journal = self._folder.journal("cycle-01/probe", self._processes.rank)
            known = probe(self._run, adapter, files, journal, self._stop)
            if self._processes.is_main:
                self._folder.remember("learnability", known)
        self._summary.learnability = known

    def _select(self, adapter: ModelAdapter, files: RolloutFiles) -> list[Kept]:
        """Select what to learn, the same on every process, and mark it in the rollout files."""
        config = self._config
        chosen = select(
            files,
            config.selection,
            threshold=config.effective_reward_threshold,
            top_percent=config.keep_top_percent,
            seed=config.seed,
        )
        kept = [item for item in chosen if self._is_learnable(adapter, item)]
        self._processes.wait()  # every process has read what is now written again
        keys = {(item.sample.id, item.target.index) for item in kept}
        files.mark_kept(keys, self._processes.rank, self._processes.count)
        self._processes.wait()
        return kept

    def _is_learnable(self, adapter: ModelAdapter, item: Kept) -> bool:
        """Say whether the model can learn a target; write down why not."""
        reason = adapter.target_problem(item.sample, item.target)
        if reason is not None:
            problem = Problem(item.sample.place, reason, "unlearnable target")
            self._run.data.train.skips.add(problem)
        return reason is None

    def _stop_without_rewards(self, files: RolloutFiles) -> None:
        """Say that nothing was kept; it is an error when no cycle was trained.

        Raises:
            TrainingError: In the first cycle.
        """
        highest, hypotheses = None, 0
        for rollout in files:
            hypotheses += len(rollout.hypotheses)
            highest = max([*rollout.rewards, *([] if highest is None else [highest])], default=None)
        cycle, train = files.cycle, self._run.data.train
        skipped = train.skips.describe(train.total)
        if highest is not None:
            message = (
                f"cycle {cycle}: nothing was kept: of the rewards of {hypotheses} hypotheses the "
                f"highest is {highest:.3g}, and --reward-threshold is "
                f"{self._config.effective_reward_threshold:g}. Lower it, raise "
                f"--samples-per-prompt, or change --temperature."
            )
        else:
            message = f"cycle {cycle}: no hypothesis has a reward, so that nothing was kept"
            if hypotheses:
                verifiers = ", ".join(self._run.verification.verifiers)
                message += f": none of {hypotheses} could be judged by {verifiers}"
            message += "."
        if skipped:
            message += f" {train.name}: {skipped}."
        if cycle == 1:
            raise TrainingError(message)
        self._summary.stopped_early = message
        self._run.reporter.warn(f"{message} The run ends here.")

    def _learn(
        self, adapter: ModelAdapter, files: RolloutFiles, kept: list[Kept], progress: Progress
    ) -> None:
        """Fine-tune, evaluate, and write the cycle down; its metrics are written last."""
        cycle = progress.cycle
        if not progress.finished:
            update(
                adapter,
                kept,
                self._config,
                progress,
                self._folder.points,
                skips=self._run.data.train.skips,
                processes=self._processes,
                reporter=self._run.reporter,
                stop=self._stop,
            )
        self._seconds["update"] = progress.seconds
        with self._timed("evaluate"):
            candidate = self._evaluate(adapter, cycle, finished=False)
        self._cycles.append(candidate)
        report = report_of(progress, self._config.learning_rate_of(cycle))
        row = self._summary.add_cycle(
            candidate, reward_statistics(files), len(kept), report, dict(self._seconds)
        )
        if self._processes.is_main:
            self._folder.save_checkpoint(cycle, adapter)
            self._folder.write_skipped(self._run.data.skips)
        self._record(cycle, candidate, row)
        self._prune(cycle)
        self._processes.wait()

    def _prune(self, latest: int) -> None:
        """Remove the checkpoints of all finished cycles but the best and the latest one."""
        if self._processes.is_main:
            self._folder.prune_checkpoints(latest, best_cycle(self._cycles).cycle)

    def _evaluate(self, adapter: ModelAdapter | None, cycle: int, *, finished: bool) -> Candidate:
        """Evaluate a cycle's weights; of a finished cycle, only recall."""
        return evaluate_candidate(
            self._run,
            self._folder,
            None if finished else adapter,
            cycle,
            0.0 if cycle == 0 else 1.0,
            f"cycle {cycle} evaluate",
            f"cycle-{cycle:02d}",
            self._stop,
        )

    def _record(self, cycle: int, candidate: Candidate, row: dict[str, object]) -> None:
        """Write a cycle's metrics and predictions, and say its line."""
        if self._processes.is_main:
            self._folder.write_evaluation(cycle, candidate.evaluation)
            self._folder.write_metrics(cycle, row)
        self._run.reporter.info(self._summary.line(cycle))

    def _finish(self) -> Summary:
        data, reporter = self._run.data, self._run.reporter
        for dataset in data.all:
            skipped = dataset.skips.describe(dataset.total)
            if skipped and len(dataset.skips.problems) > dataset.unread:  # else said before
                reporter.warn(f"{dataset.name}: {skipped}")
        failures = self._run.verification.guard.failures
        for line in failures.describe(self._processes.gather(failures.counts())):
            reporter.warn(line)
        self._summary.seconds = time.monotonic() - self._started
        if self._processes.is_main:
            self._folder.write_skipped(data.skips)
            self._folder.write_summary(self._summary.as_mapping())
            self._folder.remove_state()
        return self._summary

    def _leave(self) -> None:
        """Say what an unfinished run leaves behind, and which clips it left out until then."""
        if not self._processes.is_main:
            return
        try:
            if not self._folder.has_begun:
                return
            self._folder.write_skipped(self._run.data.skips)
        except OSError as error:  # the disk may be what failed
            self._run.reporter.warn(f"{self._folder.root / 'skipped.jsonl'}: {error.strerror}")
        text = f"What was written stays in {self._folder.root}"
        if self._cycles:
            checkpoint = self._folder.checkpoint(best_cycle(self._cycles).cycle)
            text += f"; the best cycle so far is {checkpoint}"
        self._run.reporter.info(
            f"{text}. Go on with it: audioforge train --resume {self._folder.root}"
        )

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        start = time.monotonic()
        yield
        self._seconds[what] = self._seconds.get(what, 0.0) + time.monotonic() - start


def _what_failed(error: Exception) -> str:
    """Return the file and the reason of a failed write or read."""
    if isinstance(error, OSError):
        names = " → ".join(str(n) for n in (error.filename, error.filename2) if n)
        reason = error.strerror or str(error)
        return f"{names}: {reason}" if names else reason
    return str(error)
