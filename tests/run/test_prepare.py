"""What training and benchmark set up in the same way, and differences of what is missing."""

from pathlib import Path

import pytest

from audioforge.config import AudioRAFTConfig
from audioforge.errors import ConfigError
from audioforge.inference.own_executor import ProcessesExecutor
from audioforge.inference.processes import Processes
from audioforge.measuring.corpus_metrics import MeasuredMetric
from audioforge.measuring.evaluation import EvaluatedItem, Evaluation, paired
from audioforge.run.data.run_data import columns_request, data_request
from audioforge.run.data.samples import labels_of
from audioforge.run.prepare import create_executor, create_verification
from audioforge.sample import AudioSample, Hypothesis
from audioforge.verifier import CorpusMetric

REWARD = CorpusMetric("mean_reward", ("reward",), "judged", higher_is_better=True)


def test_verifiers_know_the_labels_of_the_data(registry, reporter):
    config = AudioRAFTConfig(task="classification", normalizer="none")
    samples = [AudioSample("a", labels=("yes",)), AudioSample("b", labels=("no",))]
    executor = create_executor(registry, config)
    verification = create_verification(
        registry, config, samples, labels_of(samples), executor, reporter
    )
    said = [[Hypothesis(label="no")], [Hypothesis(label="maybe")]]
    rollouts = verification.verify(1, samples, said)
    scores = [rollout.hypotheses[0].scores["label"].metrics for rollout in rollouts]
    assert [score["unknown"] for score in scores] == [0, 1]


def test_only_the_data_itself_has_a_split_and_a_folder():
    config = AudioRAFTConfig(
        task="tts",
        split="test",
        data_dir="here",
        streaming=True,
        text_column="said",
        audio_column="heard",
        speaker_column="by",
        audio_root="s3://speech",
    )
    request, other = data_request(config), columns_request(config)
    assert (request.split, request.data_dir, request.streaming) == ("test", Path("here"), True)
    assert (other.split, other.data_dir, other.streaming) == (None, None, False)
    for asked in (request, other):
        assert (asked.text_column, asked.audio_column) == ("said", "heard")
        assert (asked.speaker_column, asked.audio_root) == ("by", "s3://speech")
    assert (request.needs_audio, other.needs_audio) == (False, False)


def test_an_utterance_that_only_one_model_was_judged_on_is_in_no_difference():
    def evaluation(*rewards: float | None) -> Evaluation:
        items = [
            EvaluatedItem(
                {"id": str(i)}, {"v": {} if r is None else {"reward": r, "judged": 1.0}}, 1.0
            )
            for i, r in enumerate(rewards)
        ]
        return Evaluation("set", items, {"mean_reward": MeasuredMetric("v", REWARD)}, 1.0)

    parts, _ = paired([evaluation(0.9, None, 0.8), evaluation(0.5, 0.7, None)])
    assert [[list(part) for part in ratio] for ratio in parts] == [[[0.9], [1]], [[0.5], [1]]]


class GpusElsewhere(ProcessesExecutor):
    """Has workers with GPUs, whatever this machine has."""

    asked = ("", "")

    def join(self, device: str, dtype: str) -> None:
        type(self).asked = device, dtype
        self._processes = Processes("cpu", "bfloat16")


def test_device_and_precision_are_those_of_whoever_does_the_work(registry, monkeypatch):
    monkeypatch.setattr("audioforge.inference.own_executor.ProcessesExecutor", GpusElsewhere)
    config = AudioRAFTConfig(device="cuda")
    assert create_executor(registry, config).processes.device.type == "cpu"
    assert GpusElsewhere.asked == ("cuda", "auto")
    assert config.dtype == "bfloat16"


def test_a_device_that_is_not_here_is_refused_by_the_own_executor(registry):
    with pytest.raises(ConfigError, match="device: 'mps' is not available here"):
        create_executor(registry, AudioRAFTConfig(device="mps"))
