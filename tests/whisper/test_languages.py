"""Which language is transcribed: asked for, stated by the dataset, or detected."""

import pytest
import torch
from attrs import evolve

from audioforge.errors import ConfigError
from audioforge.model import GREEDY
from audioforge.sample import Clip


@pytest.fixture
def first_inputs():
    """A function that records what an adapter's decoder reads first."""

    def record(adapter):
        seen = []

        def note(module, args, kwargs):
            if kwargs["input_ids"].shape[1] > 1:
                seen.append(kwargs["input_ids"].tolist())

        adapter.module.model.decoder.register_forward_pre_hook(note, with_kwargs=True)
        return seen

    return record


def languages_used(adapter, clips, seen):
    seen.clear()
    adapter.sample(adapter.prepare(clips), 1, GREEDY)
    names = {n: token for token, n in adapter.module.generation_config.lang_to_id.items()}
    [prompts] = seen
    config = adapter.module.generation_config
    for start, _, task, last in prompts:
        assert start == config.decoder_start_token_id
        assert task == config.task_to_id["transcribe"]
        assert last == config.no_timestamps_token_id
    return [names[prompt[1]].strip("<|>") for prompt in prompts]


def with_languages(clips, languages):
    return [
        Clip(evolve(clip.sample, language=language), clip.waveform, clip.sampling_rate)
        for clip, language in zip(clips, languages, strict=True)
    ]


def test_stated_languages_in_one_batch(load, untrained, noise_clips, first_inputs):
    adapter = load(untrained("multilingual"))
    seen = first_inputs(adapter)
    stated = with_languages(noise_clips(5), ["fr", "EN-us", "Chinese", "zh_CN", "<|en|>"])
    assert languages_used(adapter, stated, seen) == ["fr", "en", "zh", "zh", "en"]


def test_language_of_the_options_wins(load, untrained, noise_clips, first_inputs):
    adapter = load(untrained("multilingual"), "French")
    seen = first_inputs(adapter)
    clips = with_languages(noise_clips(2), ["en", None])
    assert languages_used(adapter, clips, seen) == ["fr", "fr"]


def test_unknown_and_unstated_languages_are_detected(
    load, untrained, noise_clips, plain, first_inputs
):
    folder = untrained("multilingual", seed=3)
    adapter, model = load(folder), plain(folder)
    seen = first_inputs(adapter)
    clips = noise_clips(12)
    features = adapter.prepare(clips).features
    names = {n: token.strip("<|>") for token, n in model.generation_config.lang_to_id.items()}
    detected = [names[n] for n in model.detect_language(features).tolist()]
    assert languages_used(adapter, clips, seen) == detected
    mixed = with_languages(clips, ["en", "xx", None, "zh"] * 3)
    expected = [
        stated if stated in ("en", "zh") else found
        for stated, found in zip(["en", "xx", None, "zh"] * 3, detected, strict=True)
    ]
    assert languages_used(adapter, mixed, seen) == expected


def test_language_of_the_checkpoint(load, untrained, noise_clips, plain, first_inputs, tmp_path):
    load(untrained("multilingual"), "fr").save(tmp_path / "by-name")
    adapter = load(tmp_path / "by-name")
    assert languages_used(adapter, noise_clips(2), first_inputs(adapter)) == ["fr", "fr"]
    clips = with_languages(noise_clips(1), ["en"])
    assert languages_used(adapter, clips, first_inputs(adapter)) == ["en"]


def test_forced_tokens_of_old_checkpoints(load, untrained, noise_clips, plain, first_inputs):
    """[[1, language], [2, task]] fixes the language; [[1, None], …] leaves it to detection."""
    folder = untrained("multilingual")
    model = plain(folder)
    config = model.generation_config
    chinese, transcribe = config.lang_to_id["<|zh|>"], config.task_to_id["transcribe"]
    for first in (chinese, None):
        config.forced_decoder_ids = [[1, first], [2, transcribe]]
        target = folder.with_name(f"{folder.name}-forced-{first}")
        model.save_pretrained(target)
        for name in ("tokenizer.json", "tokenizer_config.json", "processor_config.json"):
            (target / name).write_bytes((folder / name).read_bytes())
        adapter = load(target)
        clips = noise_clips(3)
        detected = model.detect_language(adapter.prepare(clips).features)
        names = {n: token.strip("<|>") for token, n in config.lang_to_id.items()}
        expected = [names[first or n] for n in detected.tolist()]
        assert languages_used(adapter, clips, first_inputs(adapter)) == expected


def test_unknown_language_is_refused(load, untrained):
    with pytest.raises(ConfigError, match=r"language: the model has no 'de'.*Known: en, fr, zh"):
        load(untrained("multilingual"), "de")


def test_english_only_model(load, untrained):
    for language in ("en", "English", "en-GB"):
        load(untrained("english"), language)
    with pytest.raises(ConfigError, match=r"English-only and cannot transcribe 'fr'"):
        load(untrained("english"), "fr")


def test_detection_leaves_no_gradient_and_mode(load, untrained, noise_clips):
    adapter = load(untrained("multilingual"))
    adapter.module.train()
    adapter.sample(adapter.prepare(noise_clips(2)), 1, GREEDY)
    assert adapter.module.training
    assert torch.is_grad_enabled()
