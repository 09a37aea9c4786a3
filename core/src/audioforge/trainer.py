"""The trainer: a run is made ready, and begun or resumed; its cycles are in `loop.py`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Never, Self

from audioforge.config import AudioRAFTConfig
from audioforge.config.other_names import refuse_unknown
from audioforge.errors import UsageError
from audioforge.given.functions import MetricsListener, UtterancesListener, function_trackers
from audioforge.given.hand_over import DATA_KEYS, Data, hand_over
from audioforge.huggingface.write_update import check_update
from audioforge.plugin_reference import PluginReference
from audioforge.plugins import Registry, discover
from audioforge.raft.export import export, finish
from audioforge.raft.loop import train
from audioforge.raft.step_loss import check_can_learn
from audioforge.raft.summary import Summary
from audioforge.run.begin import begin, breaking_off
from audioforge.run.disk_space import check_disk_space, disk_space
from audioforge.run.folder import RunFolder
from audioforge.run.folder_claim import FolderClaim
from audioforge.run.kept_clips import open_cache
from audioforge.run.phases import phases_of
from audioforge.run.prepare import OUTPUT_DIR, closing_executor, prepare
from audioforge.run.resumed_settings import (
    check_changes,
    check_given,
    check_plugin_files,
    read_settings,
)
from audioforge.run.run import Run
from audioforge.terminal.reporter import Reporter


class AudioRAFTTrainer:
    """Runs RAFT as a configuration says.

    >>> from tempfile import mkdtemp
    >>> from audioforge import AudioRAFTConfig, AudioRAFTTrainer
    >>> from audioforge_demo import assets  # a tiny Whisper, and clips of spoken digits
    >>> def short(samples, hypotheses):
    ...     return [1.0 if len(h.text) < 40 else 0.0 for h in hypotheses]
    >>> config = AudioRAFTConfig(
    ...     model_name=str(assets.model()), output_dir=mkdtemp(), verifier=["wer", short],
    ...     num_cycles=1, steps_per_cycle=1, limit=20, device="cpu",
    ... )
    >>> summary = AudioRAFTTrainer(config).train("demo")  # 2 of 20 clips are held out
    >>> list(summary.as_mapping()["verifiers"]), len(summary.rollouts(cycle=1))
    (['wer', 'short'], 18)

    Args:
        config: The settings of the run.
        registry: The plugins to use; None to discover what is installed.
        reporter: Where to tell how it goes; None for stderr, in a notebook for its output.
        on_metrics: Called as `on_metrics(step, values)` with the figures of each step and each
            evaluation; see `audioforge.tracker.Tracker.metrics`. If it fails, the run goes on
            without it.
        on_utterances: Called as `on_utterances(cycle, rows)` with the outputs on the held-out set.

    Attributes:
        config: The settings of the run.
        on_metrics: As the argument; of a run that goes on it is set before `train`.
        on_utterances: Likewise.
    """

    def __new__(cls, *args: Any, **keywords: Any) -> Self:
        """Refuse what other trainers take with the name that it has here."""
        known = ("config", "registry", "reporter", "on_metrics", "on_utterances")
        refuse_unknown("AudioRAFTTrainer", keywords.keys() - set(known))
        return super().__new__(cls)

    def __init__(
        self,
        config: AudioRAFTConfig,
        registry: Registry | None = None,
        reporter: Reporter | None = None,
        *,
        on_metrics: MetricsListener | None = None,
        on_utterances: UtterancesListener | None = None,
    ) -> None:
        """Create the trainer; nothing is loaded yet."""
        self.config = config
        self._registry = registry
        self._reporter = reporter
        self.on_metrics, self.on_utterances = on_metrics, on_utterances
        self._resumes = False
        self._accept_changes = False
        self._given: Sequence[PluginReference] = ()

    @classmethod
    def resume(
        cls,
        folder: str | Path,
        registry: Registry | None = None,
        reporter: Reporter | None = None,
        *,
        given: Sequence[PluginReference] = (),
        accept_changes: bool = False,
        **changes: object,
    ) -> AudioRAFTTrainer:
        """Return the trainer that goes on with an interrupted run.

        Args:
            folder: The run folder.
            registry: The plugins to use; None to discover what is installed.
            reporter: Where to tell how it goes; None for stderr.
            given: The functions that the run was begun with as verifiers or as selection. Data
                that were given go to `train` again.
            accept_changes: Whether `train` goes on with files, code, texts or sound that are other
                than when the run began; otherwise it refuses, and lists them.
            changes: Settings that are not part of what the run computes; see
                `audioforge.config.CHANGEABLE`.

        Raises:
            UsageError: If there is no run in the folder, a setting cannot be changed, or the run
                is of another version of AudioForge and cannot be understood.
        """
        folder = Path(folder)
        check_changes(folder, changes)
        # There must be a run that is not over, of a format and with plugins that are here.
        if not (folder / "config.yaml").is_file():
            raise UsageError(
                f"--resume {folder}: there is no run in it (no config.yaml). One that was stopped "
                f"before it began is started again with --output {folder}."
            )
        if RunFolder(folder).is_finished:
            raise UsageError(f"--resume {folder}: the run is finished")
        RunFolder(folder).check_format()
        check_plugin_files(folder, registry)
        check_given(folder, given)
        # The folder may have been moved: where it is now counts, not what its settings say.
        settings = {**read_settings(folder), **changes, "output_dir": folder}
        trainer = cls(AudioRAFTConfig.from_mapping(settings), registry, reporter)
        trainer._resumes, trainer._accept_changes = True, accept_changes
        trainer._given = given
        return trainer

    def prepare(self, dataset: Data | None = None, **data: Data | None) -> Run:
        """Read the data and set everything up, without training or writing anything.

        Whoever asks closes the run's executor.

        Args:
            dataset: As of `train`.
            data: The other data, as of `train`.
        """
        refuse_unknown("prepare", data.keys() - set(DATA_KEYS))
        return self._prepare({"dataset": dataset, **data}, claim=None)

    def train(
        self,
        dataset: Data | None = None,
        *,
        eval_dataset: Data | None = None,
        test_dataset: Data | None = None,
        retention_dataset: Data | None = None,
        **unknown: Never,
    ) -> Summary:
        """Train, evaluate, and export the best model.

        Data are a name, a path or a hub id, or rows: a list of mappings, any iterable of them, a
        `datasets.Dataset`, a data frame. A row has `audio` (samples of shape (frames,), float from
        -1 to 1 or int16; an encoded file as bytes; or a path), `sampling_rate` in Hz where it has
        samples, `text` or `label`, and may have `id`, `speaker`, `language`, and of a part of its
        sound `start` and `end` in seconds and `channel`; verifiers find all other keys as metadata.
        A clip without an id is named by a digest of its sound. Each is gone through once.

        Args:
            dataset: Training data; None for the configuration's.
            eval_dataset: Held-out data; None for the configuration's, or a part of the training
                data.
            test_dataset: Evaluated once at the end.
            retention_dataset: Data whose metric must not get worse; a list of names, or rows.
            unknown: Nothing else; what other trainers take is told by the name that it has here.

        Returns:
            What the run measured; also in `summary.json` of the run folder.

        Raises:
            AudioForgeError: With what to do; what was written until then stays, and `resume` goes
                on from there.
        """
        refuse_unknown("train", unknown)
        data = {
            "dataset": dataset,
            "eval_dataset": eval_dataset,
            "test_dataset": test_dataset,
            "retention_dataset": retention_dataset,
        }
        output = self.config.output_dir or OUTPUT_DIR
        claim = FolderClaim(RunFolder(output), resumes=self._resumes)
        try:
            run = self._prepare(data, claim)
            with (
                closing_executor(run.executor, run.reporter),
                run.stop,
                run.reporter.attending(phases_of(run)),
            ):
                return self._train(run)
        finally:
            claim.release()

    def _prepare(self, data: dict[str, Data | None], claim: FolderClaim | None) -> Run:
        """Make the run ready, with what was given in Python."""
        registry, config = hand_over(self._registry or discover(), self.config, data, self._given)
        run = prepare(config, registry, self._reporter, resumes=self._resumes, claim=claim)
        if run.processes.is_main:
            hear = function_trackers(self.on_metrics, self.on_utterances)
            run.trackers = [*run.trackers, *hear]
        return run

    def _train(self, run: Run) -> Summary:
        """Take a run that is ready from its first word to its result."""
        started = time.monotonic()
        with run.reporter.doing("load the model"):
            adapter = run.load_to_train()  # before anything is written
        check_can_learn(run, adapter)
        space = disk_space(run, adapter)
        if not run.resumes:
            check_disk_space(run, space)
        with breaking_off(run):
            accepted = begin(run, adapter.module, accept_changes=self._accept_changes)
            # Before anything is computed that a frozen part of it need compute only once.
            adapter.make_trainable(run.train_options)
            if run.config.export_adapter:
                check_update(adapter.module)
            open_cache(run, adapter, space, fresh=bool(accepted))
            summary = train(run, adapter, accepted)
            del adapter  # the export loads others
            for problem in run.verification.close():
                run.events.warn(problem)
            with run.reporter.doing("choose and write what is exported"):
                export(run, summary)
            finish(run, summary, time.monotonic() - started)
            return summary
