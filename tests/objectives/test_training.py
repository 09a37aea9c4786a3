"""Every selection trains our own adapters, and is refused where an adapter cannot compute it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from audioforge import AudioRAFTConfig, AudioRAFTTrainer
from audioforge.audio import load_clip
from audioforge.model import LoadOptions
from audioforge.plugins import discover
from audioforge.plugins.registry import import_factory
from audioforge.sample import AudioSample, Hypothesis
from audioforge.terminal.reporter import Reporter


@pytest.fixture(params=[("whisper", "nano-whisper-digits"), ("wav2vec", "nano-wav2vec2-digits")])
def adapter(request, shared):
    name, folder = request.param
    adapter_class = import_factory(discover().find("models", name))
    return adapter_class.load(str(shared / "models" / folder), LoadOptions())


def clips_of(shared: Path, adapter, count: int):
    manifest = shared / "data/digits_asr/heldout.jsonl"
    lines = [json.loads(line) for line in manifest.read_text().splitlines()[:count]]
    paths = [manifest.parent / line["audio_filepath"] for line in lines]
    return [load_clip(AudioSample(p.name, p, language="en"), adapter.sampling_rate) for p in paths]


def test_several_targets_of_a_clip_are_as_likely_as_each_by_itself(adapter, shared):
    clips = clips_of(shared, adapter, 2)
    texts = (["one two", "nine", ""], ["three four five"])
    targets = [[Hypothesis(i, text=text) for i, text in enumerate(row)] for row in texts]
    with torch.no_grad():
        found = adapter.logprobs(adapter.prepare(clips), targets)
        alone = [
            adapter.logprobs(adapter.prepare([clip]), [[target]])
            for clip, row in zip(clips, targets, strict=True)
            for target in row
        ]
    assert found.logprobs.shape == found.tokens.shape == (4,)
    torch.testing.assert_close(
        found.logprobs, torch.cat([one.logprobs for one in alone]), atol=2e-3, rtol=1e-4
    )
    assert found.tokens.tolist() == [float(one.tokens) for one in alone]


def test_the_loss_is_their_mean_over_tokens(adapter, shared):
    clips = clips_of(shared, adapter, 2)
    texts, weights = ["one two", "three four five"], [1.0, 0.25]
    targets = [Hypothesis(text=text) for text in texts]
    with torch.no_grad():
        loss = adapter.loss(adapter.prepare(clips), targets, weights)
        found = adapter.logprobs(adapter.prepare(clips), [[target] for target in targets])
    expected = -(found.logprobs / found.tokens * torch.tensor(weights)).sum()
    torch.testing.assert_close(loss, expected)


@pytest.mark.soak
@pytest.mark.parametrize(
    "selection", ["rloo", "top-n", "weighted:spread=0.2", "mix", "grpo:normalize=false", "mwer"]
)
def test_a_ctc_model_learns_by_it(shared, tmp_path, selection):
    """One update on what it does not know yet: the reward of the same clips rises or stays."""
    manifest = shared / "data/digits_asr/train.jsonl"
    config = AudioRAFTConfig(
        model_name=str(shared / "models/nano-wav2vec2-digits"),
        dataset=str(manifest),
        eval_dataset=str(shared / "data/digits_asr/heldout.jsonl"),
        selection=selection,
        output_dir=tmp_path / "run",
        limit=24,
        num_cycles=1,
        steps_per_cycle=6,
        samples_per_prompt=6,
        reward_threshold=0.0,
        learning_rate=3e-4,
    )
    summary = AudioRAFTTrainer(config, reporter=Reporter(quiet=True)).train().as_mapping()
    (cycle,) = summary["cycles"]
    assert cycle["kept"] > 0
    assert cycle["steps"] == 6
    lines = [
        json.loads(line)
        for path in (tmp_path / "run/cycle-01").glob("rollouts-*.jsonl")
        for line in path.read_text().splitlines()
    ]
    marked = sum(h["kept"] for line in lines for h in line["hypotheses"])
    assert 0 < marked <= cycle["kept"]  # a transcript is no hypothesis
