"""Temperature fallback with Whisper: no-speech as Transformers has it, and redraws by key."""

import pytest
import torch
from attrs import evolve

from audioforge.api.loaded import LoadedModel
from audioforge.inference.fallback import decode_with_fallback
from audioforge.model import SamplingParams
from audioforge_whisper.engine import Engine

SHORT = SamplingParams(temperature=0.0, max_new_tokens=8)


def decoded(adapter, clips):
    with torch.inference_mode():
        return [o for (o,) in decode_with_fallback(adapter, adapter.prepare(clips), SHORT)]


@pytest.mark.parametrize("name", ["english", "multilingual"])
def test_no_speech_is_the_token_before_the_mark_of_no_timestamps(
    load, untrained, noise_clips, plain, name
):
    adapter, model = load(untrained(name)), plain(untrained(name))
    batch = adapter.prepare(noise_clips(3))
    start = torch.full((3, 1), model.generation_config.decoder_start_token_id)
    with torch.no_grad():
        heard = model(batch.features, decoder_input_ids=start).logits[:, -1].softmax(-1)
    # `WhisperNoSpeechDetection` of Transformers
    expected = heard[:, model.generation_config.no_timestamps_token_id - 1]
    stated = adapter.no_speech_probabilities(batch)
    assert stated == pytest.approx(expected.tolist(), rel=1e-4)
    assert len(set(stated)) == 3


def test_a_redraw_depends_on_its_clip_alone_and_encodes_nothing(
    load, untrained, noise_clips, monkeypatch
):
    """Nothing that an untrained model says is likely, so that every clip falls back."""
    adapter, clips, encoded = load(untrained("english")), noise_clips(4), []
    encode = Engine.encode
    monkeypatch.setattr(
        Engine, "encode", lambda engine, x: encoded.append(len(x)) or encode(engine, x)
    )
    together = decoded(adapter, clips)
    assert encoded == [4]
    assert [output.redrawn_at for output in together] == [1.0] * 4
    texts = [output.text for output in together]
    assert [decoded(adapter, [clip])[0].text for clip in clips] == texts
    assert [output.text for output in decoded(adapter, clips[::-1])] == texts[::-1]
    renamed = [evolve(c, sample=evolve(c.sample, id=f"{c.sample.id}'")) for c in clips]
    assert [output.text for output in decoded(adapter, renamed)] != texts


def test_a_loaded_model_falls_back_where_it_is_asked_to(load, untrained, noise_clips):
    model, (clip,) = LoadedModel(load(untrained("english")), "asr"), noise_clips(1)
    greedy, *drawn = (
        model.transcribe(clip.waveform, 16_000, temperature_fallback=fallback)
        for fallback in (False, True, True)
    )
    assert drawn[0] == drawn[1] != greedy
