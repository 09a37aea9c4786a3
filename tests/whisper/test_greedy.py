"""Greedy decoding equals Transformers' own, token for token."""

import json

import pytest
import torch

from audioforge.audio import load_clip
from audioforge.model import GREEDY, SamplingParams
from audioforge.sample import AudioSample


def transformers_greedy(plain, features, prompt_length, **options):
    """Return tokens (end included), text-less, and their log-probability, per clip."""
    full = plain.generate(
        features,
        do_sample=False,
        num_beams=1,
        return_timestamps=False,
        return_dict_in_generate=True,
        **options,
    ).sequences
    end = plain.generation_config.eos_token_id
    rows = []
    for clip, sequence in enumerate(full.tolist()):
        tokens = sequence[prompt_length:]
        if end in tokens:
            tokens = tokens[: tokens.index(end) + 1]
        fed = torch.tensor([sequence[: prompt_length + len(tokens)]])
        with torch.no_grad():
            logits = plain(features[clip : clip + 1], decoder_input_ids=fed).logits
        logprobs = logits.log_softmax(-1)[0, prompt_length - 1 : -1]
        rows.append((tokens, logprobs.gather(-1, torch.tensor(tokens)[:, None]).sum().item()))
    return rows


def assert_same(adapter, plain, batch, prompt_length, params=GREEDY, tolerance=2e-3, **options):
    expected = transformers_greedy(plain, batch.features, prompt_length, **options)
    tokenizer = adapter._tokenizer
    for [hypothesis], (tokens, logprob) in zip(
        adapter.sample(batch, 1, params), expected, strict=True
    ):
        assert hypothesis.text == tokenizer.decode(tokens, skip_special_tokens=True).strip()
        assert hypothesis.tokens == len(tokens)
        assert hypothesis.logprob == pytest.approx(logprob, abs=tolerance)


def test_real_clips(nano, nano_folder, digit_clips, plain):
    batch = nano.prepare(digit_clips(100))
    assert_same(nano, plain(nano_folder), batch, prompt_length=2)


def test_a_real_whisper_on_real_speech(load, shared, plain):
    folder, manifest = shared / "models/whisper-tiny.en", shared / "data/speech/manifest.jsonl"
    lines = [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]
    paths = [manifest.parent / line["audio_filepath"] for line in lines if line["duration"] < 3]
    clips = [load_clip(AudioSample(id=p.name, audio=p), 16_000) for p in paths[:2]]
    adapter = load(folder)
    assert_same(adapter, plain(folder), adapter.prepare(clips), prompt_length=2, tolerance=1e-4)


def test_suppressed_tokens(load, nano_folder, digit_clips, plain):
    adapter, model = load(nano_folder), plain(nano_folder)
    batch = adapter.prepare(digit_clips(30))
    one, two = (adapter._tokenizer(f" {word}").input_ids[2] for word in ("one", "two"))
    before = [h.text for [h] in adapter.sample(batch, 1, GREEDY)]
    assert any("one" in text for text in before)
    assert any(text.startswith("two") for text in before)
    for config in (adapter.module.generation_config, model.generation_config):
        config.suppress_tokens = [one]
        config.begin_suppress_tokens = [two]
    after = [h.text for [h] in adapter.sample(batch, 1, GREEDY)]
    assert not any("one" in text for text in after)
    assert not any(text.startswith("two") for text in after)
    assert any("two" in text for text in after)
    assert_same(adapter, model, batch, prompt_length=2)


@pytest.mark.parametrize("max_length", [4, 7, 200])
def test_length_limit_of_the_checkpoint(load, nano_folder, digit_clips, plain, max_length):
    adapter, model = load(nano_folder), plain(nano_folder)
    for config in (adapter.module.generation_config, model.generation_config):
        config.max_length = max_length
        config.suppress_tokens = [config.eos_token_id]  # so that the limit ends every clip
    assert_same(adapter, model, adapter.prepare(digit_clips(3)), prompt_length=2)


def test_length_limit_of_the_call(nano, nano_folder, digit_clips, plain):
    batch = nano.prepare(digit_clips(5))
    params = SamplingParams(temperature=0.0, max_new_tokens=3)
    assert_same(nano, plain(nano_folder), batch, 2, params, max_new_tokens=3)


@pytest.mark.parametrize("name", ["multilingual", "mels-128"])
@pytest.mark.parametrize("language", ["en", None])
def test_multilingual(load, untrained, noise_clips, plain, name, language):
    adapter, model = load(untrained(name), language), plain(untrained(name))
    batch = adapter.prepare(noise_clips(6))
    assert_same(adapter, model, batch, 4, language=language, task="transcribe")


def test_english_only_untrained(load, untrained, noise_clips, plain):
    adapter = load(untrained("english"), "English")
    batch = adapter.prepare(noise_clips(6))
    assert_same(adapter, plain(untrained("english")), batch, 2)


def test_true_size_tiny(load, untrained, noise_clips, plain):
    adapter, model = load(untrained("tiny"), "fr"), plain(untrained("tiny"))
    batch = adapter.prepare(noise_clips(1, seconds=30))
    assert batch.features.shape == (1, 80, 3000)
    params = SamplingParams(temperature=0.0, max_new_tokens=6)
    assert_same(adapter, model, batch, 4, params, language="fr", max_new_tokens=6)


def test_finished_clips_leave_and_change_nothing(nano, digit_clips):
    clips = digit_clips(24)
    together = nano.sample(nano.prepare(clips), 1, GREEDY)
    for clip, [hypothesis] in zip(clips, together, strict=True):
        [[alone]] = nano.sample(nano.prepare([clip]), 1, GREEDY)
        assert alone.text == hypothesis.text
        assert alone.tokens == hypothesis.tokens
        assert alone.logprob == pytest.approx(hypothesis.logprob, abs=1e-3)
