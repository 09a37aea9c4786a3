"""Which part of a sound a row means, under every name that data have for it."""

import numpy as np
import pytest

from audioforge.sound_part import SoundPartError, sound_part


@pytest.mark.parametrize(
    ("row", "offset", "duration"),
    [
        ({"start": 1.81125, "end": 3.3825}, 1.81125, 1.57125),
        ({"start_time": "1.5", "end_time": "2"}, 1.5, 0.5),
        ({"begin": 0, "end": 2}, 0.0, 2.0),
        ({"begin_time": np.float64(1), "end_time": np.int64(3)}, 1.0, 2.0),
        ({"start": 1, "duration": 2.5}, 1.0, 2.5),
        ({"offset": 1, "end": 3}, 1.0, 2.0),
        ({"offset": 1.0, "start": 1.02, "end": 3.0}, 1.0, 2.0),
        ({"start": 1, "end": 3.5, "duration": 2.47}, 1.0, 2.5),
        ({"offset": 3}, 3.0, None),
        ({"duration": 4.0}, None, 4.0),
        ({"duration": "long"}, None, None),
        ({"start": None, "end": "", "offset": None}, None, None),
        ({"end": "of the line"}, None, None),
        ({"Start": 1, "End Time": 3}, 1.0, 2.0),
        ({"start": 1, "Start": 5, "end": 3}, 1.0, 2.0),
        ({"start": 1, "end": 3, "start_frame": 16_000}, 1.0, 2.0),
        ({"start_ms": "soon", "gender": 1, "weekend": 2, "unit_end": None}, None, None),
    ],
)
def test_times_under_all_names(row, offset, duration):
    part = sound_part(row)
    assert (part.offset, part.duration) == (offset, duration)


@pytest.mark.parametrize(
    ("row", "kind", "said"),
    [
        ({"start": 2, "end": 2.0}, "bad segment", "'end' (2 s) is not after 'start' (2 s)"),
        ({"offset": 1, "start": 2, "end": 3}, "bad segment", "'offset' says 1 s and 'start' 2 s"),
        ({"start": 1, "end": 3, "end_time": 4}, "bad segment", "'end' says 3 s and 'end_time' 4 s"),
        ({"start": 1, "end": 3, "duration": 9}, "bad segment", "and 'duration' says 9 s"),
        ({"start": 1}, "bad segment", "nothing where it ends: add 'end' or 'duration'"),
        ({"end": 1}, "bad segment", "nothing where it starts: add 'start'"),
        ({"start": "1:30", "end": "1:40"}, "bad offset", "'start' must be seconds from 0 up"),
        ({"start": 1, "end": True}, "bad segment", "'end' must be seconds from 0 up, not True"),
        ({"startTime": 1, "endTime": 2}, "unread time", "'startTime' looks like where a part"),
        ({"start_ms": "5"}, "unread time", "offset, start, start_time, begin, begin_time and end"),
        ({"segment_start": 1}, "unread time", "'segment_start' looks like"),
        ({"offset": 1, "stop_sec": 2}, "unread time", "'stop_sec' looks like"),
        ({"offset": -1}, "bad offset", "must be seconds from 0 up, not -1"),
        ({"offset": 1, "duration": 0}, "bad duration", "must be seconds above 0, not 0"),
        ({"channel": -1}, "bad channel", "number of a channel from 0 up"),
        ({"channel": [0, "x"]}, "bad channel", "or a list of such"),
        ({"channel": 0, "channel_selector": 1}, "bad channel", "choose different channels"),
    ],
)
def test_what_cannot_be_is_named(row, kind, said):
    with pytest.raises(SoundPartError) as raised:
        sound_part(row)
    assert raised.value.kind == kind
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("row", "channels"),
    [
        ({"channel": 0}, (0,)),
        ({"channel": "1"}, (1,)),
        ({"channel": 1.0}, (1,)),
        ({"channel": "Right"}, (1,)),
        ({"channel": "A"}, (0,)),
        ({"channel_selector": [2, 0, 2]}, (0, 2)),
        ({"channel_selector": np.array([0, 1])}, (0, 1)),
        ({"channel_selector": "average"}, ()),
        ({"channel": 1, "channel_selector": [1]}, (1,)),
        ({"channel": None}, ()),
        ({}, ()),
    ],
)
def test_channels(row, channels):
    assert sound_part(row).channels == channels


def test_what_says_nothing_of_the_part_is_left_to_others():
    assert sound_part({"channel": "BBC One", "end": "of the line"}).keys == set()
    assert sound_part({"start": 1, "duration": 2, "channel": 0, "text": "a"}).keys == {
        *("start", "duration", "channel")
    }


def test_a_sound_that_is_as_long_as_the_part_is_the_part():
    part = sound_part({"start": 12.0, "end": 14.0})
    cut = part.of(2.01)
    assert (cut.offset, cut.duration, cut.keys) == (None, 2.0, set())
    assert part.of(20.0) is part
    whole = sound_part({"offset": 0, "duration": 2.0})
    assert whole.of(2.0) is whole
