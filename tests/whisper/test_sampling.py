"""Draws follow the model's distribution, and depend on their keys alone."""

import math
from collections import Counter

import pytest
import torch

from audioforge.model import GREEDY, SamplingParams


def texts(rows):
    return [[h.text for h in row] for row in rows]


def first_logits(model, features, prompt):
    with torch.no_grad():
        return model(features, decoder_input_ids=torch.tensor([prompt])).logits[0, -1]


def chi_square(counts, probabilities, draws):
    """Return the statistic per degree of freedom over outcomes that are expected five times."""
    common = [token for token, p in enumerate(probabilities) if p * draws >= 5]
    rest = draws - sum(counts[token] for token in common)
    rest_expected = draws - draws * sum(probabilities[token] for token in common)
    cells = [(counts[token], draws * probabilities[token]) for token in common]
    cells += [(rest, rest_expected)] if rest_expected > 1 else []
    assert len(cells) > 2
    return sum((seen - due) ** 2 / due for seen, due in cells) / (len(cells) - 1), len(cells) - 1


@pytest.mark.sweep(3)
@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_first_tokens_follow_the_softmax(load, untrained, noise_clips, plain, temperature):
    adapter, model = load(untrained("english")), plain(untrained("english"))
    model.generation_config.begin_suppress_tokens = None
    adapter.module.generation_config.begin_suppress_tokens = [7, 8]
    adapter.module.generation_config.suppress_tokens = [9]
    batch = adapter.prepare(noise_clips(1))
    config = model.generation_config
    prompt = [config.decoder_start_token_id, config.no_timestamps_token_id]
    logits = first_logits(model, batch.features, prompt)
    logits[[7, 8, 9]] = -torch.inf
    expected = (logits.double() / temperature).softmax(-1).tolist()
    params = SamplingParams(temperature=temperature, max_new_tokens=1)
    draws = 20_000
    # One token of text says little for a byte tokenizer, so the log-probability tells them apart.
    full = first_logits(model, batch.features, prompt).log_softmax(-1)
    [row] = adapter.sample(batch, draws, params)
    seen = torch.tensor([h.logprob for h in row])
    nearest = (seen[:, None] - full[None, :]).abs().argmin(dim=-1)
    statistic, freedom = chi_square(Counter(nearest.tolist()), expected, draws)
    assert statistic < 1 + 5 * math.sqrt(2 / freedom)


def test_whole_transcripts_are_as_frequent_as_their_probability(nano, digit_clips):
    draws = 4000
    batch = nano.prepare(digit_clips(1))
    [row] = nano.sample(batch, draws, SamplingParams(seed=3))
    counts = Counter((h.text, h.tokens) for h in row)
    logprobs = {(h.text, h.tokens): h.logprob for h in row}
    common = [key for key, count in counts.most_common(8) if count > 30]
    assert len(common) >= 3
    for key in common:
        p = math.exp(logprobs[key])
        assert abs(counts[key] / draws - p) < 4 * math.sqrt(p * (1 - p) / draws)


def test_a_clip_is_encoded_once_and_read_once_by_modules_too(load, nano_folder, digit_clips):
    adapter = load(nano_folder)
    encoded, keys = [], []
    adapter.module.model.encoder.register_forward_hook(
        lambda module, inputs, output: encoded.append(len(output.last_hidden_state))
    )
    layer = adapter.module.model.decoder.layers[0].encoder_attn
    layer.k_proj.register_forward_hook(lambda module, inputs, output: keys.append(len(output)))
    with pytest.warns(UserWarning, match="has a hook"):
        adapter.sample(adapter.prepare(digit_clips(6)), 4, SamplingParams())
    assert encoded == [6]
    assert keys == [6]


def test_sharing_the_audio_changes_no_logits(nano, nano_folder, digit_clips, plain):
    """Log-probabilities of k drawn rows equal those of plain Transformers, one row at a time."""
    batch, model = nano.prepare(digit_clips(4)), plain(nano_folder)
    tokenizer, config = nano._tokenizer, model.generation_config
    checked = 0
    for clip, row in enumerate(nano.sample(batch, 8, SamplingParams())):
        for hypothesis in row:
            words = tokenizer(" " + hypothesis.text, add_special_tokens=False).input_ids
            if len(words) + 1 != hypothesis.tokens:
                continue  # drawn in other tokens than the text's usual ones
            fed = [config.decoder_start_token_id, config.no_timestamps_token_id, *words]
            said = torch.tensor([*words, config.eos_token_id])
            with torch.no_grad():
                logits = model(
                    batch.features[clip : clip + 1], decoder_input_ids=torch.tensor([fed])
                ).logits[0, 1:]
            expected = logits.log_softmax(-1).gather(-1, said[:, None]).sum().item()
            assert hypothesis.logprob == pytest.approx(expected, abs=1e-4)
            checked += 1
    assert checked > 20


def test_logprob_is_of_the_model_not_of_the_narrowed_draw(nano, digit_clips):
    batch = nano.prepare(digit_clips(20))
    greedy = [h.logprob for [h] in nano.sample(batch, 1, GREEDY)]
    narrow = [h.logprob for [h] in nano.sample(batch, 1, SamplingParams(top_k=1))]
    assert narrow == pytest.approx(greedy, abs=1e-3)
    assert min(greedy) < -0.5


def test_bfloat16_autocast_says_nearly_the_same(nano, digit_clips):
    batch = nano.prepare(digit_clips(60))
    exact = nano.sample(batch, 1, GREEDY)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = nano.sample(batch, 1, GREEDY)
        drawn = nano.sample(batch, 4, SamplingParams())
    same = sum(a.text == b.text for [a], [b] in zip(exact, rounded, strict=True))
    assert same >= 50
    assert all(math.isfinite(h.logprob) and h.logprob <= 0 for row in drawn for h in row)
