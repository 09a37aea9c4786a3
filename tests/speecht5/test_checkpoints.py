"""Checkpoints: what is written is a plain Transformers folder; what is wrong with one is said."""

import json
import shutil

import numpy as np
import pytest
import torch
from attrs import evolve
from transformers import SpeechT5ForTextToSpeech, SpeechT5HifiGan, SpeechT5Processor

from audioforge.errors import AudioError, CheckpointError
from audioforge.model import SamplingParams
from audioforge_speecht5.example import SMALL
from audioforge_speecht5.untrained import NANO_VOCODER, model_config, write_untrained

SHORT = SamplingParams(max_new_tokens=6)


@pytest.fixture
def copy(small, tmp_path):
    return shutil.copytree(small, tmp_path / "copy")


def test_plain_transformers_reads_what_is_saved(adapter, load, clips, tmp_path):
    adapter.save(tmp_path / "saved")
    model = SpeechT5ForTextToSpeech.from_pretrained(tmp_path / "saved")
    processor = SpeechT5Processor.from_pretrained(tmp_path / "saved")
    vocoder = SpeechT5HifiGan.from_pretrained(tmp_path / "saved/vocoder")
    batch = adapter.prepare(clips("one two"))
    assert processor(text="one two").input_ids == batch.tokens[0].tolist()
    for name, weight in adapter.module.state_dict().items():
        assert torch.equal(model.state_dict()[name], weight), name
    ((said,),) = adapter.sample(batch, 1, SHORT)
    with torch.no_grad():
        sound = vocoder(torch.from_numpy(said.features)).numpy()
    np.testing.assert_allclose(sound, said.audio, atol=1e-6)
    again = load(tmp_path / "saved")
    ((same,),) = again.sample(again.prepare(clips("one two")), 1, SHORT)
    assert np.array_equal(same.features, said.features)
    assert np.array_equal(same.audio, said.audio)


def test_griffin_lim_where_it_is_named(tmp_path, load, clips):
    write_untrained(tmp_path / "tin", model_config(**SMALL), None)
    adapter = load(tmp_path / "tin")
    heard = np.sin(2 * np.pi * 440 * np.arange(8_000) / 16_000).astype(np.float32)
    mels = adapter.extractor(audio_target=heard, sampling_rate=16_000).input_values[0]
    vocoder = adapter._checkpoint.vocoder
    sound = vocoder.sound(torch.from_numpy(mels))
    spectrum = np.abs(np.fft.rfft(sound))
    assert spectrum.argmax() * 16_000 / len(sound) == pytest.approx(440, abs=20)
    assert np.array_equal(sound, vocoder.sound(torch.from_numpy(mels)))
    wild = vocoder.sound(torch.full((10, 80), 1e4))
    assert np.abs(wild).max() <= 1
    adapter.save(tmp_path / "saved")
    assert json.loads((tmp_path / "saved/vocoder.json").read_text()) == {"vocoder": "griffin-lim"}
    load(tmp_path / "saved")


def test_without_a_vocoder_it_says_where_to_put_one(copy, load, monkeypatch):
    shutil.rmtree(copy / "vocoder")
    monkeypatch.setattr("audioforge_speecht5.vocoder.HUB", "somebody/who-is-not-there")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(CheckpointError, match=r"the vocoder of .*copy: put a folder .* vocoder/"):
        load(copy)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{}", "it must name the vocoder"),
        ('{"vocoder": 3}', "it must name the vocoder"),
        ("[", "vocoder.json"),
    ],
)
def test_a_vocoder_that_is_not_named_well(copy, load, content, message):
    shutil.rmtree(copy / "vocoder")
    (copy / "vocoder.json").write_text(content)
    with pytest.raises(CheckpointError, match=message):
        load(copy)


def test_a_vocoder_in_another_folder(copy, load, tmp_path):
    (copy / "vocoder").rename(tmp_path / "elsewhere")
    (copy / "vocoder.json").write_text(json.dumps({"vocoder": str(tmp_path / "elsewhere")}))
    load(copy)


def test_a_vocoder_of_other_spectrograms_is_refused(copy, load):
    shutil.rmtree(copy / "vocoder")
    settings = {**NANO_VOCODER, "upsample_rates": [4, 4, 4, 2]}
    write_untrained(copy.parent / "other", model_config(**SMALL), settings)
    shutil.copytree(copy.parent / "other/vocoder", copy / "vocoder")
    with pytest.raises(CheckpointError, match=r"128 samples a frame.*256 samples a frame"):
        load(copy)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architectures": ["SpeechT5ForSpeechToText"]}, "not SpeechT5 for text to speech"),
        ({"vocab_size": 5}, "the model 5: they are of two models"),
        ({"num_mel_bins": 40}, "80 bands, the model 40"),
    ],
)
def test_what_is_no_such_model_is_refused(copy, load, changes, message):
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, **changes}))
    with pytest.raises(CheckpointError, match=message):
        load(copy)


NUMBERS = [float(i + 1) for i in range(16)]


def test_the_data_state_a_voice(adapter, clips, tmp_path):
    np.save(tmp_path / "voice.npy", np.array(NUMBERS))
    (own,) = adapter.prepare(clips("one")).voices
    for stated in (NUMBERS, str(tmp_path / "voice.npy")):
        (voice,) = adapter.prepare(clips("one", metadata={"xvector": stated})).voices
        assert voice.tolist() == NUMBERS
    assert own.tolist() != NUMBERS


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ([1.0, 2.0], "2 numbers"),
        ([0.0] * 16, "all of them 0"),
        (["a"] * 16, "no list of numbers"),
        ("nowhere.npy", "cannot be read"),
        ({"a": 1}, "no list of numbers"),
    ],
)
def test_a_voice_that_is_none_is_named(adapter, clips, stated, message):
    with pytest.raises(AudioError, match=rf"texts:3.*xvector: .*{message}"):
        adapter.prepare(clips("one", where="texts:3", metadata={"xvector": stated}))


def test_no_pickle_is_a_voice(adapter, clips, tmp_path):
    np.save(tmp_path / "voice.npy", np.array([print] * 16, dtype=object), allow_pickle=True)
    with pytest.raises(AudioError, match="State 16 numbers"):
        adapter.prepare(clips("one", metadata={"xvector": str(tmp_path / "voice.npy")}))


def test_without_any_voice_it_says_what_to_give(copy, load, clips):
    (copy / "voice.safetensors").unlink()
    adapter, given = load(copy), clips("one")
    with pytest.raises(AudioError, match=r"no xvector in the data, no recording of 0\.2 s or more"):
        adapter.prepare(given)
    assert adapter.clip_problem(given[0]).startswith("there is no voice to speak with")


def test_a_damaged_voice_is_named(copy, load):
    (copy / "voice.safetensors").write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match=r"voice\.safetensors.*x-vector of 16 numbers"):
        load(copy)


@pytest.mark.soak
def test_the_voice_of_a_recording(tmp_path, load, clips):
    """SpeechBrain's network, with random weights from the checkpoint's own folder."""
    from safetensors.torch import save_file

    from audioforge_kit.examples import speech_like
    from audioforge_speecht5.xvector import build

    settings = {**SMALL, "speaker_embedding_dim": 512}
    write_untrained(tmp_path / "voiceless", model_config(**settings), NANO_VOCODER, voice=False)
    (tmp_path / "voiceless/xvector").mkdir()
    save_file(build()[0].state_dict(), tmp_path / "voiceless/xvector/embedding_model.safetensors")
    adapter = load(tmp_path / "voiceless")
    (clip,) = clips("one")
    recorded = [evolve(clip, waveform=speech_like(1.0, key)) for key in ("a", "b", "a")]
    first, second, again = adapter.prepare(recorded).voices
    assert torch.equal(first, again)
    assert not torch.equal(first, second)
    adapter.save(tmp_path / "saved")
    assert torch.equal(load(tmp_path / "saved").prepare(recorded).voices[0], first)
