"""The measurement of a voice that learns digits: what counts as heard, and its intervals."""

import json

import numpy as np
import pytest
import soundfile
from spoken_digits.hearing import words_right
from spoken_digits.recordings import COUNTS, RECORDED, SHORTER, WORDS, make, make_texts
from spoken_digits.table import System, difference, table


def test_what_is_spelt_badly_is_the_nearest_text_and_of_several_each_in_part():
    texts = ["one two three", "one two three", "six six six"]
    assert words_right(texts, ["ONE TOO THREE", "one two", "six sixx six"])[::2] == [1.0, 1.0]
    (half,) = words_right(["nine nine one"], ["nine nine"])
    assert 0.3 < half < 0.6, "the third word may be any, and anywhere"


def test_a_difference_is_that_of_texts_that_both_know():
    base = System("base", ({"a": {"right": 0.0, "pitch": 1.0}, "b": {"right": 0.5}},))
    seeds = tuple({"a": {"right": r, "pitch": 3.0}, "b": {"right": 1.0}} for r in (0.25, 0.75))
    better = System("better", seeds)
    assert better.mean("right") == 0.75
    assert difference(better, base, "right") == pytest.approx((0.5, 0.5))
    assert difference(better, base, "pitch") == pytest.approx((2.0, 2.0))


def test_the_table_shows_differences_to_the_first_row():
    known = {"right": 0.25, "pitch": 1.0, "pace": 9.0, "similarity": 0.8}
    systems = [
        System("base", ({"a": known, "b": known},)),
        System("RAFT", ({"a": {**known, "right": 0.5}, "b": {**known, "right": 0.5}},)),
    ]
    *_, base, raft = table(systems, "somebody", 1).splitlines()
    assert base == "| base | 25.0 | 1.00 | 9.00 | 0.80 |"
    assert raft.startswith("| RAFT | 50.0 (+25.0 to +25.0) | 1.00 (+0.00 to +0.00) |")


def test_what_is_known_of_no_text_has_no_figure():
    systems = [
        System("base", ({"a": {"right": 1.0, "pitch": 1.0}},)),
        System("RAFT", ({"a": {"right": 1.0, "pace": 9.0}},)),
    ]
    *_, base, raft = table(systems, "somebody", 1).splitlines()
    assert base == "| base | 100.0 | 1.00 | – | – |"
    assert raft == "| RAFT | 100.0 (+0.0 to +0.0) | – | 9.00 | – |"


def test_parts_share_no_text_and_a_digit_that_nobody_says_is_named(tmp_path):
    lines = []
    for word in WORDS:
        soundfile.write(tmp_path / f"{word}.flac", np.full(1600, 0.1), 16_000)
        lines.append({"audio_filepath": f"{word}.flac", "text": word, "speaker": "ann"})
    source = tmp_path / "train.jsonl"
    source.write_text("".join(json.dumps(line) + "\n" for line in lines))
    corpus = make(source, "ann", tmp_path / "texts")
    parts = ("recordings", *COUNTS)
    texts = {part: [line["text"] for line in corpus.lines(part)] for part in parts}
    every = [text for own in texts.values() for text in own if len(text.split()) == 3]
    assert len(set(every)) == len(every) == RECORDED + sum(COUNTS.values())
    assert len(texts["recordings"]) == RECORDED + 2 * SHORTER
    with pytest.raises(ValueError, match="bob does not say zero, one"):
        make(source, "bob", tmp_path / "others")


def test_a_voice_that_there_is_gets_texts_but_those_it_knows(tmp_path):
    known = tmp_path / "known.jsonl"
    known.write_text(
        "".join(json.dumps({"text": f"one {w} {v}"}) + "\n" for w in WORDS for v in WORDS)
    )
    corpus = make_texts(known, tmp_path / "texts")
    texts = [line["text"] for part in COUNTS for line in corpus.lines(part)]
    assert len(set(texts)) == len(texts) == sum(COUNTS.values())
    assert not [text for text in texts if text.startswith("one ")]
