"""A group of runs that differ in their seeds alone.

    group.yaml          the settings that all of them have, and their seeds
    base/               what was measured of the untouched model, once for all
    seed-0/ seed-1/ …   a run folder each
    summary.json        each run, mean and spread; there when all are finished

Clips that are held out of the training data are the same for all seeds, so that the spread is that
of training.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from attrs import evolve, field, frozen

from audioforge.config import AudioRAFTConfig, read_config_file
from audioforge.errors import ConfigError, UsageError
from audioforge.files import atomic
from audioforge.plugins import Registry
from audioforge.run.folder import RunFolder
from audioforge.run.new_folder import GROUP_FILE, require_new
from audioforge.run.prepare import OUTPUT_DIR
from audioforge.run.report_file import write_page
from audioforge.run.resumed_settings import check_changes
from audioforge.seeds.summary import GroupSummary
from audioforge.terminal.reporter import Reporter
from audioforge.trainer import AudioRAFTTrainer


def parse_seeds(text: str) -> tuple[int, ...]:
    """Return the seeds that a flag names, such as "0,1,2".

    Raises:
        ConfigError: If one is no whole number from 0, or is there twice.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise ConfigError([f"seeds: '{text}' are not whole numbers from 0, as in 0,1,2"])
    seeds = tuple(int(part) for part in parts)
    if len(set(seeds)) < len(seeds):
        raise ConfigError([f"seeds: '{text}' names a seed twice"])
    return seeds


@frozen(eq=False)
class SeedGroup:
    """Runs that differ in their seeds alone.

    Attributes:
        root: The folder that holds theirs.
        seeds: A seed for each run, in their order.
        config: The settings of all of them.
        registry: The plugins to use; None to discover what is installed.
        reporter: Where to tell how it goes; None for stderr.
        working_directory: Where relative paths in the settings count from.
        resumes: Whether the group is in the folder already.
        changes: Settings that runs go on with, other than they began.
    """

    root: Path
    seeds: tuple[int, ...]
    config: AudioRAFTConfig
    registry: Registry | None = None
    reporter: Reporter | None = None
    working_directory: Path = field(factory=Path.cwd, kw_only=True)
    resumes: bool = field(default=False, kw_only=True)
    changes: Mapping[str, Any] = field(factory=dict, kw_only=True)

    @classmethod
    def of(
        cls,
        config: AudioRAFTConfig,
        seeds: Sequence[int],
        registry: Registry | None = None,
        reporter: Reporter | None = None,
    ) -> SeedGroup:
        """Return a group that is new; nothing is written yet.

        Args:
            config: The settings of all runs; its folder will hold theirs.
            seeds: The seeds.
            registry: The plugins to use; None to discover what is installed.
            reporter: Where to tell how it goes; None for stderr.
        """
        root = (config.output_dir or OUTPUT_DIR).absolute()
        split = seeds[0] if config.split_seed is None else config.split_seed
        shared = evolve(config, split_seed=split, output_dir=None)
        return cls(root, tuple(seeds), shared, registry, reporter)

    @classmethod
    def read(
        cls,
        root: Path,
        registry: Registry | None = None,
        reporter: Reporter | None = None,
        **changes: Any,
    ) -> SeedGroup:
        """Return the group in a folder, to go on with it.

        Args:
            root: The folder.
            registry: The plugins to use; None to discover what is installed.
            reporter: Where to tell how it goes; None for stderr.
            changes: Settings that do not change what is computed; see `config.CHANGEABLE`.

        Raises:
            ConfigError: If what is written there cannot be read.
            UsageError: If the group is finished, or a setting cannot be changed.
        """
        root = root.absolute()
        check_changes(root, changes)
        if RunFolder(root).is_finished:
            raise UsageError(f"--resume {root}: the runs are finished")
        values = read_config_file(root / GROUP_FILE)
        seeds, settings = values.get("seeds"), values.get("settings")
        if not isinstance(seeds, list) or not isinstance(settings, dict):
            raise ConfigError([f"{root / GROUP_FILE}: does not hold what a group writes there"])
        return cls(
            root,
            parse_seeds(",".join(map(str, seeds))),
            AudioRAFTConfig.from_mapping({**settings, **changes}),
            registry,
            reporter,
            working_directory=Path(str(values.get("working_directory", Path.cwd()))),
            resumes=True,
            changes=changes,
        )

    def describe(self) -> str:
        """Return what there is to run, in a sentence."""
        named = ", ".join(str(seed) for seed in self.seeds)
        return f"seeds {named}: a run for each in {self.root}; here is seed {self._next}"

    @property
    def _next(self) -> int:
        """The seed of the first run that is not finished; the last one where all are."""
        unfinished = [seed for seed in self.seeds if not self.folder(seed).is_finished]
        return unfinished[0] if unfinished else self.seeds[-1]

    def folder(self, seed: int) -> RunFolder:
        """Return where the run of a seed is."""
        return RunFolder(self.root / f"seed-{seed}")

    def next_trainer(self) -> AudioRAFTTrainer:
        """Return what trains the first run that is not finished.

        Raises:
            UsageError: If the group is to be new, and its folder is not empty.
        """
        if not self.resumes:
            require_new(self.root)
        return self._trainer(self._next)

    def train(self) -> GroupSummary:
        """Train the run of each seed, or go on with it; what is finished is taken as it is.

        Returns:
            What the runs came to; also in `summary.json` of the folder.

        Raises:
            AudioForgeError: If a run fails; the runs before it stay finished, and `read` goes on
                from there.
        """
        is_main = os.environ.get("RANK", "0") == "0"  # the executor that knows comes with a run
        is_new = not self.root.exists()
        if is_main and not self.resumes:
            self._begin()
        results = {seed: self.folder(seed).read_summary() for seed in self.seeds}
        try:
            for seed in [seed for seed, result in results.items() if result is None]:
                if is_main:
                    number = self.seeds.index(seed) + 1
                    told = f"seed {seed}, {number} of {len(self.seeds)}: {self.folder(seed).root}"
                    (self.reporter or Reporter()).info(told)
                results[seed] = self._trainer(seed).train().as_mapping()
        except BaseException:
            if is_main and not self.resumes:
                self._leave(folder_too=is_new)
            raise
        finished = {seed: result for seed, result in results.items() if result is not None}
        summary = GroupSummary(self.root, finished, is_main=is_main)
        if is_main:
            for seed in self.seeds:
                self.folder(seed).remove_state()  # which a kill at the very end leaves
            atomic.write_json(self.root / "summary.json", summary.as_mapping())
            for seed in self.seeds:  # now that there are others to stand beside it
                write_page(self.folder(seed).root, self.reporter or Reporter())
        return summary

    def _trainer(self, seed: int) -> AudioRAFTTrainer:
        folder, registry, reporter = self.folder(seed), self.registry, self.reporter
        if folder.has_begun:
            return AudioRAFTTrainer.resume(folder.root, registry, reporter, **self.changes)
        config = evolve(self.config, seed=seed, output_dir=folder.root)
        return AudioRAFTTrainer(config, registry, reporter)

    def _begin(self) -> None:
        """Write down what the group is, in a folder that is new or empty.

        Raises:
            UsageError: If it is neither, or cannot be made.
        """
        require_new(self.root)
        values = {
            "seeds": list(self.seeds),
            "working_directory": str(self.working_directory),
            "settings": self.config.as_mapping(),
        }
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"--output {self.root}: cannot be made: {error.strerror}") from error
        text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
        atomic.write_text(self.root / GROUP_FILE, text)

    def _leave(self, *, folder_too: bool) -> None:
        """Leave the folder as it was found, where no run has begun in it."""
        if any(self.folder(seed).root.exists() for seed in self.seeds):
            return
        (self.root / GROUP_FILE).unlink(missing_ok=True)
        if folder_too:
            with suppress(OSError):  # somebody put something there
                self.root.rmdir()
