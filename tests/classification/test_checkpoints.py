"""Which checkpoints are taken, their labels, and new heads."""

import json
import shutil

import pytest
import torch

from audioforge.errors import CheckpointError
from audioforge.model import GREEDY
from audioforge_classification.families import FAMILIES as SERVED
from audioforge_classification.head import encoder_of, head_of

from .conftest import FAMILIES, WORDS, build, extractor_of

NEW = ("left", "right", "stop")
BASES = [(family.model_type, base) for family in SERVED for base in family.bases]
TINY = {model_type: name for name, (model_type, _) in reversed(FAMILIES.items())}


def changed_config(folder, target, **changes):
    """Copy a checkpoint with other values in its config.json; None takes a key out."""
    shutil.copytree(folder, target)
    path = target / "config.json"
    config = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({k: v for k, v in config.items() if v is not None}))
    return target


@pytest.mark.sweep(2)
@pytest.mark.parametrize(("model_type", "base"), BASES)
def test_a_base_model_gets_a_new_head(tmp_path, load, clips, model_type, base):
    """The encoder's weights are kept; the rest comes from the seed, whatever the generator."""
    name = TINY[model_type]
    plain = build(name, base, labels=None)
    plain.save_pretrained(tmp_path / "base")
    extractor_of(*FAMILIES[name]).save_pretrained(tmp_path / "base")
    with pytest.raises(CheckpointError, match=f"{base} has no classification head.*--new-head"):
        load(tmp_path / "base")
    torch.manual_seed(5)
    before = torch.get_rng_state()
    adapter = load(tmp_path / "base", new_labels=NEW, seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    assert adapter.labels == NEW
    source = list(plain.state_dict().items())
    for key, weight in encoder_of(adapter.module).state_dict().items():
        assert any(n.endswith(key) and torch.equal(w, weight) for n, w in source), key
    adapter.save(tmp_path / "saved")
    again = load(tmp_path / "saved")
    assert again.labels == NEW
    batch = adapter.prepare(clips(3))
    said = [h.logprob for [h] in adapter.sample(batch, 1, GREEDY)]
    assert [h.logprob for [h] in again.sample(batch, 1, GREEDY)] == said


@pytest.mark.sweep(5)
@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("labels", [NEW, ("left", "right", "on", "off")])
def test_a_new_head_replaces_one_of_any_size(untrained, load, name, labels):
    """Also one of the same size, whose weights belong to other labels."""
    old = load(untrained(name)).module
    first, again, other = (
        load(untrained(name), new_labels=labels, seed=seed).module for seed in (1, 1, 2)
    )
    for key, weight in encoder_of(old).state_dict().items():
        assert torch.equal(weight, encoder_of(first).state_dict()[key])
    drawn = {key for key, weight in head_of(first).items() if weight.dim() == 2}
    assert drawn
    for key, weight in head_of(first).items():
        assert torch.equal(weight, head_of(again)[key])
        assert torch.isfinite(weight).all()
        if key in drawn:
            assert not torch.equal(weight, head_of(other)[key])
            same_shape = head_of(old)[key].shape == weight.shape
            assert not (same_shape and torch.equal(weight, head_of(old)[key]))


def test_a_new_head_knows_nothing_yet(nano_folder, load, digit_clips):
    adapter = load(nano_folder, new_labels=("low", "high"), seed=0)
    batch = adapter.prepare(digit_clips("test.jsonl", every=20))
    assert {h.logprob < -0.2 for [h] in adapter.sample(batch, 1, GREEDY)} == {True}


@pytest.mark.parametrize("labels", [(), ("one",), ("one", "one")])
def test_a_new_head_needs_different_labels(untrained, load, labels):
    with pytest.raises(CheckpointError, match="at least two different labels"):
        load(untrained("whisper"), new_labels=labels)


def test_labels_stand_in_the_order_of_the_outputs(untrained, load, tmp_path):
    order = {"2": "up", "0": "yes", "3": "down", "1": "no"}
    folder = changed_config(untrained("wav2vec2"), tmp_path / "c", id2label=order)
    assert load(folder).labels == WORDS


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id2label": {"0": "yes", "1": "yes", "2": "up", "3": "no"}}, r"the label yes\. Write"),
        ({"id2label": {"0": "a", "1": "b", "2": "c", "4": "d"}}, r"outputs 0, 1, 2, 4 instead of"),
        ({"id2label": None, "label2id": None, "num_labels": 4}, r"no names but LABEL_0 to LABEL_3"),
        ({"problem_type": "regression"}, "so there is no choice"),
        ({"id2label": {"0": "loudness"}, "label2id": None}, "so there is no choice"),
        ({"architectures": None}, "not an audio classifier: .*architectures None"),
        ({"architectures": ["Wav2Vec2ForXVector"]}, "not an audio classifier"),
    ],
)
def test_a_checkpoint_that_cannot_serve_says_why(untrained, load, tmp_path, changes, message):
    folder = changed_config(untrained("wav2vec2"), tmp_path / "c", **changes)
    with pytest.raises(CheckpointError, match=message):
        load(folder)


def test_another_kind_of_model_is_refused(shared, load, tmp_path):
    from transformers import BertConfig, BertForSequenceClassification

    BertForSequenceClassification(
        BertConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=1, intermediate_size=16)
    ).save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match=r"not an audio classifier: .*'bert'"):
        load(tmp_path)
    with pytest.raises(CheckpointError, match="there is no such folder"):
        load(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["whisper", "ast"])
def test_a_feature_extractor_of_another_window_is_refused(untrained, load, tmp_path, name):
    folder = changed_config(untrained(name), tmp_path / "c")
    path = folder / "preprocessor_config.json"
    settings = json.loads(path.read_text())
    longer = {"chunk_length": 2, "max_length": 256, "nb_max_frames": 200, "n_samples": 32_000}
    path.write_text(json.dumps(settings | {k: v for k, v in longer.items() if k in settings}))
    with pytest.raises(CheckpointError, match="the feature extractor makes"):
        load(folder)


def test_an_encoder_of_another_size_is_not_filled_in(untrained, load, tmp_path):
    """A new head forgives weights of another shape in the head, and there only."""
    folder = changed_config(untrained("wav2vec2"), tmp_path / "c", intermediate_size=40)
    for options in ({}, {"new_labels": NEW}):
        with pytest.raises(CheckpointError):
            load(folder, **options)


def test_a_missing_feature_extractor_is_named(untrained, load, tmp_path):
    folder = changed_config(untrained("ast"), tmp_path / "c")
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(CheckpointError, match="cannot read its feature extractor"):
        load(folder)
