"""Evaluation by greedy decoding, with a real model."""

import jiwer
import numpy as np
import pytest
import torch
from attrs import evolve

from audioforge.config import AudioRAFTConfig, VerifierSetting
from audioforge.errors import ConfigError, DatasetError
from audioforge.inference.own_executor import ProcessesExecutor
from audioforge.inference.stop import StopRequest
from audioforge.judging.verification import Verification, verifier_context
from audioforge.measuring.corpus_metrics import MeasuredMetric, metrics_of
from audioforge.measuring.dataset_pass import DatasetPass
from audioforge.measuring.decoding import Decoding
from audioforge.measuring.evaluation import EvaluationSet, compare, summarise
from audioforge.measuring.evaluator import Evaluator, create_evaluator
from audioforge.measuring.task_metrics import MEAN_REWARD
from audioforge.raft.update import update
from audioforge.run.check_settings import check_settings
from audioforge.run.resume_points import Progress
from audioforge.sample import AudioSample
from audioforge.selection import Selected
from audioforge.verifier import CorpusMetric, Verifier


def of(dataset: EvaluationSet) -> DatasetPass:
    return DatasetPass(dataset=dataset)


def evaluator_of(registry, verification, reporter, batch_size=8) -> Evaluator:
    executor = ProcessesExecutor()
    executor.join("cpu", "float32")
    decoding = Decoding(batch_size=batch_size, max_new_tokens=None)
    return create_evaluator(registry, verification, decoding, executor, StopRequest(), reporter)


@pytest.fixture
def evaluator(registry, reporter):
    def _evaluator(batch_size=8, normalizer="none", verifiers=("wer",)) -> Evaluator:
        context = verifier_context(registry, "asr", normalizer, 0.3, "cpu")
        settings = [VerifierSetting.parse(v) for v in verifiers]
        verification = Verification(registry, settings, "weighted_mean", context)
        return evaluator_of(registry, verification, reporter, batch_size)

    return _evaluator


@pytest.fixture
def noisy(tone_model):
    """A model that mistakes high for low."""
    model = tone_model()
    with torch.no_grad():
        model.module.weight[2] = model.module.weight[0]
    return model


def test_the_corpus_rates_are_jiwers(evaluator, noisy, tone_clips):
    evaluation = evaluator().evaluate(noisy, of(EvaluationSet("tones", tone_clips(30))))
    lines = evaluation.predictions
    references, texts = [line["text"] for line in lines], [line["pred_text"] for line in lines]
    expected = jiwer.process_words(references, texts)
    assert 0.1 < expected.wer < 0.9
    assert evaluation.value() == pytest.approx(expected.wer)
    assert evaluation.value("cer") == pytest.approx(jiwer.cer(references, texts))
    assert evaluation.sums("wer") == {
        "substitutions": expected.substitutions,
        "deletions": expected.deletions,
        "insertions": expected.insertions,
        "reference_words": 120,
    }
    low, high = evaluation.interval
    assert low < expected.wer < high
    assert evaluation.rtfx > 0
    summary = summarise(evaluation)
    assert summary == {
        "metric": "wer",
        "wer": evaluation.value(),
        "cer": evaluation.value("cer"),
        "ci95": [low, high],
        "interval": {
            "unit": "utterances of each speaker",
            "speakers": 4,
            "without_speaker": 0,
        },
        "n": 30,
        "measured": 30,
        "cut": 0,
        "total": 30,
        "style": {"capitals": 0.0, "small_letters": 1.0, "punctuation": 0.0},
        "decoding": "greedy",
        "runaway": 0,
    }


def test_a_rate_is_told_without_what_runs_away_and_a_gain_without_both(
    evaluator, noisy, tone_model, tone_clips
):
    held_out = EvaluationSet("tones", tone_clips(30))
    base, other = (evaluator().evaluate(m, of(held_out)) for m in (noisy, tone_model()))
    for evaluation, place in ((base, 0), (base, 1), (other, 1), (other, 2)):
        evaluation.items[place].prediction["runaway"] = True
    lines = [item.prediction for item in base.items[2:]]
    summary = summarise(base)
    assert summary["runaway"] == 2
    rest = jiwer.wer([line["text"] for line in lines], [line["pred_text"] for line in lines])
    assert summary["without_runaway"]["wer"] == pytest.approx(rest)
    neither = [evolve(evaluation, items=evaluation.items[3:]) for evaluation in (other, base)]
    difference = compare(other, base)["difference_ci95_without_runaway"]
    assert (
        difference
        == compare(*neither)["difference_ci95"]
        != compare(other, base)["difference_ci95"]
    )
    # What is left may be nothing, or clips without words: that is no rate, and not 0.
    wordless = {"wer": {**base.items[4].metrics["wer"], "reference_words": 0.0}}
    for rest in ([], [evolve(base.items[4], metrics=wordless)]):
        alone = evolve(base, items=[*base.items[:2], *rest])
        assert summarise(alone)["without_runaway"]["wer"] is None
        assert "difference_ci95_without_runaway" not in compare(alone, alone)


def test_predictions_have_the_keys_of_nemo_and_come_sorted(evaluator, tone_model, tone_clips):
    samples = list(reversed(tone_clips(5)))
    evaluation = evaluator().evaluate(tone_model(), of(EvaluationSet("tones", samples)))
    lines = evaluation.predictions
    assert [line["id"] for line in lines] == sorted(s.id for s in samples)
    assert lines[0] == {
        "id": "clip-000",
        "audio_filepath": "clip-000",
        "duration": 0.4,
        "text": samples[-1].reference,
        "pred_text": lines[0]["pred_text"],
        "speaker": "speaker-0",
        "substitutions": 0,
        "deletions": 0,
        "insertions": 0,
        "reference_words": 4,
        "normalizer": "none",
        "measured": {"wer": [0, 4], "cer": [0, 20]},
    }


def test_neither_order_nor_batch_size_changes_anything(evaluator, noisy, tone_clips):
    samples = tone_clips(13)
    one = evaluator(1).evaluate(noisy, of(EvaluationSet("tones", samples)))
    many = evaluator(5).evaluate(noisy, of(EvaluationSet("tones", samples[::-1])))
    assert [i.prediction for i in one.items] == [i.prediction for i in many.items]
    assert one.interval == many.interval


def test_learning_shows_as_a_paired_difference(evaluator, engine, noisy, tone_clips, references):
    held_out = EvaluationSet("tones", tone_clips(60)[30:])
    before = evaluator().evaluate(noisy, of(held_out))
    kept = references(tone_clips(30))
    run = engine(tone_clips(30), epochs_per_cycle=20, learning_rate=0.2)
    update(run, noisy, Selected(kept), Progress(1))
    after = evaluator().evaluate(noisy, of(held_out))
    assert after.value() < 0.1 < before.value()
    low, high = compare(after, before)["difference_ci95"]
    assert low < after.value() - before.value() < high < 0
    assert after.difference_interval(after) == (0.0, 0.0)


def test_the_normaliser_of_the_run_is_used(evaluator, tone_model, tone_clips):
    samples = [
        AudioSample(s.id, s.audio, s.sampling_rate, s.reference.upper() + "!")
        for s in tone_clips(10)
    ]
    raw = evaluator(normalizer="none").evaluate(tone_model(), of(EvaluationSet("tones", samples)))
    assert raw.value() == 1.0
    basic = evaluator(normalizer="words-1")
    assert basic.evaluate(tone_model(), of(EvaluationSet("tones", samples))).value() == 0.0


def test_each_of_two_kinds_of_clips_has_a_rate_and_says_on_how_many(
    evaluator, tone_model, tone_clips
):
    clips = tone_clips(6)
    unspaced = [AudioSample(s.id, s.audio, s.sampling_rate, "北京") for s in clips[:2]]
    mixed = EvaluationSet("tones", [*unspaced, *clips[2:]])
    evaluation = evaluator(normalizer="words-1").evaluate(tone_model(), of(mixed))
    assert summarise(evaluation)["counted"] == {"wer": 4, "mer": 2, "cer": 6}
    assert evaluation.value("wer") == 0.0 < 1.0 <= evaluation.value("mer")
    alone = evaluator(normalizer="words-1").evaluate(tone_model(), of(EvaluationSet("t", clips)))
    assert "counted" not in summarise(alone)


def test_what_cannot_be_used_is_left_out_and_named(evaluator, tone_model, tone_clips):
    long = AudioSample("long", np.zeros(8000 * 3), 8000, "low")
    dataset = EvaluationSet("tones", [long, *tone_clips(4)])
    evaluation = evaluator().evaluate(tone_model(), of(dataset))
    assert len(evaluation.items) == 4
    assert [p.where for p in dataset.skips.problems.values()] == ["long"]


def test_nothing_to_evaluate_is_an_error_with_the_reason(evaluator, tone_model):
    long = AudioSample("long", np.zeros(8000 * 3), 8000, "low")
    with pytest.raises(DatasetError, match=r"tones: nothing in it can be evaluated; .*1 too long"):
        evaluator().evaluate(tone_model(), of(EvaluationSet("tones", [long])))


def test_references_without_a_word_left_are_an_error(evaluator, tone_model, tone_clips):
    silent = [AudioSample(s.id, s.audio, s.sampling_rate, "[noise] …") for s in tone_clips(3)]
    with pytest.raises(DatasetError, match=r"every reference is empty .*normalizer"):
        evaluator(normalizer="words-1").evaluate(tone_model(), of(EvaluationSet("tones", silent)))


def test_the_corpus_metrics_of_the_runs_verifiers_are_reported_too(
    evaluator, tone_model, tone_clips, tmp_path
):
    terms = tmp_path / "terms.txt"
    terms.write_text("high\n", encoding="utf-8")
    verifiers = ("wer", f"hotwords:terms={terms}", "wer:id=strict,threshold=0", "consensus")
    dataset = EvaluationSet("tones", tone_clips(6))
    evaluation = evaluator(verifiers=verifiers).evaluate(tone_model(), of(dataset))
    assert evaluation.metric.name == "wer"
    said = sum(s.reference.split().count("high") for s in dataset.samples)
    assert evaluation.parts("term_recall")[1].sum() == said
    assert evaluation.values["strict_wer"] == evaluation.values["wer"]


@pytest.mark.parametrize(
    ("task", "verifier", "told"),
    [
        ("asr", "hallucination:id=cer", "hallucination has the id 'cer'"),
        ("asr", "cer:id=wer", "cer has the id 'wer'"),
        ("tts", "quality:id=mean_reward", "quality has the id 'mean_reward'"),
        ("tts", "quality:id=wer", None),
        ("asr", "hallucination:id=label", None),
        ("asr", "audioforge-verifiers/wer:threshold=0", None),
    ],
)
def test_an_id_of_the_metrics_that_are_always_reported_is_refused(registry, task, verifier, told):
    """Those of the other verifier would vanish."""
    config = AudioRAFTConfig(task=task, verifier=(verifier,), model_name="m", dataset="d")
    try:
        check_settings(registry, config)
        said = ""
    except ConfigError as error:
        said = str(error)
    assert ("under which every evaluation reports its own metric; give it" in said) == bool(told)
    assert (told or "") in said


def test_a_metric_of_any_name_takes_no_other_ones_place(registry, processes, reporter):
    """Not even that of the mean reward, which decides for text to speech."""

    class Twice(Verifier):
        tasks = ("tts",)
        corpus_metrics = (
            CorpusMetric("mean_reward", ("a",), "n", higher_is_better=True),
            CorpusMetric("mean_reward", ("b",), "n", higher_is_better=True),
        )

        def verify(self, samples, hypotheses):
            return []

    context = verifier_context(registry, "tts", "none", 0.3, "cpu")
    settings = [VerifierSetting.parse("quality")]
    verification = Verification(registry, settings, "weighted_mean", context)
    verification.verifiers["twice"] = Twice()
    judge = evaluator_of(registry, verification, reporter)
    assert judge.decisive_metric == MeasuredMetric("mean_reward", MEAN_REWARD)
    metrics = metrics_of({"twice": Twice()}, {"mean_reward": judge.decisive_metric})
    assert list(metrics) == ["mean_reward", "twice_mean_reward", "twice_twice_mean_reward"]
