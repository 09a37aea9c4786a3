"""Loading: any Whisper by its files; what cannot be used is named with its mend."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from audioforge.errors import AudioError, CheckpointError
from audioforge.model import GREEDY
from audioforge.sample import AudioSample, Clip


@pytest.fixture
def copy(untrained, tmp_path):
    """A copy of a small checkpoint, to damage."""
    folder = tmp_path / "copy"
    shutil.copytree(untrained("english"), folder)
    return folder


def edit(file, **changes):
    content = json.loads(file.read_text())
    file.write_text(json.dumps({**content, **changes}))


def test_window_and_rate_of_the_checkpoint(nano, load, untrained):
    assert (nano.sampling_rate, nano.max_seconds, nano.min_seconds) == (16_000, 5.0, 0.025)
    assert load(untrained("tiny")).max_seconds == 30.0
    assert nano.tasks == ("asr",)


def test_features_are_those_of_transformers_and_of_a_clip_alone(nano, digit_clips):
    clips = digit_clips(8)
    batch = nano.prepare(clips)
    assert [sample.id for sample in batch.samples] == [clip.sample.id for clip in clips]
    assert batch.features.shape == (8, 80, 250)
    for row, clip in enumerate(clips):
        alone = nano.prepare([clip]).features[0]
        torch.testing.assert_close(batch.features[row], alone, rtol=0, atol=1e-5)


def test_128_mels(load, untrained, noise_clips):
    adapter = load(untrained("mels-128"), "yue")
    batch = adapter.prepare(noise_clips(2))
    assert batch.features.shape == (2, 128, 200)
    assert len(adapter.sample(batch, 1, GREEDY)) == 2


def test_shortest_and_longest_clips(nano):
    def clip(frames, rate=16_000):
        return Clip(AudioSample(id="x"), np.zeros(frames, np.float32), rate)

    nano.sample(nano.prepare([clip(round(nano.min_seconds * 16_000)), clip(80_000)]), 1, GREEDY)
    with pytest.raises(AudioError, match=r"x: 5\.00 s is longer than the model's window of 5 s"):
        nano.prepare([clip(80_001)])
    with pytest.raises(AudioError, match=r"8000 Hz; resample it to 16000 Hz"):
        nano.prepare([clip(8_000, rate=8_000)])


def test_missing_folder(load, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(CheckpointError, match=r"there is no such folder, and the hub") as caught:
        load(tmp_path / "nothing")
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"model_type": "wav2vec2", "architectures": ["Wav2Vec2ForCTC"]},
        {"architectures": ["WhisperForAudioClassification"]},
        {"architectures": None},
    ],
)
def test_not_a_whisper_for_transcription(load, copy, changes):
    edit(copy / "config.json", **changes)
    with pytest.raises(CheckpointError, match="not a Whisper for transcription"):
        load(copy)


def test_broken_configuration(load, copy):
    (copy / "config.json").write_text("{not json")
    with pytest.raises(CheckpointError, match=r"config\.json: cannot be read as JSON"):
        load(copy)


def test_pickled_weights_are_refused(load, copy):
    weights = load_file(copy / "model.safetensors")
    torch.save(weights, copy / "pytorch_model.bin")
    (copy / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"pickled \(pytorch_model\.bin\).*save_pretrained"):
        load(copy)


def test_damaged_weights(load, copy):
    file = copy / "model.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="cannot read its weights"):
        load(copy)


def test_missing_weights(load, copy):
    weights = load_file(copy / "model.safetensors")
    del weights["model.decoder.layers.0.fc1.weight"]
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match=r"1 weights are missing.*layers\.0\.fc1\.weight"):
        load(copy)


def test_weights_of_another_shape(load, copy):
    edit(copy / "config.json", d_model=32, encoder_ffn_dim=64)
    with pytest.raises(CheckpointError, match="cannot read its weights"):
        load(copy)


def test_missing_processor_files(load, copy):
    (copy / "processor_config.json").unlink()
    with pytest.raises(CheckpointError, match="cannot read its tokenizer or processor files"):
        load(copy)


def test_missing_tokenizer(load, copy):
    (copy / "tokenizer.json").unlink()
    with pytest.raises(CheckpointError, match=r"tokenizer\.json is missing or of another model"):
        load(copy)


def test_feature_extractor_of_another_model(load, copy, untrained):
    other = untrained("mels-128") / "processor_config.json"
    shutil.copy(other, copy / "processor_config.json")
    with pytest.raises(CheckpointError, match=r"makes 128 mels × 200 frames.*reads 80 mels"):
        load(copy)


def test_generation_configuration_of_an_old_fine_tune(load, copy, untrained, noise_clips):
    """Without generation_config.json the prompt is read from tokenizer and vocabulary."""
    folder = copy.with_name("old")
    shutil.copytree(untrained("tiny"), folder)
    (folder / "generation_config.json").unlink()
    old, new = load(folder, "fr"), load(untrained("tiny"), "fr")
    clips = noise_clips(1)
    for config in (old.module.generation_config, new.module.generation_config):
        config.suppress_tokens = config.begin_suppress_tokens = None
        config.max_length = 4
    texts = [a.sample(a.prepare(clips), 1, GREEDY)[0][0] for a in (old, new)]
    assert texts[0] == texts[1] or texts[0].logprob == texts[1].logprob
    assert old.module.generation_config.lang_to_id == new.module.generation_config.lang_to_id


@pytest.mark.soak
def test_hub_id_goes_the_same_way(untrained, noise_clips, tmp_path):
    """A hub id is found in the hub's cache, laid out as the hub client lays it out."""
    revision = "0" * 40
    repository = tmp_path / "hub/models--some-owner--small-whisper"
    shutil.copytree(untrained("english"), repository / "snapshots" / revision)
    (repository / "refs").mkdir()
    (repository / "refs/main").write_text(revision)
    code = (
        "import sys\n"
        "from audioforge_whisper.adapter import WhisperAdapter\n"
        "from audioforge.model import LoadOptions\n"
        "for name in sys.argv[1:]:\n"
        "    module = WhisperAdapter.load(name, LoadOptions()).module\n"
        "    print(sum(p.abs().sum().item() for p in module.parameters()), flush=True)\n"
    )
    names = ["some-owner/small-whisper", str(untrained("english")), "some-owner/unknown-whisper"]
    done = subprocess.run(
        [sys.executable, "-c", code, *names],
        env={**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
    )
    cached, local = done.stdout.splitlines()
    assert cached == local
    [*_, last] = done.stderr.strip().splitlines()
    assert "CheckpointError: some-owner/unknown-whisper: there is no such folder" in last
    assert "Loading" not in done.stderr  # no progress bars when not a terminal


def test_unwritable_folder(load, untrained, tmp_path):
    file = tmp_path / "file"
    file.write_text("in the way")
    with pytest.raises(CheckpointError, match="cannot be written"):
        load(untrained("english")).save(file / "folder")


def test_whoever_may_read_the_configuration_may_read_the_weights(nano, tmp_path):
    nano.save(tmp_path / "saved")
    modes = {path.stat().st_mode for path in (tmp_path / "saved").iterdir()}
    assert len(modes) == 1
