"""`consistency:encoder=resemblyzer`: the package's numbers without the package's code."""

import math
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file, save_file
from speaker_trials import equal_error_rate

from audioforge.errors import CheckpointError, PluginError
from audioforge.sample import AudioSample, Hypothesis
from audioforge_kit import CannotCheck, VerifierExample
from audioforge_kit.verifier_contract import VerifierContract
from audioforge_verifiers.resemblyzer import PICKLED, SAFE, ResemblyzerEncoder

RATE = 16_000

COSINES_OF_THE_PACKAGE = (
    ("fsdd-jackson/jackson_5_008782", "fsdd-george/george_0_435892", 0.550633),
    ("fsdd-nicolas/nicolas_3_594944", "fsdd-theo/theo_3_00545", 0.609592),
    ("ls-1688/1688-142285-0003", "ls-1688/1688-142285-0005", 0.845059),
    ("ls-1688/1688-142285-0004", "ls-2609/2609-156975-0003", 0.397874),
    ("ls-1998/1998-15444-0006", "ls-1998/1998-15444-0003", 0.857115),
)
"""Two recordings, and the cosine that resemblyzer 0.1.4 itself gives for the 2 s in the middle of
each; these hold no pause, which it would leave in without its detector of voices."""


@pytest.fixture(scope="module")
def encoder():
    try:
        return ResemblyzerEncoder(None, "cpu")
    except PluginError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def consistency(create_tts, encoder):
    return create_tts("consistency:encoder=resemblyzer")


@pytest.fixture(scope="module")
def speakers(shared):
    return shared / "data/speakers"


@pytest.fixture(scope="module")
def recording(speakers):
    """`recording(name)` is a recording of somebody who speaks."""

    def read(name):
        waveform, rate = soundfile.read(speakers / name, dtype="float32")
        assert rate == RATE
        return waveform

    return read


def test_embeddings_are_the_packages_own(encoder, recording):
    for first, second, cosine in COSINES_OF_THE_PACKAGE:
        voices = []
        for name in (first, second):
            waveform = recording(f"audio/{name}.flac")
            start = len(waveform) // 2 - RATE
            voices.append(encoder.embed(waveform[start : start + 2 * RATE]))
        assert voices[0] @ voices[1] == pytest.approx(cosine, abs=1e-5)


def test_the_packages_pickle_and_safetensors_are_one_network(encoder, shared, recording):
    folder = shared / "models/resemblyzer-ge2e"
    waveform = recording("audio/ls-1998/1998-15444-0003.flac")
    same = ResemblyzerEncoder(str(folder), "cpu").embed(waveform)
    assert np.array_equal(same, encoder.embed(waveform))
    assert same.shape == (256,)
    assert np.linalg.norm(same) == pytest.approx(1, abs=1e-6)


def test_the_equal_error_rate_of_the_trials_is_two_percent(encoder, speakers, recording):
    trials = [line.split() for line in (speakers / "trials.txt").read_text().splitlines()]
    names = {name for trial in trials for name in trial[1:]}
    voices = {name: encoder.embed(recording(name)) for name in sorted(names)}
    cosines = np.array([voices[first] @ voices[second] for _, first, second in trials])
    same = np.array([label == "1" for label, _, _ in trials])
    rate, threshold = equal_error_rate(cosines, same)
    assert rate <= 0.02
    assert threshold == pytest.approx(0.73, abs=0.005)  # its default


def test_voices_are_told_apart_and_silence_is_no_voice(consistency, judge, recording):
    voice = {"audio": recording("audio/ls-1998/1998-15444-0003.flac"), "sampling_rate": RATE}
    right = recording("audio/ls-1998/1998-15444-0006.flac")
    wrong = recording("audio/ls-3331/3331-159605-0001.flac")
    assert judge(consistency, right, **voice).reward > 0.9
    assert judge(consistency, wrong, **voice).reward < 0.1
    room = np.random.default_rng(0).normal(0, 1e-5, 8 * RATE).astype(np.float32)
    for silence in (np.zeros_like(room), room):
        padded = np.concatenate([silence, right, silence])
        assert judge(consistency, padded, **voice).reward > 0.9


def test_the_calibration_is_the_documented_curve(consistency, judge, recording):
    voice = {"audio": recording("audio/fsdd-theo/theo_3_00545.flac"), "sampling_rate": RATE}
    score = judge(consistency, recording("audio/fsdd-nicolas/nicolas_3_594944.flac"), **voice)
    odds = (score.metrics["cosine"] - 0.73) / 0.015
    assert score.reward == pytest.approx(1 / (1 + math.exp(-odds)), abs=1e-6)
    assert score.passed is (odds >= 0)


def test_of_less_than_a_second_it_cannot_tell(consistency, judge, recording):
    recorded = recording("audio/ls-1998/1998-15444-0003.flac")
    short = recorded[RATE : RATE + RATE // 2]
    long_silence = np.concatenate([short, np.zeros(3 * RATE, np.float32)])
    for audio in (short, long_silence):
        said = judge(consistency, audio, audio=recorded, sampling_rate=RATE)
        assert (said.reward, said.passed, dict(said.metrics)) == (None, None, {})
        heard = judge(consistency, recorded, audio=audio, sampling_rate=RATE)
        assert heard.reward is None
    silent = judge(consistency, np.zeros(RATE, np.float32), audio=recorded, sampling_rate=RATE)
    assert (silent.reward, silent.passed) == (0.0, False)


def test_speech_shorter_than_a_window_is_repeated(encoder, recording):
    waveform = recording("audio/ls-1998/1998-15444-0003.flac")[RATE : RATE + 19_200]
    repeated = np.concatenate([waveform, waveform])[:25_600]
    assert np.array_equal(encoder.embed(waveform), encoder.embed(repeated))


def test_it_keeps_the_contract_of_verifiers(encoder, registry):
    contract = VerifierContract(registry.find("verifiers", "consistency"), registry, ())
    example = VerifierExample(options={"encoder": "resemblyzer"})
    contract.once("its example", lambda: example)
    for check in contract.checks():
        if check.rule.name not in {"is_light", "works_in_a_worker"}:  # ECAPA's show that
            try:
                check()
            except CannotCheck:
                continue


def test_without_the_package_the_way_to_its_weights_is_named(create_tts, monkeypatch):
    def absent(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "files", absent)
    with pytest.raises(PluginError, match=r"pip install --no-deps resemblyzer==0\.1\.4.*model="):
        create_tts("consistency:encoder=resemblyzer")


def test_a_package_without_its_weights_is_named(create_tts, monkeypatch):
    monkeypatch.setattr(metadata, "files", lambda name: [])
    monkeypatch.setattr(metadata, "version", lambda name: "9.9")
    with pytest.raises(
        PluginError, match=r"the installed resemblyzer 9\.9 holds no pretrained\.pt"
    ):
        create_tts("consistency:encoder=resemblyzer")


class Trap:
    def __reduce__(self):
        return Path.touch, (Path("sprung"),)


def test_wrong_weights_are_named_and_none_of_their_code_runs(
    create_tts, shared, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    reference = f"consistency:encoder=resemblyzer,model={tmp_path}"
    with pytest.raises(CheckpointError, match=r"neither model\.safetensors nor pretrained\.pt"):
        create_tts(reference)
    torch.save({"model_state": Trap()}, tmp_path / PICKLED)
    with pytest.raises(CheckpointError, match=r"holds more than tensors.* not loaded"):
        create_tts(reference)
    assert not (tmp_path / "sprung").exists()
    weights = load_file(shared / "models/resemblyzer-ge2e" / SAFE)
    save_file({**weights, "linear.bias": torch.zeros(3)}, tmp_path / SAFE)
    with pytest.raises(CheckpointError, match=r"cannot be read as the weights of a GE2E network"):
        create_tts(reference)
    save_file({**weights, "linear.bias": torch.full((256,), math.nan)}, tmp_path / SAFE)
    with pytest.raises(CheckpointError, match=r"the weight linear\.bias holds NaN"):
        create_tts(reference)


def test_hypotheses_are_judged_by_themselves(consistency, judge, recording):
    voice = {
        "audio": recording("audio/ls-1998/1998-15444-0003.flac"),
        "sampling_rate": RATE,
    }
    said = [
        recording("audio/ls-1998/1998-15444-0006.flac"),
        recording("audio/fsdd-theo/theo_3_00545.flac"),
    ]
    sample = AudioSample("a", **voice)
    hypotheses = [Hypothesis(audio=audio, sampling_rate=RATE) for audio in said]
    together = consistency.verify([sample] * 2, hypotheses)
    assert together == [judge(consistency, audio, **voice) for audio in said]
