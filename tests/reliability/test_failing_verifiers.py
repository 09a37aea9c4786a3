"""Verifiers that raise, hang, or return what is no score: nothing of it becomes a reward.

The verifiers are those of a third party, found by the entry point of a distribution on the path.
"""

import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from audioforge.cli import cli
from audioforge.config import AudioRAFTConfig, VerifierSetting
from audioforge.errors import VerifierError
from audioforge.judging import guard as guard_module
from audioforge.judging.guard import Guard
from audioforge.judging.verification import Verification, verifier_context
from audioforge.plugins import discover
from audioforge.sample import AudioSample, Hypothesis, Score
from audioforge_demo import assets

pytestmark = pytest.mark.no_cover  # shorter tests pass the same lines

METADATA = "Metadata-Version: 2.4\nName: acme-faulty\nVersion: 1.0\nSummary: Fails as asked.\n"
ENTRY_POINTS = "[audioforge]\nacme-faulty = acme_faulty.plugin\n"
PLUGIN = """
from audioforge.hookspecs import hookimpl
from audioforge.specs import AggregatorSpec, VerifierSpec

OPTIONS = "acme_faulty.verifier:Options"

@hookimpl
def register_verifiers():
    return [
        VerifierSpec(name=name, summary="", tasks=("asr",), options=OPTIONS,
                     factory=f"acme_faulty.verifier:{factory}")
        for name, factory in [("faulty", "Faulty"), ("crowd", "Crowd"), ("heavy", "Heavy")]
    ]

@hookimpl
def register_aggregators():
    return [AggregatorSpec(name="sour", summary="", factory="acme_faulty.verifier:Sour")]
"""
VERIFIER = '''
import itertools
import os
import re
import time

import numpy as np
from attrs import evolve, frozen

from audioforge.reward import RewardAggregator
from audioforge.sample import Score
from audioforge.verifier import CorpusMetric, Verifier


class Panic(BaseException):
    """As extensions in Rust raise it."""


class Speechless(Exception):
    def __str__(self):
        raise RuntimeError("not even this")


@frozen
class Options:
    kind: str
    on: str = ""  # the hypotheses that hold this text; all of them if empty


class Faulty(Verifier):
    """Counts words; on some hypotheses it fails."""

    tasks = ("asr",)
    needs_reference = False
    metrics = ("words",)
    corpus_metrics = (CorpusMetric("mean_words", ("words",), "items", higher_is_better=True),)

    def __init__(self, kind, on):
        self.kind, self.on, self.calls = kind, on, []

    def verify(self, samples, hypotheses):
        self.calls.append(len(samples))
        bad = [self.on in h.text for h in hypotheses]
        if any(bad) and hasattr(self, self.kind):
            getattr(self, self.kind)()
        scores = [self.score(h.text) for h in hypotheses]
        if not any(bad):
            return scores
        if self.kind in ("fewer", "more", "none", "endless"):
            returned = {"fewer": scores[1:], "more": [*scores, scores[0]], "none": None,
                        "endless": itertools.repeat(scores[0])}
            return returned[self.kind]
        if self.kind == "offline":
            return scores
        return [self.spoilt(s) if b else s for s, b in zip(scores, bad, strict=True)]

    def score(self, text):
        words = len(text.split())
        return Score(1 / max(words, 1), True, {"words": words, "items": 1.0})

    def spoilt(self, score):
        if self.kind == "numpy":
            return Score(np.float32(0.5), np.True_, {"words": np.int64(3), "rate": np.float32(0.5)})
        return {
            "nan_metric": lambda: evolve(score, metrics={"words": float("nan"), "items": 1.0}),
            "text_metric": lambda: evolve(score, metrics={"words": "three"}),
            "no_mapping": lambda: evolve(score, metrics=None),
            "nan_reward": lambda: Score(float("nan")),
            "seven": lambda: Score(7.0),
            "number": lambda: 0.5,
            "said_so": lambda: Score(None, error="the server is asleep"),
        }[self.kind]()

    def raises(self):
        raise ValueError("bad\\nluck")

    def exits(self):
        raise SystemExit(0)

    def panics(self):
        raise Panic("in native code")

    def speechless(self):
        raise Speechless

    def long(self):
        raise ValueError("a line\\n" * 10**6)

    def sleeps(self):
        time.sleep(60)

    def backtracks(self):
        re.match(r"(a+)+$", "a" * 60 + "b")

    def swallows(self):
        while True:
            try:
                time.sleep(60)
            except Exception:
                pass

    def swallows_once(self):
        try:
            time.sleep(60)
        except:
            time.sleep(60)

    def offline(self):
        if "ACME_OFFLINE" in os.environ:
            raise ConnectionError("no server")

    def interrupted(self):
        raise KeyboardInterrupt

    def stuck(self):  # C code that never looks for a signal
        all(itertools.repeat(True))


class Crowd(Faulty):
    """Judges a sample's hypotheses by how many there are."""

    scope = "rollout"

    def verify(self, samples, hypotheses):
        super().verify(samples, hypotheses)
        return [Score(1 / samples.count(s)) for s in samples]


class Heavy(Faulty):
    """Cannot be set up, or let go."""

    def setup(self, context):
        if self.kind == "setup":
            raise OSError("no such model")

    def close(self):
        if self.kind == "close":
            raise OSError("still busy")


class Sour(RewardAggregator):
    def aggregate(self, scores, weights):
        raise ZeroDivisionError("no weights at all")
'''
AT_FAULT = {
    "raises": "ValueError: bad; luck (acme_faulty/verifier.py:",
    "exits": "SystemExit: 0",
    "panics": "Panic: in native code",
    "speechless": "Speechless",
    "nan_metric": "metric 'words' is nan; one that cannot be computed is left out",
    "text_metric": "metric 'words' is 'three'",
    "no_mapping": "metrics are NoneType instead of a mapping",
    "nan_reward": "ValueError: a reward must be in [0, 1] or None, not nan",
    "seven": "ValueError: a reward must be in [0, 1] or None, not 7.0",
    "number": "returned float instead of a Score",
    "said_so": "the server is asleep",
    "fewer": "VerifierError: returned 0 scores for 1 hypotheses",
    "more": "VerifierError: returned more scores for 1 hypotheses",
    "none": "VerifierError: returned NoneType instead of a list of Score",
    "endless": "VerifierError: returned more scores for 1 hypotheses",
}
"""What is said of the hypothesis at fault, by the kind of failure."""
HANGS = ("sleeps", "backtracks", "swallows", "swallows_once")
GRACE = 0.4


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the third party's distribution."""
    folder = tmp_path_factory.mktemp("site")
    files = {
        "acme_faulty-1.0.dist-info/METADATA": METADATA,
        "acme_faulty-1.0.dist-info/entry_points.txt": ENTRY_POINTS,
        "acme_faulty/__init__.py": "",
        "acme_faulty/plugin.py": PLUGIN,
        "acme_faulty/verifier.py": VERIFIER,
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return folder


@pytest.fixture(autouse=True)
def _installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUDIOFORGE_PLUGINS", raising=False)
    monkeypatch.syspath_prepend(site)


@pytest.fixture
def verification():
    """`verification("faulty:kind=raises", …)` sets verifiers up as a run does."""

    def _verification(*verifiers: str, time_limit=0.0, rate=1.0, aggregator="weighted_mean"):
        registry = discover()
        context = verifier_context(registry, "asr", "none", 0.3, "cpu")
        settings = [VerifierSetting.parse(text) for text in verifiers]
        return Verification(registry, settings, aggregator, context, Guard(time_limit, rate))

    return _verification


def rollouts_of(verification: Verification, *texts: list[str]):
    """Verify the hypotheses of samples called 0, 1, …"""
    samples = [AudioSample(str(i), reference="one two") for i in range(len(texts))]
    hypotheses = [[Hypothesis(j, text=t) for j, t in enumerate(own)] for own in texts]
    rollouts = verification.verify(1, samples, hypotheses)
    verification.guard.count(rollouts)  # as whoever writes them down does
    return rollouts


def rewards(rollouts) -> list[list[float | None]]:
    return [[h.reward for h in r.hypotheses] for r in rollouts]


def errors(rollouts, identity: str = "faulty") -> list[str | None]:
    return [h.scores[identity].error for r in rollouts for h in r.hypotheses]


@pytest.mark.sweep(4)
@pytest.mark.parametrize("kind", AT_FAULT)
def test_only_the_hypothesis_at_fault_is_lost(verification, kind: str) -> None:
    judges = verification(f"faulty:kind={kind},on=bad")
    rollouts = rollouts_of(judges, ["one two", "one bad"], ["a b c d"])
    assert rewards(rollouts) == [[0.5, None], [0.25]]
    good, bad, other = errors(rollouts)
    assert good is None
    assert other is None
    assert bad.startswith(AT_FAULT[kind])
    assert rollouts[0].hypotheses[1].scores["faulty"].metrics == {}
    assert rollouts[0].rewards == [0.5]
    [(identity, given, failed, [(text, count, sample)])] = judges.guard.failures.counts()
    assert (identity, given, failed, text, count, sample) == ("faulty", 3, 1, bad, 1, "0")


@pytest.mark.sweep(4)
@pytest.mark.parametrize("kind", HANGS)
def test_a_verifier_that_hangs_is_interrupted(verification, kind: str) -> None:
    judges = verification(f"faulty:kind={kind},on=bad", time_limit=GRACE)
    rollouts = rollouts_of(judges, ["one two", "one bad"], ["a b c d"])
    assert rewards(rollouts) == [[0.5, None], [0.25]]
    assert errors(rollouts)[1].startswith("took longer than 0.4 s; see --verifier-timeout (acme_")


def test_one_that_always_hangs_is_given_up(verification, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard_module, "PATIENCE_SECONDS", 0.5)
    judges = verification("faulty:kind=sleeps", time_limit=0.2)
    texts = Counter(error.split(" (")[0] for error in errors(rollouts_of(judges, ["a"] * 50)))
    assert texts == {
        "took longer than 0.2 s; see --verifier-timeout": 3,
        "given up after others took too long": 47,
    }


def test_a_rollout_is_lost_as_a_whole_where_hypotheses_are_compared(verification) -> None:
    judges = verification("crowd:kind=raises,on=bad")
    rollouts = rollouts_of(judges, ["a", "b"], ["a", "bad", "c"], ["a"])
    assert rewards(rollouts) == [[0.5, 0.5], [None] * 3, [1.0]]
    assert judges.verifiers["crowd"].calls == [6, 2, 3, 1]
    assert judges.guard.failures.counts()[0][1:3] == (6, 3)


@pytest.mark.parametrize(
    ("aggregator", "weight", "expected"),
    [
        ("weighted_mean", 1, [0.75, None]),
        ("weighted_mean", 0, [1.0, 0.5]),
        ("minimum", 1, [0.5, None]),
        ("product", 0.1, [0.5 ** (1 / 11), None]),
        ("gated:require=faulty", 0, [1.0, None]),
    ],
)
def test_what_others_say_is_no_reward_when_one_with_a_part_in_it_failed(
    verification, aggregator: str, weight: float, expected: list
) -> None:
    setting = f"faulty:kind=raises,on=wrong,weight={weight}"
    judges = verification("wer", setting, aggregator=aggregator)
    [found] = rewards(rollouts_of(judges, ["one two", "one wrong"]))
    assert found == pytest.approx(expected)


def test_a_good_verifier_says_the_same_and_is_called_once(
    verification, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [f"{'word ' * (i % 7)}one two" for i in range(400)]
    judges = verification("wer", "faulty:kind=raises,on=bad", time_limit=300)
    samples = [AudioSample("a", reference="one two")] * 400
    hypotheses = [Hypothesis(text=text) for text in texts]
    plain = judges.verifiers["wer"].verify(samples, hypotheses)
    timers = []
    setitimer = signal.setitimer
    monkeypatch.setattr(signal, "setitimer", lambda *a: timers.append(a) or setitimer(*a))
    assert judges.guard.scores("wer", judges.verifiers["wer"], samples, hypotheses) == plain
    assert [t[1] for t in timers if t[1]] == [300], "set once, however many hypotheses"
    rollouts_of(judges, texts)
    assert judges.verifiers["faulty"].calls == [400]


def test_numbers_of_a_library_become_plain_ones(verification) -> None:
    [rollout] = rollouts_of(verification("faulty:kind=numpy"), ["a"])
    score = rollout.hypotheses[0].scores["faulty"]
    assert json.dumps([score.reward, score.passed, dict(score.metrics)]) == (
        '[0.5, true, {"words": 3, "rate": 0.5}]'
    )


def test_an_interruption_by_the_keyboard_passes_through(verification) -> None:
    with pytest.raises(KeyboardInterrupt):
        rollouts_of(verification("faulty:kind=interrupted", time_limit=60), ["a"])
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_one_that_cannot_be_set_up_is_named(verification) -> None:
    with pytest.raises(VerifierError, match="'heavy' cannot be set up: OSError: no such model"):
        verification("heavy:kind=setup")


def test_one_that_cannot_be_closed_costs_nothing(verification) -> None:
    judges = verification("heavy:kind=close,on=bad", "wer")
    assert rewards(rollouts_of(judges, ["one two"])) == [[0.75]]
    assert judges.close() == ["verifier 'heavy' cannot be closed: OSError: still busy"]


def test_an_aggregator_that_fails_is_named(verification) -> None:
    with pytest.raises(VerifierError, match="aggregator failed on wer: ZeroDivisionError: no weig"):
        rollouts_of(verification("wer", aggregator="sour"), ["one"])


def test_a_failed_score_has_no_reward() -> None:
    with pytest.raises(ValueError, match=r"a failed score has no reward, not 0\.0"):
        Score(0.0, error="x")


# Counting


def test_a_stage_recalls_what_it_had_before_an_interruption(verification) -> None:
    judges = verification("faulty:kind=raises,on=bad", rate=0.1)
    rollouts = rollouts_of(judges, ["a"] * 30, ["bad"])
    judges.guard.stage.check(at_end=True)
    resumed = verification("faulty:kind=raises,on=bad", rate=0.1)
    for rollout in rollouts:
        resumed.guard.stage.recall(rollout)
    assert resumed.guard.stage.counts() == judges.guard.stage.counts()
    rollouts_of(resumed, ["a"] * 3, ["bad"])
    resumed.guard.stage.check(at_end=True)
    resumed.guard.begin()
    rollouts_of(resumed, ["a"] * 3, ["bad"])
    with pytest.raises(VerifierError, match="failed on 1 of 4 hypotheses"):
        resumed.guard.stage.check(at_end=True)
    assert resumed.guard.failures.counts()[0][1:3] == (8, 2), "what this process did"


def test_a_long_text_is_one_short_line(verification) -> None:
    [error] = errors(rollouts_of(verification("faulty:kind=long"), ["a"]))
    assert len(error) < 400
    assert "\n" not in error


# The time limit


def test_native_code_that_never_returns_ends_a_process_of_its_own(site: Path) -> None:
    script = """
import sys
from audioforge.isolation import time_limit
from audioforge.judging.guard import Guard
from audioforge.sample import AudioSample, Hypothesis
from acme_faulty.verifier import Faulty

time_limit.LEAST_GRACE_SECONDS = 0.5
time_limit.end_stuck_process()
guard = Guard(0.3, 1.0)
ask = lambda kind: guard.scores("f", Faulty(kind, ""), [AudioSample("a")], [Hypothesis(text="a")])
print(ask("sleeps")[0].error, flush=True)
ask("stuck")
print("never here")
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PYTHONPATH": str(site), "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 1
    assert done.stdout.startswith("took longer than 0.3 s")
    assert "never here" not in done.stdout
    assert "Timeout" in done.stderr
    assert "acme_faulty/verifier.py" in done.stderr
    assert "in stuck" in done.stderr


# On the command line


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(a) for a in arguments])


def predictions(path: Path, count: int, bad: int) -> Path:
    rows = [
        {"id": f"s{i}", "text": "one two", "pred_text": "one bad" if i < bad else "one two"}
        for i in range(count)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def read(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_verify_leaves_failures_unscored_with_the_reason(tmp_path: Path) -> None:
    file, out = predictions(tmp_path / "p.jsonl", 60, 2), tmp_path / "s.jsonl"
    flags = ("--verifier", "faulty:kind=raises,on=bad", "--verifier", "wer", "--normalizer", "none")
    result = run("verify", file, *flags, "--device", "cpu", "--output", out, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["n"], found["scored"], found["unscored"]) == (60, 58, 2)
    assert found["reasons"] == {"verifier 'faulty' failed": 2}
    assert found["verifiers"]["faulty"]["failed"] == 2
    assert found["verifiers"]["wer"]["failed"] == 0
    assert found["reward"] == pytest.approx(0.75)
    lines = read(out)
    assert lines[0]["reward"] is None
    assert lines[0]["reason"].startswith("verifier 'faulty' failed: ValueError: bad; luck (acme")
    assert lines[0]["scores"]["faulty"]["error"].startswith("ValueError: bad; luck")
    assert lines[0]["scores"]["wer"]["reward"] == 0.5, "the other verifier is heard and written"
    assert "error" not in lines[2]["scores"]["faulty"]
    assert "verifier 'faulty' failed on 2 of 60 hypotheses (3.33 %)" in result.stderr


def test_verify_counts_one_of_weight_0_without_losing_a_reward(tmp_path: Path) -> None:
    file = predictions(tmp_path / "p.jsonl", 60, 2)
    flags = ("--verifier", "faulty:kind=seven,on=bad,weight=0", "--verifier", "wer")
    result = run("verify", file, *flags, "--device", "cpu", "--json")
    found = json.loads(result.stdout)
    assert (found["scored"], found["unscored"], found["reasons"]) == (60, 0, {})
    assert found["verifiers"]["faulty"]["failed"] == 2
    assert "not 7.0" in result.stderr


@pytest.mark.parametrize(("count", "bad"), [(60, 4), (2000, 2000)])
def test_verify_stops_beyond_the_part_that_may_fail(tmp_path: Path, count: int, bad: int) -> None:
    file, out = predictions(tmp_path / "p.jsonl", count, bad), tmp_path / "s.jsonl"
    flags = ("--verifier", "faulty:kind=raises,on=bad", "--device", "cpu", "--output", out)
    result = run("verify", file, *flags)
    assert result.exit_code == 1
    given = min(count, 256)
    assert f"'faulty' failed on {min(bad, given)} of {given} hypotheses" in result.stderr
    assert "raise the limit" in result.stderr
    assert not out.exists()
    assert run("verify", file, *flags, "--max-verifier-failures", "1").exit_code == (bad == count)
    assert run("verify", file, *flags, "--max-verifier-failures", "2").exit_code == 2


def test_verify_interrupts_a_verifier_that_hangs(tmp_path: Path) -> None:
    file = predictions(tmp_path / "p.jsonl", 30, 1)
    flags = ("--verifier", "faulty:kind=backtracks,on=bad", "--device", "cpu", "--json")
    result = run("verify", file, *flags, "--verifier-timeout", "0.3")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["unscored"] == 1
    assert "took longer than 0.3 s" in result.stderr


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty clips of the demo."""
    source = assets.target_train()
    path = tmp_path_factory.mktemp("clips") / "clips.jsonl"
    rows = read(source)[:20]
    for row in rows:
        row["audio_filepath"] = str(source.parent / row["audio_filepath"])
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_benchmark_leaves_out_what_a_verifier_failed_on(clips: Path, tmp_path: Path) -> None:
    flags = ("--model", assets.model(), "--dataset", clips, "--normalizer", "none", "--device",
             "cpu", "--output")  # fmt: skip
    assert run("benchmark", *flags, tmp_path / "plain").exit_code == 0
    texts = [row["pred_text"] for row in read(tmp_path / "plain" / "predictions.jsonl")]
    word = Counter(w for text in texts for w in set(text.split())).most_common()[-1][0]
    spared = [text for text in texts if word not in text]
    assert 0 < len(spared) < 20
    judge = ("--verifier", f"faulty:kind=raises,on={word}")
    stopped = run("benchmark", *flags, tmp_path / "stopped", *judge)
    assert stopped.exit_code == 1
    assert f"failed on {20 - len(spared)} of 20 hypotheses" in stopped.stderr
    result = run(
        "benchmark", *flags, tmp_path / "all", *judge, "--max-verifier-failures", 1, "--json"
    )
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["n"] == 20
    mean = sum(len(text.split()) for text in spared) / len(spared)
    assert found["mean_words"] == pytest.approx(mean)
    assert f"failed on {20 - len(spared)} of 20 hypotheses" in result.stderr
    plain = json.loads((tmp_path / "plain" / "metrics.json").read_text())
    assert found["wer"] == plain["wer"], "the others are measured as ever"


def train(clips: Path, output: Path, *flags: object) -> Result:
    return run(
        "train", "--model", assets.model(), "--dataset", clips, "--eval-dataset", clips,
        "--output", output, "--normalizer", "none", "--device", "cpu", "--cycles", 1,
        "--samples-per-prompt", 4, "--steps-per-cycle", 2, "--learning-rate", 1e-4,
        "--reward-threshold", 0, "--verifier", "wer", *flags,
    )  # fmt: skip


def rows(folder: Path) -> list[dict]:
    """Return the rollouts of the first cycle."""
    files = (folder / "cycle-01").glob("rollouts-*.jsonl")
    return sorted((row for path in files for row in read(path)), key=lambda row: row["id"])


def test_training_learns_nothing_from_what_a_verifier_failed_on(
    clips: Path, tmp_path: Path
) -> None:
    judge = ("--verifier", "faulty:kind=nan_metric,on=one,weight=0.1", "--max-verifier-failures", 1)
    result = train(clips, tmp_path / "run", *judge)
    assert result.exit_code == 0, result.output
    hypotheses = [h for row in rows(tmp_path / "run") for h in row["hypotheses"]]
    failed = [h for h in hypotheses if "one" in h["text"]]
    assert len(hypotheses) == 80
    assert 0 < len(failed) < 80
    for hypothesis in hypotheses:
        error = hypothesis["scores"]["faulty"].get("error")
        if "one" in hypothesis["text"]:
            assert error.startswith("metric 'words' is nan")
            assert hypothesis["reward"] is None
            assert hypothesis["kept"] is False
        else:
            assert error is None
            assert hypothesis["reward"] is not None


def test_training_stops_beyond_the_part_that_may_fail(clips: Path, tmp_path: Path) -> None:
    result = train(clips, tmp_path / "run", "--verifier", "faulty:kind=raises,weight=0.1")
    assert result.exit_code == 1
    assert "verifier 'faulty' failed on 20 of 20 hypotheses (100 %): 20 × ValueError" in (
        result.stderr
    )
    assert "--max-verifier-failures 0.05" in result.stderr


@pytest.mark.sweep(4)
@pytest.mark.parametrize("name", ["crowd", "faulty"])
def test_a_run_goes_on_when_the_verifier_is_mended(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    judge = ("--verifier", f"{name}:kind=offline,weight=0.1")
    assert train(clips, tmp_path / "never", *judge).exit_code == 0
    monkeypatch.setenv("ACME_OFFLINE", "1")
    stopped = train(clips, tmp_path / "mended", *judge)
    assert stopped.exit_code == 1
    assert "ConnectionError: no server" in stopped.stderr
    assert run("train", "--resume", tmp_path / "mended").exit_code == 1, "still offline"
    monkeypatch.delenv("ACME_OFFLINE")
    resumed = run("train", "--resume", tmp_path / "mended")
    assert resumed.exit_code == 0, resumed.output
    never, mended = ([*rows(tmp_path / which)] for which in ("never", "mended"))
    assert len(never) == 20
    assert mended == never
    files = [tmp_path / which / "best" / "model.safetensors" for which in ("never", "mended")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_the_settings_are_those_of_a_run() -> None:
    config = AudioRAFTConfig()
    assert (config.max_verifier_failures, config.verifier_timeout) == (0.05, 300.0)
