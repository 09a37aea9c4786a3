"""Temperature fallback: what is doubtful is drawn again, and nothing else."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from audioforge.errors import ConfigError
from audioforge.inference.fallback import check_falls_back, decode_with_fallback
from audioforge.inference.runaway import compression_ratio, runs_away
from audioforge.model import SamplingParams
from audioforge.sample import Hypothesis

LOOP = "I'm sorry, " * 40
GREEDY = SamplingParams(temperature=0.0, max_tokens_per_second=15.0)


def said(text: str, mean: float | None = -0.2, *, cut: bool = False) -> Hypothesis:
    """Return a transcript of ten tokens with a mean log-probability."""
    return Hypothesis(text=text, logprob=mean and 10 * mean, tokens=10, cut=cut)


class Scripted:
    """Says of each clip the transcript that stands for the temperature, the last one from there."""

    autoregressive = True

    def __init__(
        self, *scripts: Sequence[Hypothesis], no_speech: Sequence[float] | None = None
    ) -> None:
        self.scripts, self.no_speech, self.parts = scripts, no_speech, True
        self.asked: list[SamplingParams] = []
        self.drawn: list[Sequence[int]] = []

    def sample(self, batch: Any, k: int, params: SamplingParams) -> list[list[Hypothesis]]:
        params.check(k)
        self.asked.append(params)
        self.drawn.append(batch)
        place = round(params.temperature / 0.2)
        return [[self.scripts[row][min(place, len(self.scripts[row]) - 1)]] for row in batch]

    def part(self, batch: Any, rows: Sequence[int]) -> Any:
        return [batch[row] for row in rows] if self.parts else None

    def no_speech_probabilities(self, batch: Any) -> Sequence[float] | None:
        return None if self.no_speech is None else [self.no_speech[row] for row in batch]

    def decode(self) -> list[Hypothesis]:
        whole: Any = range(len(self.scripts))
        rows = decode_with_fallback(self, whole, GREEDY)  # type: ignore[arg-type]
        return [output for (output,) in rows]

    @property
    def temperatures(self) -> list[float]:
        return [params.temperature for params in self.asked]


def test_what_is_not_doubtful_is_decoded_once():
    adapter = Scripted([said("turn left")], [said("a long one, cut", cut=True)], [said("", None)])
    assert [o.text for o in adapter.decode()] == ["turn left", "a long one, cut", ""]
    assert adapter.asked == [GREEDY]


@pytest.mark.parametrize("parts", [True, False])
def test_a_loop_is_drawn_again_until_it_is_none_and_its_neighbours_stay(parts):
    loop = [said(LOOP), said(LOOP), said("that is what he asks"), said("never drawn")]
    silent, shorter = [said("you", -3.0)], [said(LOOP), said("go")]
    adapter = Scripted(
        [said("turn left"), said("turn right")], loop, silent, shorter, no_speech=[0.9, 0, 0.9, 0]
    )
    adapter.parts = parts
    outputs = adapter.decode()
    texts = ["turn left", "that is what he asks", "", "go"]
    assert [output.text for output in outputs] == texts
    assert [output.redrawn_at for output in outputs] == [None, 0.4, None, 0.2]
    assert adapter.temperatures == [0.0, 0.2, 0.4]
    if parts:
        assert [list(rows) for rows in adapter.drawn] == [[0, 1, 2, 3], [1, 3], [1]]
    assert {p.max_tokens_per_second for p in adapter.asked} == {15.0}
    assert len({p.seed for p in adapter.asked[1:]}) == 2, "each with a noise of its own"


@pytest.mark.parametrize(("mean", "redrawn_at"), [(-0.99, None), (-1.01, 0.2)])
def test_a_transcript_is_doubtful_by_the_mean_over_its_tokens(mean, redrawn_at):
    (output,) = Scripted([said("turn left", mean), said("turn right")]).decode()
    assert output.redrawn_at == redrawn_at


def test_the_hottest_stays_where_none_is_right():
    adapter = Scripted([said(LOOP)])
    (output,) = adapter.decode()
    assert (output.text, output.redrawn_at) == (LOOP, 1.0)
    assert adapter.temperatures == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]


@pytest.mark.parametrize(
    ("greedy", "no_speech", "text", "temperatures"),
    [
        (said("thank you", -1.5), [0.61], "", [0.0]),
        (said("thank you", -1.5, cut=True), [0.61], "", [0.0]),
        (said("thank you", -1.5), [0.59], "turn left", [0.0, 0.2]),
        (said("thank you", -1.5), None, "turn left", [0.0, 0.2]),  # the model cannot tell
        (said("thank you", -0.9), [0.99], "thank you", [0.0]),  # it is sure of the words
        (said(LOOP), [0.99], "turn left", [0.0, 0.2]),
    ],
)
def test_silence_is_empty_and_is_not_drawn_again(greedy, no_speech, text, temperatures):
    adapter = Scripted([greedy, said("turn left")], no_speech=no_speech)
    (output,) = adapter.decode()
    assert (output.text, adapter.temperatures) == (text, temperatures)
    assert output.no_speech == (text == "")
    assert not output.cut


def test_a_redraw_can_be_silence_too():
    adapter = Scripted([said(LOOP), said("you", -2.0)], no_speech=[0.7])
    (output,) = adapter.decode()
    assert (output.text, output.redrawn_at, output.no_speech) == ("", 0.2, True)


def test_a_model_that_does_not_write_token_by_token_is_refused():
    adapter: Any = Scripted()
    check_falls_back(adapter)
    adapter.autoregressive = False
    with pytest.raises(ConfigError, match=r"Scripted does not.*Leave --temperature-fallback out"):
        check_falls_back(adapter)


@pytest.mark.parametrize(
    ("output", "away"),
    [
        (Hypothesis(text=LOOP), True),
        (Hypothesis(text="turn left " * 4), False),
        (Hypothesis(text="turn left " * 8), True),
        (Hypothesis(text="turn left", cut=True), True),
        (Hypothesis(text=""), False),
        (Hypothesis(text="\ud800"), False),
        (Hypothesis(label="yes " * 90), False),
    ],
)
def test_a_run_away_repeats_itself_or_was_cut(output, away):
    assert runs_away(output) == away


@pytest.mark.parametrize("text", ["", "a", "turn left " * 7, LOOP])
def test_in_ascii_the_ratio_is_openais(text):
    size = text.encode()  # whisper/utils.py
    assert compression_ratio(text) == len(size) / len(zlib.compress(size))


def test_three_bytes_a_letter_are_no_loop():
    draw = np.random.default_rng(0)
    letters = np.array([chr(code) for code in range(0x0905, 0x0939)])
    words = ["".join(draw.choice(letters, size)) for size in draw.integers(2, 6, 60)]
    text = " ".join(draw.choice(words, 200))
    assert len(text) > 600
    assert len(text.encode()) / len(zlib.compress(text.encode())) > 2.4
    assert not runs_away(Hypothesis(text=text))
    assert runs_away(Hypothesis(text=" ".join(words[:4]) * 12))
