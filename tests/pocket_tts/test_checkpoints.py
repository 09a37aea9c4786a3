"""Checkpoints: what is written is a plain Transformers folder; what is wrong with one is said."""

import json
import shutil
import warnings

import numpy as np
import pytest
import soundfile
import torch
from attrs import evolve
from safetensors.numpy import load_file, save_file
from safetensors.torch import save_file as save_tensors
from transformers import (
    PocketTTSAudioTokenizerModel,
    PocketTTSForConditionalGeneration,
    PocketTTSProcessor,
)

from audioforge.errors import AudioError, CheckpointError
from audioforge.model import SamplingParams
from audioforge.sample import Hypothesis
from audioforge_kit.examples import speech_like
from audioforge_kit.reused_rows import check_rows
from audioforge_pocket_tts.untrained import NANO, NANO_CODEC, model_config, write_untrained

SHORT = SamplingParams(max_new_tokens=8)
NOWHERE = "somebody/who-is-not-there"


@pytest.fixture
def copy(small, tmp_path):
    return shutil.copytree(small, tmp_path / "copy")


@pytest.fixture
def voiceless(copy):
    (copy / "voice.safetensors").unlink()
    return copy


def change(path, **values):
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def heard(clip, key="somebody", seconds=1.0):
    return evolve(clip, waveform=speech_like(seconds, key, 24_000))


def voices(batch):
    return [prompt.voice.numpy() for prompt in batch.prompts]


def test_plain_transformers_reads_what_is_saved(adapter, load, clips, tmp_path):
    folder = tmp_path / "saved"
    adapter.save(folder)
    model = PocketTTSForConditionalGeneration.from_pretrained(folder)
    codec = PocketTTSAudioTokenizerModel.from_pretrained(folder / "audio_tokenizer")
    processor = PocketTTSProcessor.from_pretrained(folder)
    processor.audio_tokenizer = codec
    for name, weight in adapter.module.state_dict().items():
        assert torch.equal(model.state_dict()[name], weight), name
    assert model.generation_config.eos_threshold == 0.7
    batch = adapter.prepare(clips("one two"))
    ((said,),) = adapter.sample(batch, 1, SHORT)
    sound = processor.decode(torch.from_numpy(said.features))
    np.testing.assert_allclose(sound.clamp(-1, 1), said.audio[: len(sound)], atol=1e-5)
    again = load(folder)
    ((same,),) = again.sample(again.prepare(clips("one two")), 1, SHORT)
    assert np.array_equal(same.features, said.features)
    assert np.array_equal(same.audio, said.audio)


def test_what_only_training_has_need_not_be_there(copy, load):
    """Released checkpoints leave out the learnt weighting of the loss, which begins as zeros."""
    weights = load_file(copy / "model.safetensors")
    kept = {n: w for n, w in weights.items() if "weighting" not in n and "num_updates" not in n}
    assert len(kept) < len(weights)
    save_file(kept, copy / "model.safetensors", metadata={"format": "pt"})
    module = load(copy).module
    assert not any(p.any() for p in module.loss_weighting.parameters())


def test_the_codec_of_a_name(copy, load, clips, tmp_path):
    """A folder is not named in what is saved, since its name is of this machine."""
    (copy / "audio_tokenizer").rename(tmp_path / "elsewhere")
    for name in ("../elsewhere", str(tmp_path / "elsewhere")):
        named = {"audio_tokenizer_name_or_path": name}
        change(copy / "processor_config.json", audio_tokenizer=named)
        adapter = load(copy)
    adapter.save(tmp_path / "saved")
    assert "audio_tokenizer" not in json.loads(
        (tmp_path / "saved/processor_config.json").read_text()
    )
    PocketTTSProcessor.from_pretrained(tmp_path / "saved")
    load(tmp_path / "saved")


def test_a_codec_of_the_hub_stays_named(copy, load, tmp_path):
    """And is not fetched where it lies beside the model."""
    named = {
        "audio_tokenizer_class": "PocketTTSAudioTokenizerModel",
        "audio_tokenizer_name_or_path": NOWHERE,
    }
    change(copy / "processor_config.json", audio_tokenizer=named)
    load(copy).save(tmp_path / "saved")
    written = json.loads((tmp_path / "saved/processor_config.json").read_text())
    assert written["audio_tokenizer"] == named


def test_without_a_codec_it_says_where_to_put_one(copy, load, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    shutil.rmtree(copy / "audio_tokenizer")
    with pytest.raises(CheckpointError, match=r"copy: there is no codec: put a folder"):
        load(copy)
    named = {"audio_tokenizer_name_or_path": NOWHERE}
    change(copy / "processor_config.json", audio_tokenizer=named)
    with pytest.raises(CheckpointError, match=rf"{NOWHERE}.*the codec of .*copy: put a folder"):
        load(copy)
    shutil.copytree(copy, copy / "audio_tokenizer")
    with pytest.raises(CheckpointError, match="its model_type is 'pocket_tts'"):
        load(copy)


@pytest.mark.sweep(3)
@pytest.mark.parametrize(
    ("file", "changes", "message"),
    [
        ("config.json", {"architectures": ["PocketTTSModel"]}, "not Pocket TTS"),
        ("config.json", {"vocab_size": 20}, "tokens, the model 20: they are of two models"),
        ("config.json", {"audio_bos_token_id": 3}, "has the audio_bos_token 40, the model 3"),
        ("audio_tokenizer/config.json", {"latent_dim": 9}, "of 9 numbers|another shape"),
        ("audio_tokenizer/config.json", {"sampling_rate": 48_000}, "24000 Hz.* for 48000 Hz"),
        ("generation_config.json", {"num_flow_steps": 10**9}, "num_flow_steps"),
        ("generation_config.json", {"min_frames_before_eos": "a"}, "whole numbers"),
        ("generation_config.json", {"eos_threshold": float("nan")}, "a logit are needed"),
        ("config.json", {"frame_rate": 25.0}, "at 24000 Hz, the model 25 frames"),
        ("config.json", {"audio_prompt_bos_token_id": 7}, "has the audio_prompt_bos_token 39"),
        ("processor_config.json", {"frames_after_eos": -1}, "frames_after_eos are"),
    ],
)
def test_what_is_no_such_model_is_refused(copy, load, file, changes, message):
    change(copy / file, **changes)
    with pytest.raises(CheckpointError, match=message):
        load(copy)


def test_a_damaged_file_of_decoding_is_named(copy, load):
    """Transformers passes it over, and all would end by other rules than the checkpoint's."""
    (copy / "generation_config.json").write_text('{"eos_threshold": 0.')
    with pytest.raises(CheckpointError, match=r"generation_config\.json: cannot be read as JSON"):
        load(copy)


def test_speech_of_no_frames_is_no_lesson(copy, load, clips):
    change(copy / "generation_config.json", min_frames_before_eos=0, eos_threshold=-1e9)
    adapter = load(copy)
    batch = adapter.prepare(clips("one"))
    ((said,),) = adapter.sample(batch, 1, SHORT)
    assert len(said.features) == 0
    assert "before its first frame" in adapter.target_problem(batch.samples[0], said)


def test_a_mark_of_the_tokenizer_is_no_text(adapter, clips):
    (text,) = clips("nine <pad> one")
    drawn = Hypothesis(features=np.zeros((3, 8), np.float32))
    assert "no token for '<pad>'" in adapter.target_problem(text.sample, drawn)


def test_without_a_template_of_a_voice_it_is_refused(copy, load):
    template = copy / "chat_template.jinja"
    for content in ("{{ messages[0].content[1].text }}", "<audio_bos>{{ nobody.knows }}"):
        template.write_text(content)
        with pytest.raises(CheckpointError, match="cannot read its chat template"):
            load(copy)
    template.write_text("<audio_prompt>{{ messages[0].content[1].text }}<audio_bos>.")
    with pytest.raises(CheckpointError, match="does not end where speech begins"):
        load(copy)
    template.write_text("<audio_prompt_bos><audio_prompt>one<audio_bos>")
    with pytest.raises(CheckpointError, match="does not hold the text"):
        load(copy)
    template.unlink()
    with pytest.raises(CheckpointError, match=r"no chat_template\.jinja"):
        load(copy)


def test_the_voice_of_a_recording(voiceless, load, clips):
    """Recordings are heard once a run, and their voices kept; others speak otherwise."""
    adapter = load(voiceless)
    (text,) = clips("one")
    own = [heard(text), heard(text, "else"), heard(text, "somebody", 1.5)]
    first, second, longer = voices(adapter.prepare(own))
    assert first.shape == (13, 8), "of a second, what is silent at its end is a pause of 80 ms"
    assert not np.allclose(first, second)
    assert len(longer) > len(first)
    said = [h.features for (h,) in adapter.sample(adapter.prepare(own[:2]), 1, SHORT)]
    assert said[0].shape != said[1].shape or not np.allclose(*said)
    target = Hypothesis(audio=own[1].waveform, sampling_rate=24_000)
    check_rows(adapter, own, [target] * 3, "voices of recordings")
    assert adapter.reuse() is not None


def test_the_data_state_a_voice(adapter, clips, tmp_path):
    """A recording, or latents; it comes before the checkpoint's own and the line's recording."""
    latents = np.linspace(-1, 1, 40, dtype=np.float32).reshape(5, 8)
    np.save(tmp_path / "voice.npy", latents)
    save_file({"audio_prompt_latents": latents}, tmp_path / "voice.safetensors")
    brain = {"audio_prompt_latents": torch.ones(5, 8, dtype=torch.bfloat16)}
    save_tensors(brain, tmp_path / "brain.safetensors")
    (stated,) = clips("one", metadata={"voice": str(tmp_path / "brain.safetensors")})
    assert (voices(adapter.prepare([stated]))[0] == 1).all()
    soundfile.write(tmp_path / "voice.wav", speech_like(1.0, "else", 16_000), 16_000)
    stated = [
        clips("one", metadata={"voice": str(tmp_path / f"voice.{kind}")})[0]
        for kind in ("npy", "safetensors", "wav")
    ]
    *same, recording = voices(adapter.prepare([heard(clip) for clip in stated]))
    assert all(np.array_equal(voice, latents) for voice in same)
    assert recording.shape == (13, 8)
    (own,) = voices(adapter.prepare([heard(clips("one")[0])]))
    assert own.shape == (6, 8)


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ([1.0, 2.0], "state the path of a file"),
        ("nowhere.npy", "cannot be read"),
        ("nowhere.wav", r"texts:3: one: voice: nowhere\.wav: there is no such file"),
        (np.zeros((0, 8), np.float32), "are no voice"),
        (np.zeros((3, 7), np.float32), r"shape \(3, 7\)"),
        (np.full((3, 8), np.nan, np.float32), "not finite"),
        (np.array([[print] * 8], dtype=object), "cannot be read|allow_pickle"),
    ],
)
def test_a_voice_that_is_none_is_named(adapter, clips, tmp_path, stated, message):
    if isinstance(stated, np.ndarray):
        np.save(tmp_path / "voice.npy", stated, allow_pickle=True)
        stated = str(tmp_path / "voice.npy")
    with pytest.raises(AudioError, match=message):
        adapter.prepare(clips("one", where="texts:3", metadata={"voice": stated}))


def test_without_any_voice_it_says_what_to_give(voiceless, load, clips):
    adapter, given = load(voiceless), clips("one")
    with pytest.raises(AudioError, match=r"no voice in the data, no recording of 0\.2 s or more"):
        adapter.prepare(given)
    assert adapter.clip_problem(given[0]).startswith("there is no voice to speak with")
    assert adapter.clip_problem(heard(given[0])) is None


def test_what_is_learnt_and_is_its_own_voice_is_warned_of(voiceless, load, clips, tmp_path):
    adapter = load(voiceless)
    np.save(tmp_path / "voice.npy", np.ones((4, 8), np.float32))
    given = clips("one", metadata={"voice": str(tmp_path / "voice.npy")})
    own = [heard(clip) for clip in clips("one")]
    target = Hypothesis(audio=speech_like(1.0, "a", 24_000), sampling_rate=24_000)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        adapter.loss(adapter.prepare(given), [target], [1.0])
    with pytest.warns(UserWarning, match="what is learnt is also the voice"):
        adapter.loss(adapter.prepare(own), [target], [1.0])


def test_a_damaged_voice_is_named(copy, load):
    (copy / "voice.safetensors").write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match=r"voice\.safetensors.*8 numbers for each frame"):
        load(copy)


def test_a_codec_that_hears_nothing(tmp_path, load, clips):
    """Without its encoder it speaks with latents that are stated, and learns what it drew."""
    folder = tmp_path / "deaf"
    settings = {**NANO_CODEC, "encoder_config": None}
    write_untrained(folder, model_config(**NANO), settings, voice=False)
    adapter = load(folder)
    (text,) = clips("one")
    with pytest.raises(AudioError, match="its codec has no encoder"):
        adapter.prepare([heard(text)])
    target = Hypothesis(audio=speech_like(1.0, "a", 24_000), sampling_rate=24_000)
    assert "no encoder" in adapter.target_problem(text.sample, target)
    np.save(tmp_path / "voice.npy", np.ones((4, 8), np.float32))
    batch = adapter.prepare(clips("one", metadata={"voice": str(tmp_path / "voice.npy")}))
    ((said,),) = adapter.sample(batch, 1, SHORT)
    assert adapter.target_problem(text.sample, said) is None
    assert torch.isfinite(adapter.loss(batch, [said], [1.0]))
    with pytest.raises(AudioError, match="no encoder"):
        adapter.loss(batch, [target], [1.0])
