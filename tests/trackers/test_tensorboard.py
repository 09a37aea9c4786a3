"""TensorBoard, by what its own reader finds in the event files."""

import pytest

accumulator = pytest.importorskip(
    "tensorboard.backend.event_processing.event_accumulator",
    reason="needs tensorboard: python -m pip install 'audioforge[tensorboard]'",
)


def read(folder):
    everything = dict.fromkeys(("scalars", "tensors", "audio"), 0)
    events = accumulator.EventAccumulator(str(folder / "trackers/tensorboard"), everything)
    return events.Reload()


def test_figures_tables_and_sound_are_in_the_event_files(folder, tell):
    tell("tensorboard", sound=2)
    events = read(folder)
    assert [(e.step, e.value) for e in events.Scalars("loss")] == [
        (step, pytest.approx(1 / step)) for step in (1, 2, 3, 4)
    ]
    assert [e.step for e in events.Scalars("eval_wer")] == [0, 2, 4]
    tables = events.Tensors("utterances/text_summary")
    assert [e.step for e in tables] == [0, 2, 4]
    said = tables[-1].tensor_proto.string_val[0].decode()
    assert "| a | turn left | turn 0 | turn 2 | 2 | 0 | 2 |" in said
    assert "<" not in said
    assert "\u202e" not in said
    assert "b &#60;b&#62;&#124;x&#124;" in said
    hypotheses = events.Tensors("completions/text_summary")[0].tensor_proto.string_val[0].decode()
    assert "| a | turn left | turn left | 1 | 1 | True |" in hypotheses
    assert "| a | turn left | turn 1 |  |  | False |" in hypotheses
    sounds = events.Tags()["audio"]
    assert len(sounds) == 2, "as many as were asked for, once"
    (sound,) = events.Audio(sounds[0])
    assert (sound.sample_rate, sound.length_frames) == (16_000, 8_000)
    assert sound.encoded_audio_string.startswith(b"RIFF")


def test_a_resumed_run_goes_on_and_doubles_nothing(folder, tell):
    tell("tensorboard", last=3, finishes=False)
    tell("tensorboard", first=2, resumes=True)
    events = read(folder)
    assert [e.step for e in events.Scalars("loss")] == [1, 2, 3, 4]
    assert [e.step for e in events.Scalars("eval_wer")] == [0, 2, 4]
    assert [e.step for e in events.Tensors("utterances/text_summary")] == [0, 2, 4]
    assert len(list((folder / "trackers/tensorboard").glob("*/hparams.yml"))) == 1


def test_nothing_is_heard_where_none_is_asked_for(folder, tell):
    tell("tensorboard", last=0, sound=0, utterances=1)
    assert read(folder).Tags()["audio"] == []
