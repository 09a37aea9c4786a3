"""A cycle on a Whisper of true size (random weights) with 30-second clips, on the CPU."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audioforge import AudioRAFTConfig, AudioRAFTTrainer
from audioforge.terminal.reporter import Reporter
from audioforge_whisper.untrained import SIZES, write_untrained


@pytest.mark.slow
@pytest.mark.soak
def test_a_cycle_of_whisper_tiny_runs(tmp_path: Path) -> None:
    write_untrained(tmp_path / "tiny", SIZES["tiny"])
    draw = np.random.default_rng(0)
    for name, count in (("train", 2), ("heldout", 1)):
        lines = []
        for index in range(count):
            path = tmp_path / f"{name}-{index}.flac"
            soundfile.write(path, 0.1 * draw.standard_normal(30 * 16_000), 16_000)
            lines.append({"audio_filepath": path.name, "text": "hello world", "lang": "en"})
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lines))
    config = AudioRAFTConfig(
        model_name=str(tmp_path / "tiny"),
        dataset=str(tmp_path / "train.jsonl"),
        eval_dataset=str(tmp_path / "heldout.jsonl"),
        output_dir=tmp_path / "run",
        selection="random",  # nothing that an untrained model says earns a reward
        num_cycles=1,
        samples_per_prompt=2,
        batch_size=2,
        max_new_tokens=8,
        device="cpu",
    )
    summary = AudioRAFTTrainer(config, reporter=Reporter(quiet=True)).train().as_mapping()
    cycle = summary["cycles"][0]
    assert (cycle["kept"], cycle["steps"], cycle["hypotheses"]) == (2, 1, 4)
    assert cycle["loss"] > 0
    assert cycle["grad_norm"] > 0
    assert (tmp_path / "run" / "best" / "model.safetensors").stat().st_size > 140e6
