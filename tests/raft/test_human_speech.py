"""Real human speech: the claim of the README, on one seed (benchmarks/adaptation.py runs three)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from audioforge import AudioRAFTConfig, AudioRAFTTrainer
from audioforge.terminal.reporter import Reporter

pytestmark = pytest.mark.soak


def adapted(shared: Path, output: Path, **length: int) -> dict[str, Any]:
    """Return the summary of a run on real speech, and check what holds whatever its length."""
    digits = shared / "data" / "digits_asr"
    config = AudioRAFTConfig(
        model_name=str(shared / "models" / "nano-whisper-digits"),
        dataset=str(digits / "adapt.jsonl"),
        eval_dataset=str(digits / "heldout.jsonl"),
        retention_dataset=(str(digits / "test.jsonl"),),
        output_dir=output,
        normalizer="none",
        samples_per_prompt=4,
        learning_rate=5e-4,
        lr_decay_per_cycle=0.7,
        reward_threshold=1.0,
        temperature=1.0,
        batch_size=16,
        device="cpu",
        **length,
    )
    summary = AudioRAFTTrainer(config, reporter=Reporter(quiet=True)).train().as_mapping()
    assert summary["base"]["wer"] == pytest.approx(0.348, abs=0.001)
    assert summary["improved"]
    exported = next(
        c for c in summary["candidates"] if c["interpolation"] == summary["best"]["interpolation"]
    )
    (retained,) = exported["retention"].values()
    assert retained["difference_ci95"][0] <= 0
    assert sum(summary["skipped"].values()) == 7  # over the 5 s window: 1 of adapt, 6 of test
    return summary


def test_raft_lessens_the_errors_and_interpolation_keeps_the_unheard_voice(
    shared: Path, tmp_path: Path
) -> None:
    summary = adapted(shared, tmp_path / "run", num_cycles=1, steps_per_cycle=40)
    assert summary["cycles"][-1]["wer"] < 0.8 * summary["base"]["wer"]


@pytest.mark.soak
def test_raft_halves_the_errors_and_interpolation_keeps_the_unheard_voice(
    shared: Path, tmp_path: Path
) -> None:
    summary = adapted(shared, tmp_path / "run", num_cycles=4, steps_per_cycle=40)
    assert summary["cycles"][-1]["wer"] < 0.5 * summary["base"]["wer"]
    assert summary["best"]["wer"] < 0.7 * summary["base"]["wer"]
