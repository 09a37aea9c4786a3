"""Somebody who sits in a folder with what the pages speak of, and types their commands."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import soundfile
from click.testing import CliRunner

from audioforge.cli import cli
from audioforge_demo import assets

from .commands import BLOCK, ROOT, Command

HUB = {
    "openai/whisper-tiny": assets.model(),
    "openai/whisper-tiny.en": assets.model(),
    "openai/whisper-small": assets.model(),
    "facebook/wav2vec2-base-960h": "nano-wav2vec2-digits",
    "MIT/ast-finetuned-speech-commands-v2": assets.commands_model(),
}
"""Hub ids, and what lies in a folder of that name here; a text names one of ../shared/models."""

NOT_RUN = {
    r"\b(NAME|RUN|PATH|FILE|FOLDER|DIR|PACKAGE|PLUGIN|CHECKPOINT|HOST|[MDN])\b": "a pattern",
    r"name:key": "a pattern",
    r"\|": "alternatives",
    r"politeness|phone-digits|plugins (un)?install|plugins check": "tests/plugins and tests/kit",
    r"audioforge demo|^make |^python ": "tests of their own",
    r"datasets convert": "tests/datasets/test_convert.py",
    r"--task tts": "the hub, for its speaker encoder",
    r"--nproc_per_node 2 -m audioforge train …": "two GPUs",
    r"--executor ray": "tests/ray",
}
"""What a command holds that is not run here, with what it is or where it is tested."""

IN_SENTENCES = re.compile(
    r"audioforge (datasets|models|presets( \w+)?|doctor|plugins list|verify \S+\.jsonl.*|.*--help"
    r"|train --resume \S+|runs.*|report \S+|compare \S+ \S+)"
)
"""Commands that sentences give whole; others are only named there."""

FILLED_IN = {"--model": "openai/whisper-tiny.en", "--dataset": "train.jsonl", "--output": "new"}
FILLED_IN |= {"--eval-dataset": "heldout.jsonl", "--selection": "rloo"}
TRAIN = "audioforge train … --model openai/whisper-small"
CLIPS = 20
LIMIT_S = 120


def is_run(command: Command) -> bool:
    """Whether it is run here."""
    whole = command.is_block or IN_SENTENCES.fullmatch(command.text)
    return bool(whole) and not any(re.search(part, command.text) for part in NOT_RUN)


class Reader:
    """Types the commands of one page, in their order.

    Args:
        folder: Where they sit.
        models: Models that lie beside the repository.
        labels: Whether the page is of classes instead of transcripts.
    """

    def __init__(self, folder: Path, models: Path, *, labels: bool) -> None:
        self.folder = folder
        for name, source in HUB.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).symlink_to(models / source)
        sources = (assets.target_train(), assets.target_heldout(), assets.source_heldout())
        if labels:
            sources = (assets.commands_train(), assets.commands_heldout(), assets.commands_source())
        for names, source in zip(FILES, sources, strict=True):
            for name in names:
                self._write_manifest(name, source)
        self._write_manifest("classes.jsonl", assets.commands_train())
        self._write_others()

    def type(self, command: Command) -> None:
        """Run it as it is printed, with what the page leaves to the reader."""
        words = filled_in(command)
        output = words[words.index("--output") + 1] if "--output" in words else None
        if output and "--dry-run" not in words:
            shutil.rmtree(self.folder / output, ignore_errors=True)
        for run in [w for w in words if re.fullmatch(r"runs/\w+", w) and w != output]:
            if not (self.folder / run).exists():  # the page begins where one has been trained
                self.type(Command(command.page, command.line, f"{TRAIN} --output {run}", True))
        if words[0] == "torchrun":
            done = subprocess.run(
                [Path(sys.executable).with_name("torchrun"), *words[1:]],
                env=os.environ | {"OMP_NUM_THREADS": "1"},
                capture_output=True,
                text=True,
                timeout=LIMIT_S,
                check=False,
            )
            assert done.returncode == 0, f"{command}\n{done.stderr[-2000:]}"
            return
        result = CliRunner().invoke(cli, words[1:])
        assert result.exit_code == 0, f"{command}\n{result.output}{result.exception}"

    def _write_manifest(self, name: str, source: Path) -> None:
        lines = []
        for row in map(json.loads, source.read_text(encoding="utf-8").splitlines()[:CLIPS]):
            said = row.get("text", "").split()
            slots = {"first": said[0], "last": said[-1]} if said else {}
            path = str(source.parent / row["audio_filepath"])
            lines.append(row | {"audio_filepath": path, "slots": slots})
        text = "".join(f"{json.dumps(line)}\n" for line in lines)
        (self.folder / name).write_text(text, encoding="utf-8")

    def _write_others(self) -> None:
        sound, rate = soundfile.read(sorted(assets.ASSETS.glob("target/audio/*"))[0])
        for name in ("noise", "out"):
            (self.folder / name).mkdir()
            soundfile.write(self.folder / name / "one.wav", sound, rate)
        shutil.copytree(self.folder, self.folder / "nonnative", symlinks=True)
        (self.folder / "run.yaml").write_text(block_of("docs/training.md", "yaml"))
        (self.folder / "prompts.jsonl").write_text('{"id": "one", "text": "two four one"}\n')
        (self.folder / "terms.txt").write_text("two\nfour\n")
        (self.folder / "predictions.jsonl").write_text('{"text": "one", "pred_text": "one"}\n')
        (self.folder / "results.csv").write_text("truth,google\none,one\n")
        for name in ("hyp.trn", "ref.trn"):
            (self.folder / name).write_text("two four one (ann-1)\n")
        (self.folder / "idea.py").write_text(block_of("docs/plugins.md", "python"))
        for name in ("train", "heldout"):
            rows = (self.folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
            lines = [json.loads(row) for row in rows]
            table = "".join(f"{x['audio_filepath']},{x.get('text')},a\n" for x in lines)
            name = {"train": "recordings"}.get(name, name)
            (self.folder / f"{name}.csv").write_text(f"file,transcript,speaker\n{table}")


FILES = (
    ("train.jsonl", "more.jsonl", "my-recordings.jsonl", "my-clips.jsonl", "manifest.jsonl"),
    ("heldout.jsonl", "test.jsonl"),
    ("general.jsonl",),
)
"""Manifests of the pages: to learn from, to measure on, and of other voices."""


def block_of(page: str, language: str) -> str:
    """Return the first block of a page in this language."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return next(block[2] for block in BLOCK.finditer(text) if block[1] == language)


def filled_in(command: Command) -> list[str]:
    """Return its words, with what `…` leaves to the reader and one cycle unless it says how many.

    Every cycle is like the first; six of each run would take a quarter of an hour.
    """
    words = command.words
    for at, word in enumerate(words):
        if word == "…":
            words[at] = FILLED_IN[words[at - 1]]
        if word == "speech_commands":  # 2.4 GB from its author
            words[at] = "classes.jsonl"
    if "…" in command.text and "train" in words:
        for flag, value in FILLED_IN.items():
            if flag not in words and flag != "--selection":
                words += [flag, value]
    if "train" in words and not {"--cycles", "--resume"} & set(words):
        words += ["--cycles", "1"]
    return words
