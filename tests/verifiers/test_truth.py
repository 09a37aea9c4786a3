"""Error counts that were set by hand, before any of the code was run: `truth.tsv`.

A line has the kind of the pair, its language, reference and hypothesis, the units of the reference
(empty where that is a matter of taste), the errors (empty where nothing of the reference is left to
compare with), and why. Whoever finds a pair that is judged
wrongly adds a line.
"""

import csv
from pathlib import Path

import pytest

from audioforge.sample import AudioSample, Hypothesis
from audioforge.verifier import VerifierContext
from audioforge_verifiers.error_rate import EDITS, WordErrorRate

TRUTH = Path(__file__).with_name("truth.tsv")


def pairs():
    with TRUTH.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.fixture(scope="module")
def wer():
    verifier = WordErrorRate()
    verifier.setup(
        VerifierContext(
            task="asr",
            normalizer="by-language-1",
            wer_threshold=0.0,
            device="cpu",
            load_model=lambda checkpoint, task: None,
        )
    )
    yield verifier
    verifier.close()


@pytest.mark.parametrize("pair", pairs(), ids=lambda pair: f"{pair['language']}-{pair['why']}")
def test_errors_are_those_that_a_listener_counts(wer, pair):
    sample = AudioSample("one", reference=pair["reference"], language=pair["language"])
    [score] = wer.verify([sample], [Hypothesis(0, text=pair["hypothesis"])])
    if not pair["edits"]:
        assert (score.reward, score.metrics) == (None, {})
        return
    assert sum(score.metrics[edit] for edit in EDITS) == int(pair["edits"])
    units = {value for name, value in score.metrics.items() if name.startswith("reference_")}
    if pair["units"]:
        assert units == {int(pair["units"])}
    assert (score.reward == 1.0) == (int(pair["edits"]) == 0)


def test_there_are_enough_of_each_kind():
    kinds = [pair["kind"] for pair in pairs()]
    least = {"numbers": 60, "scripts": 60, "notation": 40, "traps": 40}
    assert all(kinds.count(kind) >= number for kind, number in least.items())
