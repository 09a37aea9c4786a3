"""What every exporter must do: `audioforge.exporter.Exporter` in rules."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import cast

from audioforge.errors import CheckpointError, describe
from audioforge.exporter import Exporter
from audioforge_kit.contract import Contract, ContractError, expect, rule
from audioforge_kit.examples import ExporterExample
from audioforge_kit.surroundings import printed, put_back, writes_only_below

Digests = dict[str, str]
"""The digest of each file below a folder, by its path in the folder."""


class ExporterContract(Contract):
    """The rules of an exporter."""

    kind = "exporter"
    example_class = ExporterExample

    @rule("Let the factory return an instance of audioforge.exporter.Exporter.")
    def is_an_exporter(self) -> None:
        """The factory, called with the options, returns an Exporter."""
        created = self.create()
        expect(isinstance(created, Exporter), f"it returned {type(created).__name__}")

    @rule("Write into the folder that you are given, which is there and empty; write no link.")
    def writes_files(self) -> None:
        """Of the checkpoint of its example it writes at least one file, and no link."""
        written = self._export("first")
        expect(_digests(written), "it wrote nothing")
        links = [str(p.relative_to(written)) for p in written.rglob("*") if p.is_symlink()]
        expect(not links, f"it wrote a link: {', '.join(links[:3])}")

    @rule("Write nothing that is drawn, or that the clock or the folder's name tells.")
    def is_deterministic(self) -> None:
        """The same checkpoint gives the same files, also in another folder."""
        first = _digests(self._export("once"))
        again = _digests(self._export("élsewhere, 東京 #1"))
        expect(first == again, f"others the second time: {', '.join(_different(first, again))}")

    @rule("Only read the checkpoint: copy what you convert.")
    def leaves_the_checkpoint_alone(self) -> None:
        """The files of the checkpoint are the same afterwards."""
        self._export("beside")
        changed = _different(self._checkpoint_files, _digests(self._checkpoint))
        expect(not changed, f"it changed {', '.join(changed)}")

    @rule("Take any path: keep nothing of where the checkpoint lies.")
    def reads_a_checkpoint_anywhere(self) -> None:
        """A copy of the checkpoint, with blanks and any script in its path, gives the same."""
        copy = self.folder / "có py, 東京 #2" / "best"
        shutil.copytree(self._checkpoint, copy)
        first, other = _digests(self._export("here")), _digests(self._export("there", copy))
        expect(first == other, f"others from there: {', '.join(_different(first, other))}")

    @rule("Raise CheckpointError, with what to do, for what the engine cannot run.")
    def refuses_what_is_no_checkpoint(self) -> None:
        """A folder that is not there, is empty or has no weights is a CheckpointError."""
        empty = self.folder / "empty"
        empty.mkdir(exist_ok=True)
        bare = self.folder / "no-weights"
        bare.mkdir(exist_ok=True)
        config = {"model_type": "nobody-knows-it", "architectures": ["NobodyKnowsIt"]}
        (bare / "config.json").write_text(json.dumps(config), encoding="utf-8")
        for folder in (self.folder / "not-there", empty, bare):
            try:
                self._export(f"of-{folder.name}", folder)
            except CheckpointError as error:
                expect(str(error).strip(), "its message is empty")
            except Exception as error:
                raise ContractError(f"{describe(error)} instead of a CheckpointError") from error
            else:
                raise ContractError(f"{folder.name}: it was exported")

    @rule("Write nothing but the export: no cache, no log beside it.")
    def writes_only_there(self) -> None:
        """The exporter writes into the folder that it is given, and nowhere else."""
        with writes_only_below(self.folder / "only", self.folder / "example"):
            self._export("only")

    @rule("Say nothing on stdout, which may be a JSON document; log to stderr, or not at all.")
    def prints_nothing(self) -> None:
        """The exporter prints nothing on stdout."""
        with printed() as said:
            self._export("quietly")
        expect(not said, f"it prints {said}")

    @rule("Leave the working directory, the environment and torch's settings as they are.")
    def leaves_the_process_alone(self) -> None:
        """The state of the whole process is the same afterwards."""
        (self.folder / "process").mkdir()
        with put_back() as changes:
            self._exporter().export(self._checkpoint, self.folder / "process")
        expect(not changes, "; ".join(changes))

    @rule(
        "Let the options class be an attrs class of plain types; raise ValueError, TypeError or "
        "ConfigError in its validators."
    )
    def refuses_bad_options(self) -> None:
        """Wrong options are a ConfigError that names them."""
        self.check_bad_options()

    @property
    def _checkpoint(self) -> Path:
        checkpoint = cast("ExporterExample", self.example).checkpoint
        has_config = "config.json" in self._checkpoint_files
        expect(has_config, f"its example's checkpoint {checkpoint} has no config.json")
        return checkpoint

    @property
    def _checkpoint_files(self) -> Digests:
        """The files of the checkpoint as they were before anything was exported."""
        checkpoint = cast("ExporterExample", self.example).checkpoint
        files = self.once("the files of its checkpoint", lambda: _digests(checkpoint))
        return cast("Digests", files)

    def _export(self, name: str, checkpoint: Path | None = None) -> Path:
        """Export a checkpoint into a new folder of a name, and return that."""
        folder = self.folder / name
        folder.mkdir()
        with put_back():
            self._exporter().export(checkpoint or self._checkpoint, folder)
        return folder

    def _exporter(self) -> Exporter:
        return cast("Exporter", self.create())


def _digests(folder: Path) -> Digests:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _different(these: Digests, those: Digests) -> list[str]:
    return sorted(name for name in {*these, *those} if these.get(name) != those.get(name))
