"""Light commands are quick: what each must not import.

`make bench ARGS="--only start-up"` shows their time.
"""

import subprocess
import sys

import pytest

from audioforge_demo import assets

HEAVY = {
    *("torch", "transformers", "tokenizers", "accelerate", "peft", "safetensors"),
    *("datasets", "huggingface_hub", "pyarrow", "pandas"),
    *("librosa", "scipy", "jiwer"),
}
SOUND = {"numpy", "soundfile", "soxr"}
TABLES = {"rich", "yaml"}
KIT_COMMANDS = {
    "audioforge_kit.check_command",
    "audioforge_kit.new_command",
    "audioforge_kit.scaffold",
    "audioforge_kit.scaffold.project",
}
"""Of the kit, what says what its commands take; nothing else is imported for that."""

NOT_IMPORTED = {
    "--help": HEAVY | SOUND | TABLES,
    "--version": HEAVY | SOUND | TABLES,
    "train --help": HEAVY | SOUND,
    "benchmark --help": HEAVY | SOUND,
    "verify --help": HEAVY | SOUND,
    "transcribe --help": HEAVY | SOUND,
    "demo --help": HEAVY | SOUND,
    "doctor --help": HEAVY | SOUND,
    "plugins --help": HEAVY | SOUND,
    "plugins list": HEAVY | SOUND,
    "plugins list --json": HEAVY | SOUND,
    "plugins check --help": HEAVY | SOUND,
    "plugins new --help": HEAVY | SOUND,
    "plugins info audioforge": HEAVY | SOUND,
    "plugins info wer": HEAVY - {"jiwer"} | SOUND - {"numpy"},
    "export --help": HEAVY | SOUND,
    "push --help": HEAVY | SOUND,
    "datasets": HEAVY | SOUND,
    "datasets --json": HEAVY | SOUND,
    "models": HEAVY | SOUND,
    "models --json": HEAVY | SOUND,
}
"""By command."""

NEVER_NEEDED = {"peft", "scipy", "sklearn", "pandas", "datasets", "pyarrow", "librosa", "jiwer"}
"""What training has no use for without a low-rank update, beside torch and Transformers."""


def imported_by(*command: object) -> set[str]:
    """The full names of all modules that a command imports."""
    result = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "audioforge", *map(str, command)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    imported = {
        line.rsplit("|", 1)[1].strip()
        for line in result.stderr.splitlines()
        if line.startswith("import time:")
    }
    assert "audioforge.cli" in imported, "the import times were read"
    return imported


@pytest.mark.parametrize("command", NOT_IMPORTED)
def test_light_commands_import_nothing_heavy(command):
    imported = imported_by(*command.split())
    assert not NOT_IMPORTED[command] & {name.partition(".")[0] for name in imported}
    assert not {name for name in imported if name.startswith("audioforge_kit.")} - KIT_COMMANDS


@pytest.mark.parametrize("normalizer", ["english-1", "whisper-english", "whisper-basic"])
def test_verifiers_of_text_need_no_torch(normalizer, tmp_path):
    predictions = tmp_path / "predictions.jsonl"
    predictions.write_text('{"text": "one two", "pred_text": "one too"}\n')
    imported = imported_by("verify", predictions, "--normalizer", normalizer)
    assert not HEAVY & {name.partition(".")[0] for name in imported}


@pytest.mark.soak
def test_a_dry_run_imports_of_large_libraries_what_it_needs(tmp_path):
    options = {
        "--model": assets.model(),
        "--dataset": assets.target_train(),
        "--eval-dataset": assets.target_heldout(),
        "--output": tmp_path / "run",
    }
    imported = imported_by("train", *(x for pair in options.items() for x in pair), "--dry-run")
    assert "transformers.modeling_utils" in imported
    assert not NEVER_NEEDED & {name.partition(".")[0] for name in imported}
