"""`consistency`: the cosine of speaker embeddings, on a documented scale; no reference, no word.

The network has the true size and random weights, which is enough to tell one voice from another
recording of the same sound, and to compare with SpeechBrain's own pipeline.
"""

import importlib.util
import math
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch

from audioforge.errors import CheckpointError, ConfigError, PluginError
from audioforge.sample import AudioSample, Hypothesis
from audioforge.torch_companions import hide_broken_companions
from audioforge_verifiers.consistency import Consistency
from audioforge_verifiers.weighted_mean import WeightedMean

RATE = 16_000

needs_speechbrain = pytest.mark.skipif(
    importlib.util.find_spec("speechbrain") is None or bool(hide_broken_companions()),
    reason="needs the extra audioforge-verifiers[speaker], and a torchaudio that fits torch",
)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A network of the right size that has learnt nothing, as SpeechBrain stores it."""
    from audioforge_verifiers.ecapa import PICKLED, build

    folder = tmp_path_factory.mktemp("ecapa")
    torch.save(build()[0].state_dict(), folder / PICKLED)
    (folder / "hyperparams.yaml").write_text("!!python/object/apply:os.abort []")
    return folder


@pytest.fixture(scope="module")
def consistency(create_tts, checkpoint):
    return create_tts(f"consistency:model={checkpoint}")


@pytest.fixture(scope="module")
def other_voice():
    return np.random.default_rng(3).normal(0, 0.1, 2 * RATE).astype(np.float32)


@needs_speechbrain
def test_the_same_voice_is_full_marks_and_another_is_less(
    consistency, judge, speech_like, other_voice
):
    voice = {"audio": speech_like, "sampling_rate": RATE}
    same = judge(consistency, speech_like, **voice)
    assert same.metrics["cosine"] == pytest.approx(1, abs=1e-5)
    assert same.reward == pytest.approx(1 / (1 + math.exp(-7.5)), abs=1e-4)
    assert same.passed
    other = judge(consistency, other_voice, **voice)
    assert other.metrics["cosine"] < same.metrics["cosine"]
    assert other.reward < same.reward


@needs_speechbrain
def test_the_calibration_is_the_documented_curve(create_tts, judge, checkpoint, speech_like):
    voice = {"audio": speech_like[: 2 * RATE], "sampling_rate": RATE}
    cosine = judge(create_tts(f"consistency:model={checkpoint}"), speech_like, **voice).metrics[
        "cosine"
    ]
    for threshold, reward, passed in (
        (cosine - 0.1, 1 / (1 + math.exp(-0.5)), True),
        (cosine + 0.1, 1 / (1 + math.exp(0.5)), False),
    ):
        own = f"consistency:model={checkpoint},threshold={threshold},slope=0.2"
        if -1 < threshold < 1:
            score = judge(create_tts(own), speech_like, **voice)
            assert score.reward == pytest.approx(reward, abs=1e-3)
            assert score.passed is passed


@needs_speechbrain
def test_embeddings_equal_those_of_speechbrains_own_pipeline(checkpoint, speech_like):
    from speechbrain.inference.speaker import SpeakerRecognition

    from audioforge_verifiers.ecapa import PICKLED, EcapaEncoder, build

    network, features, normalisation = build()
    network.load_state_dict(torch.load(checkpoint / PICKLED, weights_only=True))
    modules = {
        "compute_features": features,
        "mean_var_norm": normalisation,
        "embedding_model": network,
        "mean_var_norm_emb": torch.nn.Identity(),
    }
    theirs = SpeakerRecognition(modules=modules, hparams={"dummy": None})
    theirs.eval()
    waves = torch.from_numpy(np.stack([speech_like[:RATE], speech_like[RATE : 2 * RATE]]))
    expected = theirs.verify_batch(waves[:1], waves[1:])[0].item()
    encoder = EcapaEncoder(str(checkpoint), "cpu")
    first, second = (encoder.embed(wave.numpy()) for wave in waves)
    assert first @ second == pytest.approx(expected, abs=1e-4)


@needs_speechbrain
def test_without_a_reference_voice_it_abstains(consistency, judge, speech_like, tmp_path):
    silence = np.zeros(RATE, np.float32)
    for voice in (
        {},
        {"audio": tmp_path / "missing.wav"},
        {"audio": silence, "sampling_rate": RATE},
        {"audio": speech_like[:500], "sampling_rate": RATE},
    ):
        score = judge(consistency, speech_like, **voice)
        assert (score.reward, score.passed, dict(score.metrics)) == (None, None, {})
    abstained = {"quality": judge(consistency, speech_like), "consistency": score}
    assert WeightedMean().aggregate(abstained, {"quality": 0.4, "consistency": 0.2}) is None


@needs_speechbrain
def test_what_holds_no_voice_is_bad_output(consistency, judge, speech_like, tmp_path):
    (tmp_path / "text.wav").write_text("not sound")
    voice = {"audio": speech_like, "sampling_rate": RATE}
    for audio in (np.zeros(0), np.full(RATE, np.nan), np.zeros(RATE), speech_like[:500]):
        score = judge(consistency, audio.astype(np.float32), **voice)
        assert (score.reward, score.passed) == (0.0, False)
    assert judge(consistency, tmp_path / "text.wav", None, **voice).reward == 0.0
    assert judge(consistency, tmp_path / "missing.wav", None, **voice).reward is None


@needs_speechbrain
def test_channels_rates_and_lengths(consistency, judge, speech_like):
    voice = {"audio": speech_like, "sampling_rate": RATE}
    same = judge(consistency, np.repeat(speech_like[:, None], 8, axis=1), **voice)
    assert same.metrics["cosine"] == pytest.approx(1, abs=1e-5)
    for audio, rate in (
        (speech_like[:1600], RATE),
        (np.repeat(speech_like, 3), 48_000),
        (np.tile(speech_like, 10), RATE),
    ):
        assert 0 <= judge(consistency, audio, rate, **voice).reward <= 1


@needs_speechbrain
def test_too_loud_is_heard_as_it_is_played(consistency, judge, speech_like):
    loud = speech_like * np.float32(30)
    played = np.clip(loud, -1, 1)
    for hypothesis, voice in ((loud, played), (played, loud)):
        score = judge(consistency, hypothesis, audio=voice, sampling_rate=RATE)
        assert score.metrics["cosine"] == pytest.approx(1, abs=1e-5)
    beyond = judge(consistency, speech_like * np.float32(1e6), audio=played, sampling_rate=RATE)
    assert (beyond.reward, beyond.metrics.get("cosine")) == (0, None), "no sound, but numbers"


@needs_speechbrain
def test_hypotheses_are_judged_by_themselves(consistency, judge, speech_like, other_voice):
    sample = AudioSample("a", audio=speech_like, sampling_rate=RATE)
    other = AudioSample("b", audio=other_voice, sampling_rate=RATE)
    hypotheses = [
        Hypothesis(audio=a, sampling_rate=RATE) for a in (speech_like, other_voice, other_voice)
    ]
    batch = consistency.verify([sample, sample, other], hypotheses)
    voices = [speech_like, speech_like, other_voice]
    single = [
        judge(consistency, h.audio, audio=voice, sampling_rate=RATE)
        for h, voice in zip(hypotheses, voices, strict=True)
    ]
    assert batch == single


@needs_speechbrain
def test_weights_are_read_from_either_format_and_nothing_else_runs(
    checkpoint, tmp_path, speech_like
):
    from safetensors.torch import save_file

    from audioforge_verifiers.ecapa import PICKLED, SAFE, EcapaEncoder

    state = torch.load(checkpoint / PICKLED, weights_only=True)
    save_file(state, tmp_path / SAFE)
    pickled = EcapaEncoder(str(checkpoint), "cpu").embed(speech_like)
    assert np.array_equal(EcapaEncoder(str(tmp_path), "cpu").embed(speech_like), pickled)
    assert pickled.shape == (192,)


class Malicious:
    def __reduce__(self):
        return print, ("code ran",)


@needs_speechbrain
def test_wrong_checkpoints_are_named(create_tts, checkpoint, tmp_path, capsys):
    from audioforge_verifiers.ecapa import PICKLED

    with pytest.raises(CheckpointError, match=r"neither embedding_model\.safetensors nor"):
        create_tts(f"consistency:model={tmp_path}")
    state = torch.load(checkpoint / PICKLED, weights_only=True)
    state.popitem()
    torch.save(state, tmp_path / PICKLED)
    with pytest.raises(CheckpointError, match=r"embedding_model\.ckpt: cannot be read as"):
        create_tts(f"consistency:model={tmp_path}")
    state = torch.load(checkpoint / PICKLED, weights_only=True)
    torch.save({name: weights * math.nan for name, weights in state.items()}, tmp_path / PICKLED)
    with pytest.raises(CheckpointError, match=r"embedding_model\.ckpt: the weight .* holds NaN"):
        create_tts(f"consistency:model={tmp_path}")
    (tmp_path / PICKLED).write_bytes(pickle.dumps({"weight": Malicious()}))
    with pytest.raises(CheckpointError, match=r"embedding_model\.ckpt: .* not loaded") as raised:
        create_tts(f"consistency:model={tmp_path}")
    assert "weights_only" not in str(raised.value)  # no advice to run the code all the same
    assert "code ran" not in capsys.readouterr().out


@pytest.mark.soak
@needs_speechbrain
def test_speechbrain_changes_nothing_else_in_the_process():
    program = """
import inspect, os, sys, torch
from audioforge_verifiers.ecapa import build
torch.manual_seed(5)
expected = torch.rand(1)
torch.manual_seed(5)
build()
assert torch.equal(torch.rand(1), expected), "random numbers were drawn"
assert not torch.backends.cuda.matmul.allow_tf32, "precision was lowered"
assert "SB_DISABLE_QUIRKS" not in os.environ
for module in list(sys.modules.values()):
    hasattr(module, "no_such_attribute")
"""
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


def test_without_speechbrain_the_extra_is_named(create_tts, monkeypatch):
    for name in [m for m in sys.modules if m.split(".")[0] == "speechbrain"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "speechbrain", None)
    with pytest.raises(PluginError, match=r"pip install 'audioforge-verifiers\[speaker\]'"):
        create_tts("consistency")


@needs_speechbrain
def test_without_the_hub_the_encoder_that_needs_none_is_named(create_tts, monkeypatch):
    def unreachable(checkpoint, patterns):
        raise CheckpointError(f"{checkpoint}: the hub did not provide it.")

    monkeypatch.setattr("audioforge_verifiers.ecapa.fetch", unreachable)
    with pytest.raises(CheckpointError, match=r"spkrec-ecapa-voxceleb: .*encoder=resemblyzer"):
        create_tts("consistency")


def test_instances_travel_and_options_are_checked(create_tts, travelled):
    for encoder in ("ecapa", "resemblyzer"):
        there = travelled(Consistency(encoder, "somewhere"))
        assert vars(there) == vars(Consistency(encoder, "somewhere"))
    for option in ("threshold=1.5", "slope=0", "slope=inf", "encoder=x-vector"):
        with pytest.raises(ConfigError, match=option.partition("=")[0]):
            create_tts(f"consistency:{option}")
