"""Long recordings: Transformers' own long-form decoding, with right times."""

import json

import numpy as np
import pytest
import soundfile
import torch
from attrs import evolve
from click.testing import CliRunner

from audioforge.cli import cli
from audioforge.errors import ConfigError
from audioforge.transcript import TranscriptionOptions
from audioforge.transcription.recording import transcribe
from audioforge_whisper.adapter import WhisperAdapter
from audioforge_whisper.untrained import write_untrained

from .conftest import ARCHITECTURES

SEGMENTS = TranscriptionOptions(segment_times=True)


@pytest.fixture(scope="module")
def timed(tmp_path_factory):
    """A small untrained checkpoint with tokens for times: what it says is noise, but whole."""
    folder = tmp_path_factory.mktemp("timed")
    write_untrained(folder, evolve(ARCHITECTURES["multilingual"], timestamps=101), 1)
    return folder


def plain_segments(folder, plain, waveform, **settings):
    """The long-form decoding of Transformers alone."""
    from transformers import WhisperProcessor

    processor = WhisperProcessor.from_pretrained(folder)
    features = processor.feature_extractor(
        waveform,
        sampling_rate=16_000,
        truncation=False,
        padding="longest",
        return_attention_mask=True,
        return_tensors="pt",
    )
    with torch.no_grad():
        output = plain(folder).generate(
            **features, return_timestamps=True, return_segments=True, num_beams=1, **settings
        )
    decode = processor.tokenizer.decode
    return [
        (decode(s["tokens"], skip_special_tokens=True).strip(), float(s["start"]), float(s["end"]))
        for s in output["segments"][0]
    ]


def test_it_is_the_long_form_decoding_of_transformers(timed, plain, load, noise_clips):
    [clip] = noise_clips(1, seconds=5.0, language="fr")
    said = transcribe(load(timed), clip, SEGMENTS)
    expected = plain_segments(timed, plain, clip.waveform, language="fr", task="transcribe")
    assert [(s.text, s.start) for s in said] == [
        (t, min(start, 5.0)) for t, start, _ in expected if t
    ]
    assert all(0 <= s.start <= s.end <= 5.0 for s in said)
    assert said


def test_words_have_times_and_the_model_is_as_it_was(timed, load, noise_clips):
    [clip] = noise_clips(1, seconds=3.0, language="fr")
    adapter: WhisperAdapter = load(timed)
    words = TranscriptionOptions(word_times=True)
    with pytest.raises(ConfigError, match=r"has no alignment_heads.*leave --word-times out"):
        transcribe(adapter, clip, words)
    adapter.module.generation_config.alignment_heads = [[0, 0], [1, 1]]
    said = transcribe(adapter, clip, words)
    assert adapter.module.config._attn_implementation == "sdpa"
    plain_text = transcribe(adapter, clip, SEGMENTS)
    assert [s.text for s in said] == [s.text for s in plain_text]
    assert any(s.words for s in said)
    for segment in said:
        assert "".join(w.word for w in segment.words) == segment.text.replace(" ", "")
        times = [time for w in segment.words for time in (w.start, w.end)]
        assert times == sorted(times)
        assert all(segment.start <= time <= segment.end <= 3.0 for time in times)


@pytest.mark.soak
def test_fallback_depends_on_the_name_alone(timed, load, noise_clips):
    [clip] = noise_clips(1, seconds=1.0, language="en")
    options = TranscriptionOptions(segment_times=True, temperature_fallback=True)
    adapter = load(timed)
    first = transcribe(adapter, clip, options)
    torch.rand(7)
    assert transcribe(adapter, clip, options) == first
    assert first != transcribe(adapter, clip, SEGMENTS)  # something was drawn


@pytest.mark.soak
def test_the_real_one_transcribes_a_minute_with_right_times(shared, tmp_path):
    """A word begins where its clip stands."""
    folder = shared / "data/readspeech"
    lines = (folder / "clean.jsonl").read_text().splitlines()[:6]
    records, sound, bounds, at = [json.loads(line) for line in lines], [], [], 0
    for record in records:
        samples, rate = soundfile.read(folder / record["audio_filepath"])
        assert rate == 16_000
        sound += [samples, np.zeros(8_000)]
        bounds.append(at / rate)
        at += len(samples) + 8_000
    soundfile.write(tmp_path / "long.wav", np.concatenate(sound), rate)
    model = shared / "models/whisper-tiny.en"
    arguments = ["transcribe", "-q", str(model), str(tmp_path / "long.wav")]
    result = CliRunner().invoke(cli, [*arguments, "--format", "json", "--word-times"])
    assert result.exit_code == 0
    record = json.loads(result.stdout)
    words = [word for segment in record["segments"] for word in segment["words"]]
    starts = [word["start"] for word in words]
    assert starts == sorted(starts)
    assert words[-1]["end"] <= record["duration"]
    spoken = [w for r in records for w in r["text"].split()]
    assert abs(len(words) - len(spoken)) < 0.1 * len(spoken)
    for bound in bounds[1:]:  # after each pause somebody begins to speak
        assert min(abs(start - bound) for start in starts) < 1.0
