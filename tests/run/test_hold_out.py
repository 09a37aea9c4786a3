"""What of the training data is held out, where there is no other to measure on."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audioforge.errors import DatasetError
from audioforge.judging.needs import Needs
from audioforge.run.data.hold_out import Split, hold_out
from audioforge.sample import AudioSample
from audioforge.tasks import speech_task

ASR, CLASSES = Needs(speech_task("asr")), Needs(speech_task("classification"))


def people(*counts: int) -> list[AudioSample]:
    """Return clips of as many speakers as there are counts."""
    return [
        AudioSample(f"clip-{speaker}-{i}", reference="a", speaker=f"speaker-{speaker}")
        for speaker, count in enumerate(counts)
        for i in range(count)
    ]


def unnamed(count: int) -> list[AudioSample]:
    return [AudioSample(f"unnamed-{i}", reference="a", speaker=None) for i in range(count)]


def ids(split: Split) -> list[list[str]]:
    return [[s.id for s in part] for part in (split.train, split.held_out)]


def speakers(samples: list[AudioSample]) -> set[str | None]:
    return {s.speaker for s in samples}


@given(
    counts=st.lists(st.integers(1, 8), min_size=2, max_size=8),
    without=st.integers(0, 5),
    fraction=st.floats(0.01, 0.95),
    seed=st.integers(0, 5),
    order=st.randoms(use_true_random=False),
)
def test_whole_speakers_are_held_out_as_near_to_the_fraction_as_can_be(
    counts, without, fraction, seed, order
):
    samples = [*people(*counts), *unnamed(without)]
    split = hold_out(samples, fraction, seed, ASR)
    assert speakers(split.train).isdisjoint(speakers(split.held_out))
    assert sorted(s.id for s in split.train + split.held_out) == sorted(s.id for s in samples)
    assert all(s.speaker for s in split.held_out), "a clip without a speaker is trained on"
    assert speakers(split.train) - {None}, "a speaker is left to train on"
    reachable = {sum(chosen) for n in range(1, len(counts)) for chosen in combinations(counts, n)}
    wanted = fraction * len(samples)
    nearest = min(abs(size - wanted) for size in reachable)
    assert abs(len(split.held_out) - wanted) == pytest.approx(nearest)
    order.shuffle(samples)
    assert ids(hold_out(samples, fraction, seed, ASR)) == ids(split)


def test_of_two_shares_that_are_as_near_the_larger_one_is_held_out():
    split = hold_out(people(*[5] * 10), 0.25, 0, ASR)
    assert len(speakers(split.held_out)) == 3
    assert len(split.train) == 35


def test_the_seed_decides_who_is_held_out():
    samples = people(*[4] * 20)
    chosen = {frozenset(speakers(hold_out(samples, 0.1, s, ASR).held_out)) for s in range(20)}
    assert len(chosen) > 10


def test_a_speaker_of_few_clips_is_taken_rather_than_one_of_a_quarter():
    for seed in range(10):
        split = hold_out(people(10, 10, 10, 5, 5), 0.1, seed, ASR)
        assert len(split.held_out) == 5
        assert "5 of 40 clips are held out" in split.account
        assert "12.5 % where 10.0 % was asked for: all of 1 of 5 speakers" in split.account
        assert split.parts_voices


def test_a_clip_without_a_speaker_is_trained_on_and_counted():
    """One of forty made the split one of single clips, by speakers who were also learnt from."""
    samples = [*people(10, 10, 10, 9), *unnamed(1)]
    split = hold_out(samples, 0.25, 0, ASR)
    assert len(speakers(split.held_out)) == 1
    assert speakers(split.train).isdisjoint(speakers(split.held_out))
    assert split.account.endswith(
        "all of 1 of 4 speakers; 1 clip without a speaker stays in training"
    )
    blank = [AudioSample(f"blank-{i}", reference="a", speaker=" \t"[i]) for i in range(2)]
    split = hold_out([*people(5, 5), *blank], 0.4, 0, ASR)
    assert "of 1 of 2 speakers; 2 clips without a speaker stay in training" in split.account


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ([None] * 20, "no speaker is known; the same voice may be learnt from and measured on"),
        ([""] * 20, "no speaker is known"),
        (["one"] * 20, "only one speaker is known; the same voice is learnt from and measured on"),
        (["a", None] * 10, "only one speaker is known"),
    ],
)
def test_single_clips_are_held_out_where_speakers_do_not_tell_and_that_is_said(names, reason):
    samples = [AudioSample(f"{i:02d}", reference="a", speaker=s) for i, s in enumerate(names)]
    split = hold_out(samples, 0.1, 0, ASR)
    assert (len(split.train), len(split.held_out)) == (18, 2)
    assert reason in split.account
    assert not split.parts_voices
    assert ids(hold_out(samples, 0.1, 0, ASR)) == ids(split)
    chosen = {tuple(ids(hold_out(samples, 0.1, seed, ASR))[1]) for seed in range(20)}
    assert len(chosen) > 10


def test_at_least_one_clip_is_held_out_and_one_is_left():
    samples = [AudioSample("a", reference="a"), AudioSample("b", reference="b")]
    assert [len(part) for part in ids(hold_out(samples, 0.01, 0, ASR))] == [1, 1]
    with pytest.raises(DatasetError, match=r"too few samples \(1\) to hold 10 % .* give --eval"):
        hold_out(samples[:1], 0.1, 0, ASR)
    with pytest.raises(DatasetError, match="too few"):
        hold_out(samples, 0.9, 0, ASR)


def test_what_has_no_reference_is_not_held_out_since_it_cannot_be_measured_on():
    samples = [
        AudioSample(f"{i:02d}", reference="a" if i % 2 else None, labels=("a",) if i % 4 else ())
        for i in range(40)
    ]
    split = hold_out(samples, 0.5, 0, ASR)
    assert (len(split.train), len(split.held_out)) == (30, 10), "half of the 20 that have one"
    assert "10 of 20 clips that can be measured on are held out" in split.account
    assert all(s.reference for s in split.held_out)
    assert all(s.labels for s in hold_out(samples, 0.5, 0, CLASSES).held_out)
    with pytest.raises(
        DatasetError, match=r"of 10 samples none could .*no reference text.*--metric"
    ):
        hold_out([AudioSample(f"{i}") for i in range(10)], 0.5, 0, ASR)


def test_speakers_without_any_reference_are_trained_on():
    untold = [AudioSample(f"untold-{i}", speaker=f"u{i % 3}") for i in range(30)]
    mixed = [AudioSample(f"mixed-{i}", speaker="speaker-0") for i in range(5)]
    split = hold_out([*untold, *mixed, *people(4, 4)], 0.9, 0, ASR)
    assert speakers(split.held_out) == {"speaker-0", "speaker-1"}
    assert len(split.held_out) == 8, "the clips that nobody transcribed cannot be measured on"
    assert speakers(split.train) == {"u0", "u1", "u2"}


def test_speakers_of_whom_nothing_can_be_measured_on_part_no_voices():
    untold = [AudioSample(f"untold-{i}", speaker=f"u{i % 3}") for i in range(30)]
    split = hold_out([*untold, *unnamed(20)], 0.1, 0, ASR)
    assert (len(split.train), len(split.held_out)) == (48, 2)
    assert not split.parts_voices


class Name(str):
    """A speaker's name that counts how often it is compared or looked up."""

    __slots__ = ()
    uses = 0

    def __eq__(self, other: object) -> bool:
        Name.uses += 1
        return str.__eq__(self, other)

    def __hash__(self) -> int:
        Name.uses += 1
        return str.__hash__(self)


@pytest.mark.parametrize("fraction", [0.1, 0.9])
def test_the_work_does_not_grow_with_clips_times_speakers(fraction):
    """A pass over all clips for each of a hundred thousand speakers would take hours."""
    samples = [
        AudioSample(f"{i}", reference="a", speaker=Name(f"speaker-{i % 300}")) for i in range(3000)
    ]
    Name.uses = 0
    split = hold_out(samples, fraction, 0, ASR)
    assert len(split.held_out) == fraction * 3000
    assert Name.uses < 20 * len(samples), "it was 30 to 270 for each clip"
