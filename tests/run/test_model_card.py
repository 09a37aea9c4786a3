"""The card of an exported checkpoint: the hub reads its head, and no foreign text changes it."""

import copy

import pytest
import yaml
from huggingface_hub import ModelCard

from audioforge.config import AudioRAFTConfig
from audioforge.run.base_card import BaseCard, base_card
from audioforge.run.model_card import CardFacts, model_card

ENTRY = {"wer": 0.4052, "ci95": [0.28, 0.59], "n": 160, "retention": {}}
SUMMARY = {
    "task": "asr",
    "metric": "wer",
    "metric_is_rewarded": True,
    "normalizer": "english-1",
    "eval_dataset": "/home/someone/heldout.jsonl",
    "verifiers": {"wer": 1.0},
    "languages": {
        "train: /home/someone/train.jsonl": {"clips": {"en": 200, "und": 3}, "how": "stated"},
        "held out: x": {"clips": {"de": 10}, "how": "stated"},
    },
    "base": ENTRY,
    "cycles": [ENTRY],
    "best": {
        "wer": 0.2801, "ci95": [0.22, 0.33], "n": 160, "cycle": 1, "interpolation": 0.5,
        "decoding": "greedy", "difference_ci95": [-0.28, -0.03], "dtype": "float16",
        "interval": {"unit": "speakers", "speakers": 80},
    },
    "improved": True,
    "selected_on_same_data": True,
    "test": None,
    "skipped": {"train: /home/someone/train.jsonl": 2},
}  # fmt: skip
HUB = BaseCard(id="openai/whisper-tiny.en", is_local=False, licence="apache-2.0")


def card(base=HUB, dataset="org/speech", config=None, **summary):
    facts = CardFacts(base=base, dataset=dataset, held_out=None, clips=200, metric="WER")
    settings = AudioRAFTConfig(temperature=0.6, **(config or {})).as_mapping()
    return model_card({**copy.deepcopy(SUMMARY), **summary}, settings, facts)


def test_the_head_is_the_hubs_metadata():
    data = ModelCard(card()).data
    assert data.base_model == "openai/whisper-tiny.en"
    assert (data.datasets, data.language) == ("org/speech", ["en", "de"])
    assert (data.license, data.library_name) == ("apache-2.0", "transformers")
    assert data.pipeline_tag == "automatic-speech-recognition"
    assert {"audioforge", "raft"} <= set(data.tags)
    (result,) = data.eval_results
    assert (result.metric_type, result.metric_value) == ("wer", 28.01)


def test_it_says_how_well_on_what_and_under_which_rule():
    text = card()
    assert "| held out (160) | base | 40.5 % | 28.0 to 59.0 |" in text
    assert "this model, float16 | 28.0 % | 22.0 to 33.0 | -28.0 to -3.0 |" in text
    assert "0.5 of the way to it" in text
    assert "Normaliser: english\\-1. Decoding: greedy." in text
    assert "200 clips of org/speech; 160 held out" in text
    assert "no independent set confirms it" in text
    assert "| samples\\_per\\_prompt | 4 |" in text


def test_what_is_not_known_is_not_stated_and_no_path_gets_in():
    text = card(BaseCard(id=None, is_local=True, licence=None), dataset=None, improved=False)
    data = ModelCard(text).data
    assert (data.base_model, data.license, data.datasets) == (None, None, None)
    assert "someone" not in text
    assert "These are the base model's own weights" in text
    assert "do not state its licence" in text


def test_one_speaker_and_weights_that_are_the_base_s_own():
    best = {**SUMMARY["best"], "interval": {"unit": "speakers", "speakers": 1}}
    text = card(improved=False, best=best)
    assert "The intervals are for the 1 speaker who was held out." in text
    assert "# Openai/whisper\\-tiny.en, not tuned by AudioForge" in text
    assert "# Openai/whisper\\-tiny.en, tuned by AudioForge" in card()


@pytest.mark.parametrize("foreign", ["a`|b", "<script>x</script>", "[x](http://y)", "a\n---\n# b"])
def test_foreign_text_stays_text(foreign):
    text = card(verifiers={foreign: 1.0})
    line = next(line for line in text.splitlines() if line.startswith("| reward |"))
    assert line.count("|") - line.count("\\|") == 3
    for mark in ("<script>", "](", "`"):
        assert mark not in line.replace(f"\\{mark[0]}", "").replace("\\]", "")


def test_the_base_says_its_licence_in_its_own_card_or_nothing_is_known(tmp_path):
    base = tmp_path / "base"
    base.mkdir()
    assert base_card(str(base)) == BaseCard(id=None, is_local=True, licence=None)
    head = yaml.safe_dump({"license": "mit", "base_model": "openai/whisper-tiny.en"})
    (base / "README.md").write_text(f"---\n{head}---\n# Text\n")
    made_from = "openai/whisper-tiny.en"
    assert base_card(str(base)) == BaseCard(id=made_from, is_local=True, licence="mit")
    for broken in (
        "---\nlicense: [\n---\n",
        "---\nlicense: 'a\\nb: c'\n",
        "---\nlicense: <b>\n---\n",
    ):
        (base / "README.md").write_text(broken)
        assert base_card(str(base)).licence is None
