"""What is learnt of draws: the model's own loss by RAFT, the density by a policy gradient."""

import json

import pytest
import torch

from audioforge import AudioRAFTConfig, AudioRAFTTrainer
from audioforge.model import SamplingParams
from audioforge.raft.step_loss import StepLoss
from audioforge.selection import Kept, Loss


class Likeliest(Loss):
    """Minus the weighted sum of log-probabilities."""

    def of_clip(self, targets, logprobs, tokens):
        return -(logprobs * logprobs.new_tensor([kept.weight for kept in targets])).sum()


@pytest.fixture
def kept(adapter, clips):
    """Three draws of a text, with weights."""
    (clip,) = clips("one two")
    (own,) = adapter.sample(adapter.prepare([clip]), 3, SamplingParams(max_new_tokens=8))
    return clip, [Kept(clip.sample, h, w) for h, w in zip(own, (1.0, 0.5, -0.5), strict=True)]


def test_raft_learns_by_the_models_own_loss(adapter, kept):
    clip, items = kept
    rule = StepLoss(adapter, None)
    groups = rule.by_clip(items)
    assert [len(group) for group in groups] == [1, 1, 1]
    found = rule.of_batch(adapter.prepare([clip] * 3), groups).item()
    alone = [
        k.weight * adapter.loss(adapter.prepare([clip]), [k.target], [1.0]).item() for k in items
    ]
    assert found == pytest.approx(sum(alone), rel=1e-4)


def test_a_rule_of_its_own_gets_the_density_of_all_draws_at_once(adapter, kept):
    clip, items = kept
    rule = StepLoss(adapter, Likeliest())
    (group,) = rule.by_clip(items)
    found = rule.of_batch(adapter.prepare([clip]), [group]).item()
    said = adapter.logprobs(adapter.prepare([clip]), [[item.target for item in items]])
    weights = torch.tensor([item.weight for item in items])
    assert found == pytest.approx(-(said.logprobs * weights).sum().item(), rel=1e-5)


def earlier(samples, hypotheses):
    """Reward the first draw most: what a small model without training says is all noise."""
    return [1 / (1 + hypothesis.index) for hypothesis in hypotheses]


@pytest.mark.soak  # a run of whatever objective is tested elsewhere
def test_a_run_learns_by_a_policy_gradient(small, load, tmp_path):
    (tmp_path / "texts.jsonl").write_text(
        "".join(json.dumps({"id": text, "text": text}) + "\n" for text in ("one", "two three"))
    )
    config = AudioRAFTConfig(
        model_name=str(small), task="tts", dataset=str(tmp_path / "texts.jsonl"), language="en",
        eval_dataset=str(tmp_path / "texts.jsonl"), output_dir=tmp_path / "run", num_cycles=1,
        verifier=[earlier], selection="rloo", samples_per_prompt=4, steps_per_cycle=2,
        learning_rate=1e-3, device="cpu",
    )  # fmt: skip
    AudioRAFTTrainer(config).train()
    summary = json.loads((tmp_path / "run/summary.json").read_text())
    assert summary["cycles"][0]["kept"] == 8
    latest = load(tmp_path / "run/cycle-01/checkpoint").module.state_dict()
    base = load(small).module.state_dict()
    writes = "speech_decoder_postnet.feat_out.weight"
    assert not torch.equal(latest[writes], base[writes])
