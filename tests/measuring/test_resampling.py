"""What is drawn: whole speakers where there are many, utterances of each where there are few."""

import numpy as np
import pytest

from audioforge.measuring import resampling as resampling_module
from audioforge.measuring.bootstrap import difference_interval, ratio_interval
from audioforge.measuring.resampling import (
    RESAMPLES,
    Resampling,
    claimed_speakers,
    student_quantile,
)


def drawn(resampling: Resampling) -> np.ndarray:
    """How often each utterance is drawn, shape (resamples, utterances)."""
    return np.concatenate(list(resampling.draws("test")))[:, resampling.unit_of]


def speakers(count: int, each: int = 5) -> list[str | None]:
    return [f"speaker-{i}" for i in range(count) for _ in range(each)]


def test_from_eight_speakers_on_whole_speakers_are_drawn():
    counts = drawn(Resampling(speakers(8))).reshape(RESAMPLES, 8, 5)
    assert (counts == counts[:, :, :1]).all()
    assert (counts[:, :, 0].sum(axis=1) == 8).all()
    assert len(np.unique(counts[:, 0, 0])) > 3


def test_below_eight_every_speaker_keeps_as_many_utterances():
    counts = drawn(Resampling(speakers(7))).reshape(RESAMPLES, 7, 5)
    assert (counts.sum(axis=2) == 5).all()
    assert counts.max() > 1


def test_clips_without_a_speaker_are_one_more_speaker():
    counts = drawn(Resampling([*speakers(8, 3), None, None]))
    assert (counts[:, -1] == counts[:, -2]).all()
    counts = drawn(Resampling([*speakers(2, 3), None, None]))
    assert (counts[:, -2:].sum(axis=1) == 2).all()
    assert Resampling([*speakers(7), None]).unit == "utterances of each speaker"


def test_speakers_of_one_utterance_share_a_stratum():
    counts = drawn(Resampling(["a", "a", "b", "c"]))
    assert (counts[:, :2].sum(axis=1) == 2).all()
    assert counts[:, 2].max() == 2


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (speakers(12, 2), "for speakers like these 12"),
        ([*speakers(8, 2), None], "for speakers like these 8 and 1 clip without a speaker"),
        (speakers(4), "for these 4 speakers"),
        (["a", "a"], "for this speaker"),
        (["a", None, None], "for this speaker and 2 clips without a speaker"),
        ([None, None], "speakers unknown"),
    ],
)
def test_a_claim_is_about_no_more_than_was_drawn(known, said):
    assert claimed_speakers(Resampling(known).as_mapping()) == said


@pytest.mark.parametrize("count", [0, 4, 12])
def test_neither_names_nor_order_of_speakers_matter(count):
    draw = np.random.default_rng(count)
    words = draw.integers(3, 9, 60).astype(float)
    errors = draw.binomial(words.astype(int), 0.3).astype(float)
    owner = np.arange(60) % count if count else np.zeros(60, int)
    names = [f"s{i:02d}" if count else None for i in owner]
    renamed = [f"anna-{i:02d}" if count else None for i in owner]
    interval = ratio_interval(errors, words, Resampling(names))
    assert interval == ratio_interval(errors, words, Resampling(renamed))
    if count >= 8:  # whole speakers: where in the set each of them speaks cannot matter
        order = draw.permutation(60)
        moved = Resampling([names[i] for i in order])
        assert ratio_interval(errors[order], words[order], moved) == interval


def test_an_interval_of_eight_speakers_is_students():
    """Of as many words each, the mean over speakers is a mean of eight numbers."""
    draw = np.random.default_rng(3)
    errors = np.repeat(draw.normal(3, 0.5, 8), 10)
    low, high = ratio_interval(errors, np.full(80, 10.0), Resampling(speakers(8, 10)))
    own = errors[::10] / 10
    half = 2.365 * own.std(ddof=1) / np.sqrt(8)
    assert low == pytest.approx(own.mean() - half, abs=0.15 * half)
    assert high == pytest.approx(own.mean() + half, abs=0.15 * half)


def test_a_gain_of_some_speakers_is_claimed_of_these_and_not_of_others():
    base = np.full(120, 4.0)
    gains = np.repeat([0, 0, 0, 0, 0, 0, 4, 4], 15)
    noise = np.random.default_rng(0).integers(-1, 2, 120)
    changed, words = base - gains + noise, np.full(120, 8.0)
    four = ["abcd"[i // 30] for i in range(120)]
    systems = ((changed, words), (base, words))
    assert difference_interval(*systems, Resampling(four))[1] < 0
    assert difference_interval(*systems, Resampling(speakers(8, 15)))[1] > 0


@pytest.mark.parametrize(("free", "quantile"), [(4, -2.7764), (7, -2.3646), (39, -2.0227)])
def test_quantiles_of_student(free, quantile):
    assert student_quantile(0.025, free) == pytest.approx(quantile, rel=1e-3)


def test_more_free_units_bring_the_percentiles_back():
    tails = [Resampling([None] * n).tail(0.95) for n in (20, 100, 10_000)]
    assert tails == sorted(tails)
    assert tails[0] < 0.02
    assert tails[-1] == pytest.approx(0.025, rel=0.01)
    assert Resampling([None]).tail(0.95) == pytest.approx(0.025)


@pytest.mark.parametrize("known", [[None] * 60, speakers(3, 20), speakers(12)])
def test_an_interval_is_that_of_its_resamples_summed_one_by_one(known):
    draw = np.random.default_rng(5)
    words = draw.integers(1, 9, 60).astype(float)
    base, better = (draw.binomial(words.astype(int), rate).astype(float) for rate in (0.4, 0.3))
    resampling = Resampling(known)
    rates, gains = [], []
    for purpose, values in (("ratio", rates), ("difference", gains)):
        for counts in (row for block in resampling.draws(purpose) for row in block):
            said = [i for i in range(60) for _ in range(int(counts[resampling.unit_of[i]]))]
            wrong, was_wrong, total = (sum(x[i] for i in said) for x in (better, base, words))
            values.append(wrong / total - (was_wrong / total if purpose == "difference" else 0))
    tail = 100 * resampling.tail(0.95)
    low, high = np.percentile(rates, [tail, 100 - tail])
    assert ratio_interval(better, words, resampling) == pytest.approx((low, high))
    low, high = np.percentile(gains, [tail, 100 - tail])
    found = difference_interval((better, words), (base, words), resampling)
    assert found == pytest.approx((low, high))


@pytest.mark.parametrize("known", [[None] * 60, speakers(3, 20), speakers(12)])
def test_many_units_are_drawn_a_few_resamples_at_a_time(known, monkeypatch):
    monkeypatch.setattr(resampling_module, "BLOCK", 200)
    resampling = Resampling(known)
    blocks = list(resampling.draws("test"))
    assert max(block.size for block in blocks) <= 200
    counts = np.concatenate(blocks)
    assert counts.shape == (RESAMPLES, resampling.units)
    assert (counts.sum(axis=1) == resampling.units).all()
    assert counts.mean(axis=0) == pytest.approx(1, abs=0.15)
    assert counts.var(axis=0) == pytest.approx(1, abs=0.25)
