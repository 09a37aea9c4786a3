"""Counting what verifiers failed on, and the end of a run in which it is too much."""

import json

import pytest

from audioforge.errors import VerifierError
from audioforge.judging.failures import MOST_TEXTS, Failures


def counted(rate: float, given: int, failed: int) -> Failures:
    failures = Failures(rate)
    for i in range(given):
        text = None if i >= failed else f"ValueError: {'odd' if i % 3 else 'even'}"
        failures.add("judge", f"s{i}", text)
    return failures


@pytest.mark.parametrize(
    ("rate", "given", "failed", "stops", "stops_at_end"),
    [
        (0.05, 99, 99, False, True),
        (0.05, 100, 6, True, True),
        (0.05, 100, 5, False, False),
        (0.05, 10, 1, False, True),
        (0.05, 0, 0, False, False),
        (0.0, 1, 1, True, True),
        (0.0, 1000, 0, False, False),
        (1.0, 100, 100, False, False),
    ],
)
def test_too_many_failures_stop(rate, given, failed, stops, stops_at_end) -> None:
    for at_end, expected in ((False, stops), (True, stops_at_end)):
        if not expected:
            counted(rate, given, failed).check(at_end=at_end)
            continue
        with pytest.raises(VerifierError) as caught:
            counted(rate, given, failed).check(at_end=at_end)
        assert f"'judge' failed on {failed} of {given} hypotheses" in str(caught.value)


def test_the_message_says_what_failed_most_and_what_to_do() -> None:
    with pytest.raises(VerifierError) as caught:
        counted(0.05, 200, 30).check()
    assert str(caught.value) == (
        "verifier 'judge' failed on 30 of 200 hypotheses (15 %): 20 × ValueError: odd "
        "(first: sample 's1'); 10 × ValueError: even (first: sample 's0')\n"
        "That is more than --max-verifier-failures 0.05 allows. Mend the verifier or leave it out, "
        "or raise the limit: what a verifier fails on is left without a reward."
    )


def test_counts_of_other_processes_are_added_up() -> None:
    good, bad = counted(0.05, 150, 0), counted(0.05, 50, 15)
    bad.check()
    counts = json.loads(json.dumps([*good.counts(), *bad.counts()]))
    with pytest.raises(VerifierError, match=r"15 of 200 hypotheses \(7.5 %\): 10 × ValueError"):
        bad.check(at_end=True, counts=counts)
    counted(0.1, 0, 0).check(at_end=True, counts=counts)


def test_texts_that_never_repeat_take_bounded_memory() -> None:
    failures = Failures(1.0)
    for i in range(5 * MOST_TEXTS):
        failures.add("judge", str(i), f"ValueError: {i}")
    [(_, given, failed, texts)] = failures.counts()
    assert given == failed == sum(count for _, count, _ in texts) == 5 * MOST_TEXTS
    assert len(texts) <= MOST_TEXTS + 1
    assert failures.describe()[0].startswith(
        f"verifier 'judge' failed on 5,000 of 5,000 hypotheses (100 %): {4 * MOST_TEXTS:,} × other"
    )
