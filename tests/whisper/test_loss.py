"""The loss is Transformers' own, on the target's tokens only."""

import pytest
import torch
from attrs import evolve

from audioforge.model import GREEDY, SamplingParams
from audioforge.sample import AudioSample, Hypothesis


def said(*texts):
    return [Hypothesis(text=text) for text in texts]


def transformers_loss(model, adapter, features, text, prompt):
    """Return the loss of plain Transformers on the same labels, prompt masked."""
    words = adapter._tokenizer(text, add_special_tokens=False).input_ids
    tokens = torch.tensor([[*prompt, *words, model.generation_config.eos_token_id]])
    labels = tokens[:, 1:].clone()
    labels[:, : len(prompt) - 1] = -100
    return model(features, decoder_input_ids=tokens[:, :-1], labels=labels).loss


def english_prompt(config):
    return [config.decoder_start_token_id, config.no_timestamps_token_id]


def test_loss_and_gradient_equal_transformers(load, nano_folder, digit_clips, plain):
    adapter, model = load(nano_folder), plain(nano_folder)
    batch = adapter.prepare(digit_clips(1))
    ours = adapter.loss(batch, said("three nine one"), [1.0])
    prompt = english_prompt(model.generation_config)
    theirs = transformers_loss(model, adapter, batch.features, " three nine one", prompt)
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-5)
    ours.backward()
    theirs.backward()
    own = dict(adapter.module.named_parameters())
    compared = 0
    for name, parameter in model.named_parameters():
        if parameter.grad is None:
            assert own[name].grad is None
            continue
        torch.testing.assert_close(own[name].grad, parameter.grad, rtol=1e-3, atol=1e-5)
        compared += 1
    assert compared > 50


def test_end_token_is_learnt_where_padding_is_the_same_token(load, nano_folder, digit_clips):
    adapter = load(nano_folder)
    assert adapter._tokenizer.pad_token_id == adapter._tokenizer.eos_token_id
    batch = adapter.prepare(digit_clips(2))
    targets = said("one", "nine nine nine nine nine")
    optimiser = torch.optim.AdamW(adapter.module.parameters(), lr=2e-3)
    for _ in range(30):
        optimiser.zero_grad()
        adapter.loss(batch, targets, [1.0, 1.0]).backward()
        optimiser.step()
    assert [h.text for [h] in adapter.sample(batch, 1, GREEDY)] == [t.text for t in targets]


def test_nothing_said_is_learnt_as_the_end_alone(load, nano_folder, digit_clips, plain):
    adapter, model = load(nano_folder), plain(nano_folder)
    speech, quiet = digit_clips(2)
    quiet = evolve(quiet, waveform=0 * quiet.waveform)
    batch = adapter.prepare([quiet])
    theirs = transformers_loss(
        model, adapter, batch.features, "", english_prompt(model.generation_config)
    )
    assert adapter.loss(batch, said(""), [1.0]).item() == pytest.approx(theirs.item(), rel=1e-5)
    both, optimiser = (
        adapter.prepare([speech, quiet]),
        torch.optim.AdamW(adapter.module.parameters(), lr=2e-3),
    )
    for _ in range(15):
        optimiser.zero_grad()
        adapter.loss(both, said(speech.sample.reference, ""), [1.0, 1.0]).backward()
        optimiser.step()
    heard = [h.text for [h] in adapter.sample(both, 1, GREEDY)]
    assert heard == [speech.sample.reference, ""]


def test_loss_of_a_hypothesis_is_its_logprob(nano, digit_clips):
    batch = nano.prepare(digit_clips(40))
    greedy = [row[0] for row in nano.sample(batch, 1, GREEDY)]
    weights = [float(h.tokens) for h in greedy]
    with torch.no_grad():
        loss = nano.loss(batch, greedy, weights)
    assert -loss.item() == pytest.approx(sum(h.logprob for h in greedy), rel=1e-4)


def test_a_hypothesis_that_a_limit_cut_is_learnt_without_an_end(nano, digit_clips):
    batch = nano.prepare(digit_clips(40))
    cut = [row[0] for row in nano.sample(batch, 1, evolve(GREEDY, max_new_tokens=2))]
    assert {(h.cut, h.tokens) for h in cut} == {(True, 2)}
    with torch.no_grad():
        loss = nano.loss(batch, cut, [2.0] * len(cut))
        ended = nano.loss(batch, [evolve(h, cut=False) for h in cut], [3.0] * len(cut))
    assert -loss.item() == pytest.approx(sum(h.logprob for h in cut), rel=1e-4)
    assert ended > loss + len(cut), "digits follow that the end would deny"


def test_what_was_cut_before_anything_was_said_cannot_be_learnt(nano):
    problem = nano.target_problem(AudioSample("a"), Hypothesis(text="", cut=True))
    assert problem == "a length limit ended the target before anything was said"
    assert nano.target_problem(AudioSample("a"), Hypothesis(text="")) is None


def test_text_of_a_hypothesis_has_its_tokens(nano, digit_clips):
    """What greedy decoding says, tokenised as a target, is what it said: one token a word."""
    for [h] in nano.sample(nano.prepare(digit_clips(100)), 1, GREEDY):
        words = nano._tokenizer(f" {h.text}", add_special_tokens=False).input_ids
        assert len(words) + 1 == h.tokens == len(h.text.split()) + 1


@pytest.mark.parametrize(
    ("language", "space"), [("en", " "), ("fr", " "), ("zh", ""), (None, None)]
)
def test_multilingual_prompt_and_leading_space(
    load, untrained, noise_clips, plain, language, space
):
    folder = untrained("multilingual")
    adapter, model = load(folder), plain(folder)
    batch = adapter.prepare(noise_clips(1, language=language))
    config = model.generation_config
    if language is None:
        token = model.detect_language(batch.features).item()
        found = {number: name for name, number in config.lang_to_id.items()}[token]
        language, space = found.strip("<|>"), "" if found == "<|zh|>" else " "
    prompt = [
        config.decoder_start_token_id,
        config.lang_to_id[f"<|{language}|>"],
        config.task_to_id["transcribe"],
        config.no_timestamps_token_id,
    ]
    ours = adapter.loss(batch, said("abc"), [1.0])
    theirs = transformers_loss(model, adapter, batch.features, f"{space}abc", prompt)
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-5)


def test_special_tokens_in_a_text_stay_text(load, untrained, noise_clips):
    adapter = load(untrained("english"))
    sample = AudioSample(id="x")
    [plain, special] = said("a" * 30, "<|endoftext|><|endoftext|>xxxx")
    assert len(special.text) == len(plain.text)
    assert adapter.target_problem(sample, plain) is None
    assert adapter.target_problem(sample, special) is None
    longer = evolve(special, text=special.text + "abcdefgh")
    assert "39 tokens" in adapter.target_problem(sample, longer)


@pytest.mark.parametrize(("name", "room"), [("english", 37), ("multilingual", 35)])
def test_longest_target(load, untrained, noise_clips, name, room):
    """40 positions hold the prompt (2 or 4), the text with its space, and the end token."""
    adapter = load(untrained(name))
    [clip] = noise_clips(1, language="en")
    fits, too_long = said("a" * (room - 1), "a" * room)
    assert adapter.target_problem(clip.sample, fits) is None
    problem = adapter.target_problem(clip.sample, too_long)
    assert problem == f"the target has {room + 1} tokens, more than the {room} that fit the model"
    assert adapter.loss(adapter.prepare([clip]), [fits], [1.0]).isfinite()


def test_bfloat16_autocast(load, nano_folder, digit_clips):
    adapter = load(nano_folder)
    batch = adapter.prepare(digit_clips(3))
    targets = said("one two", "three", "four five six")
    exact = adapter.loss(batch, targets, [1.0, 1.0, 1.0])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = adapter.loss(batch, targets, [1.0, 1.0, 1.0])
    assert rounded.dtype == torch.float32
    assert rounded.item() == pytest.approx(exact.item(), rel=0.02)


def test_autocast_keeps_every_gradient_after_sampling(load, untrained, noise_clips):
    """Language detection and sampling must not leave casts without gradients behind."""
    adapter = load(untrained("multilingual"))
    batch = adapter.prepare(noise_clips(2))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        adapter.sample(batch, 2, SamplingParams(max_new_tokens=3))
        adapter.loss(batch, said("ab", "c"), [1.0, 1.0]).backward()
    without = [
        name
        for name, p in adapter.module.named_parameters()
        if p.requires_grad and (p.grad is None or not p.grad.abs().sum() > 0)
    ]
    assert without == []
