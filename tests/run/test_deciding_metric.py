"""Which metric decides between models, who may say so, and what it needs of a clip."""

import pytest

from audioforge.config import AudioRAFTConfig, VerifierSetting
from audioforge.errors import ConfigError
from audioforge.inference.own_executor import ProcessesExecutor
from audioforge.inference.stop import StopRequest
from audioforge.judging.needs import Needs
from audioforge.judging.verification import Verification, verifier_context
from audioforge.measuring.deciding_metric import decide_by, deciding_needs, metric_problems
from audioforge.measuring.decoding import Decoding
from audioforge.measuring.evaluator import create_evaluator
from audioforge.sample import AudioSample, Score
from audioforge.tasks import speech_task
from audioforge.verifier import CorpusMetric, Verifier


def asked(metric, **settings) -> AudioRAFTConfig:
    return AudioRAFTConfig(metric=metric, **settings)


@pytest.fixture
def evaluator(registry, reporter):
    def _evaluator(*verifiers, task="asr"):
        context = verifier_context(registry, task, "none", 0.3, "cpu")
        settings = [VerifierSetting.parse(v) for v in verifiers]
        verification = Verification(registry, settings, "weighted_mean", context)
        executor = ProcessesExecutor()
        executor.join("cpu", "float32")
        decoding = Decoding(batch_size=1, max_new_tokens=None)
        return create_evaluator(registry, verification, decoding, executor, StopRequest(), reporter)

    return _evaluator


@pytest.mark.parametrize(
    ("metric", "settings"),
    [
        ("wer.wer", {}),
        ("cer.cer", {"verifier": ["slots"]}),
        ("slots.slot_f1", {"verifier": ["wer", "slots:weight=0"]}),
        ("orders.slot_recall", {"verifier": ["slots:id=orders"]}),
        (
            "hallucination.hallucination_rate",
            {"verifier": ["wer"], "aggregator": "gated:require=hallucination"},
        ),
        ("label.accuracy", {"task": "classification"}),
        ("mean_reward", {"task": "tts"}),
        ("intelligibility.wer", {"task": "tts"}),
        (None, {}),
    ],
)
def test_any_metric_of_the_run_and_of_the_task_can_decide(registry, metric, settings):
    assert metric_problems(registry, asked(metric, **settings)) == []


@pytest.mark.parametrize(
    ("metric", "settings", "known"),
    [
        ("wer", {}, "Known: cer.cer, wer.mer, wer.wer."),
        ("slots.slot_f1", {}, "Known: cer.cer, wer.mer, wer.wer."),
        ("slots.f1", {"verifier": ["slots"]}, "Did you mean slots.slot_f1?"),
        ("consensus.agreement", {"verifier": ["consensus"]}, "Known: cer.cer, wer.mer, wer.wer."),
        ("mean_reward", {}, "Known: cer.cer, wer.mer, wer.wer."),
        ("accuracy", {"task": "classification"}, "Known: label.accuracy."),
    ],
)
def test_another_one_is_told_of_with_those_that_there_are(registry, metric, settings, known):
    (problem,) = metric_problems(registry, asked(metric, **settings))
    assert problem.startswith(f"metric: there is no '{metric}'; it is written VERIFIER.METRIC. ")
    assert known in problem
    assert "--verifier NAME:weight=0 measures by it without rewarding" in problem


@pytest.mark.parametrize(
    ("verifier", "metric"),
    [("pace", "mean_pace"), ("prosody", "mean_pitch_deviation"), ("prosody", "mean_pause_share")],
)
def test_what_is_neither_better_nor_worse_decides_nothing(registry, verifier, metric):
    name = f"{verifier}.{metric}"
    (problem,) = metric_problems(registry, asked(name, task="tts", verifier=[verifier]))
    assert problem.startswith(f"metric: neither more nor less of '{name}' is better, so that it")
    assert "Decide by mean_reward" in problem
    assert name not in problem.split("Decide by")[1]


def test_it_leads_no_evaluation_either(evaluator):
    judge = evaluator("pace", task="tts")
    with pytest.raises(ConfigError, match=r"metric: there is no 'pace\.mean_pace'"):
        decide_by(judge, "pace.mean_pace", [])


def test_a_broken_verifier_is_told_of_once(registry):
    from audioforge.run.check_settings import check_settings

    config = asked("hotwords.term_recall", verifier=["hotwords"], device="cpu")
    with pytest.raises(ConfigError) as error:
        check_settings(registry, config)
    told = [problem.split(":")[0] for problem in error.value.problems]
    assert told == ["verifier[0]", "metric"]


@pytest.mark.parametrize(
    ("metric", "settings", "reference", "metadata"),
    [
        (None, {}, True, ()),
        (None, {"verifier": ["slots"]}, True, ()),
        ("slots.slot_f1", {"verifier": ["slots"]}, False, ("slots",)),
        ("s.slot_f1", {"verifier": ["slots:id=s,columns=drink|size"]}, False, ("drink", "size")),
        ("hallucination.hallucination_rate", {"verifier": ["hallucination"]}, False, ()),
        ("label.accuracy", {"task": "classification"}, True, ()),
        (None, {"task": "tts"}, True, ()),
        ("mean_reward", {"task": "tts"}, True, ()),
    ],
)
def test_a_clip_must_say_what_the_metric_needs(registry, metric, settings, reference, metadata):
    needs = deciding_needs(registry, asked(metric, **settings))
    assert (needs.reference, needs.metadata) == (reference, metadata)


def test_what_a_clip_lacks_is_named_with_its_place():
    needs = Needs(speech_task("asr"), reference=False, metadata=("drink", "size"))
    assert needs.met_by(AudioSample("a", metadata={"size": "large"}))
    for lacking in ({}, {"drink": None, "size": ""}, {"other": "x"}):
        problem = needs.problem(AudioSample("a", metadata=lacking, where="orders.jsonl:3"))
        assert str(problem) == "orders.jsonl:3: a: there is no 'drink' or 'size' to score with"
        assert problem.kind == "without 'drink' or 'size'"


def test_the_first_metric_is_the_one_that_was_asked_for(evaluator):
    judge = evaluator("slots", "wer:id=strict,threshold=0")
    assert judge.decisive_metric.setting == "wer.wer"
    assert decide_by(judge, "strict.wer", []) == "strict.wer"
    assert judge.decisive_metric.metric.name == "strict_wer"  # as results call it
    assert decide_by(judge, "slots.slot_recall", []) == "slots.slot_recall"
    assert list(judge.metrics)[:2] == ["slot_recall", "strict_wer"]
    assert judge.needs.metadata == ("slots",)
    with pytest.raises(ConfigError, match=r"metric: there is no 'slots\.f1'"):
        decide_by(judge, "slots.f1", [])


class Mixed(Verifier):
    """Counts words, or characters where a text has none."""

    tasks = ("asr",)
    corpus_metrics = (
        CorpusMetric("wer", ("errors",), "words", higher_is_better=False),
        CorpusMetric("mer", ("errors",), "characters", higher_is_better=False),
    )

    def verify(self, samples, hypotheses):
        return [
            Score(1.0, True, {"errors": 0, "words" if "a" in h.text else "characters": 1})
            for h in hypotheses
        ]


@pytest.mark.parametrize(
    ("references", "expected"),
    [
        (("a", "a", "字"), "wer.wer"),
        (("a", "字", "字"), "wer.mer"),
        (("a", "字", None), "wer.wer"),
        ((), "wer.wer"),
    ],
)
def test_the_tasks_own_metric_is_the_one_that_most_references_count_in(
    evaluator, references, expected
):
    from audioforge.measuring.task_metrics import reported_metrics

    judge = evaluator("wer")
    judge.verifiers = {**judge.verifiers, "wer": Mixed()}
    judge.metrics = reported_metrics(judge.task, judge.verifiers)
    samples = [AudioSample(str(i), reference=text) for i, text in enumerate(references)]
    assert decide_by(judge, None, samples) == expected
    assert judge.decisive_metric.setting == expected


@pytest.mark.parametrize(
    ("verifiers", "metric", "rewarded"),
    [
        (("wer",), None, True),
        (("wer:id=strict",), "wer.wer", True),
        (("slots",), None, False),
        (("slots",), "slots.slot_f1", True),
        (("wer", "slots:weight=0"), "slots.slot_f1", False),
        (("cer",), "wer.wer", False),
    ],
)
def test_whether_what_decides_is_rewarded_too(evaluator, verifiers, metric, rewarded):
    judge = evaluator(*verifiers)
    decide_by(judge, metric, [])
    assert judge.is_judged_by_reward is rewarded


@pytest.mark.parametrize(
    ("references", "expected"),
    [
        (("go to the left", "stop"), "wer.wer"),
        (("今天天气很好", "stop", "我去 Berlin"), "wer.mer"),
        (("今天天气很好", "stop", "go"), "wer.wer"),
    ],
)
def test_characters_decide_where_most_references_are_unspaced(evaluator, references, expected):
    judge = evaluator("slots")
    samples = [AudioSample(str(i), reference=text) for i, text in enumerate(references)]
    assert decide_by(judge, None, samples) == expected
