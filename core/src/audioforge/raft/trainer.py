"""The trainer: a run is made ready, and begun or resumed; its cycles are in `loop.py`."""

from __future__ import annotations

import time
from pathlib import Path

import attrs

from audioforge.config import AudioRAFTConfig
from audioforge.errors import UsageError
from audioforge.plugins import Registry
from audioforge.raft.export import export, finish
from audioforge.raft.loop import train
from audioforge.raft.summary import Summary
from audioforge.run.begin import begin, breaking_off
from audioforge.run.disk_space import check_disk_space
from audioforge.run.folder import RunFolder
from audioforge.run.folder_claim import FolderClaim
from audioforge.run.prepare import OUTPUT_DIR, closing_executor, prepare
from audioforge.run.resumed_settings import check_changes, check_plugin_files, read_settings
from audioforge.run.run import Run
from audioforge.terminal.reporter import Reporter


class AudioRAFTTrainer:
    """Runs RAFT as a configuration says.

    Args:
        config: The settings of the run.
        registry: The plugins to use; None to discover what is installed.
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
        self._resumes = False
        self._accept_changes = False

    @classmethod
    def resume(
        cls,
        folder: Path,
        registry: Registry | None = None,
        reporter: Reporter | None = None,
        *,
        accept_changes: bool = False,
        **changes: object,
    ) -> AudioRAFTTrainer:
        """Return the trainer that goes on with an interrupted run.

        Args:
            folder: The run folder.
            registry: The plugins to use; None to discover what is installed.
            reporter: Where to tell how it goes; None for stderr.
            accept_changes: Whether `train` goes on with files, code, texts or sound that are other
                than when the run began; otherwise it refuses, and lists them.
            changes: Settings that are not part of what the run computes; see
                `audioforge.config.CHANGEABLE`.

        Raises:
            UsageError: If there is no run in the folder, a setting cannot be changed, or the run
                is of another version of AudioForge and cannot be understood.
        """
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
        # The folder may have been moved: where it is now counts, not what its settings say.
        settings = {**read_settings(folder), **changes, "output_dir": folder}
        trainer = cls(AudioRAFTConfig.from_mapping(settings), registry, reporter)
        trainer._resumes, trainer._accept_changes = True, accept_changes
        return trainer

    def prepare(self, dataset: str | None = None) -> Run:
        """Read the data and set everything up, without training or writing anything.

        Whoever asks closes the run's executor.

        Args:
            dataset: Training data; None for the configuration's.
        """
        config = attrs.evolve(self.config, dataset=dataset or self.config.dataset)
        return prepare(config, self._registry, self._reporter, resumes=self._resumes)

    def train(self, dataset: str | None = None) -> Summary:
        """Train, evaluate, and export the best model.

        Args:
            dataset: Training data; None for the configuration's.

        Returns:
            What the run measured; also in `summary.json` of the run folder.

        Raises:
            AudioForgeError: With what to do; what was written until then stays, and `resume` goes
                on from there.
        """
        config = attrs.evolve(self.config, dataset=dataset or self.config.dataset)
        claim = FolderClaim(RunFolder(config.output_dir or OUTPUT_DIR), resumes=self._resumes)
        try:
            run = prepare(
                config, self._registry, self._reporter, resumes=self._resumes, claim=claim
            )
            with closing_executor(run.executor, run.reporter), run.stop:
                return self._train(run)
        finally:
            claim.release()

    def _train(self, run: Run) -> Summary:
        """Take a run that is ready from its first word to its result."""
        started = time.monotonic()
        adapter = run.load(run.model_name)  # before anything is written
        if not run.resumes:
            check_disk_space(run, adapter)
        with breaking_off(run):
            accepted = begin(run, adapter.module, accept_changes=self._accept_changes)
            summary = train(run, adapter, accepted)
            del adapter  # the export loads others
            for problem in run.verification.close():
                run.events.warn(problem)
            export(run, summary)
            finish(run, summary, time.monotonic() - started)
            return summary
