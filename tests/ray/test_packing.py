"""What comes back from a worker names the run's own samples, and holds no sound."""

from types import MappingProxyType

import numpy as np
from attrs import asdict, evolve

from audioforge.measuring.dataset_pass import MeasuredBatch
from audioforge.measuring.evaluation import EvaluatedItem
from audioforge.run.scored_batch import ScoredBatch
from audioforge.sample import AudioSample, Hypothesis, Problem, Rollout, Score, ScoredHypothesis
from audioforge_ray.packing import packed, unpacked


def samples(sound):
    metadata = MappingProxyType({"emotion": "joy"})
    return [AudioSample(name, sound, 16000, metadata=metadata) for name in ("a", "b")]


def test_the_runs_own_samples_are_in_what_comes_back():
    own, there = samples(np.zeros(160_000, np.float32)), samples(np.ones(160_000, np.float32))
    hypothesis = ScoredHypothesis(Hypothesis(text="ja", logprob=-1.5), {"wer": Score(0.5)}, 0.5)
    problem = Problem("b.wav", "is empty", "empty")
    batch = ScoredBatch([Rollout(there[1], 1, [hypothesis])], {"a": problem}, {"rollout": 1.0}, [])
    content = packed((batch,), there)
    assert len(content) < 2000
    (came,) = unpacked(content, own)
    assert came.rollouts[0].sample is own[1]
    assert came.rollouts[0].hypotheses[0].scores == {"wer": Score(0.5)}
    assert came.problems == {"a": problem}


def test_a_sample_of_another_batch_travels_as_it_is():
    here, other = samples(None), AudioSample("c", None, reference="hello")
    (came,) = unpacked(packed([other], here), here)
    assert (came.id, came.reference) == ("c", "hello")
    assert evolve(came, id="d").metadata == {}


def test_what_was_measured_comes_back_without_its_samples():
    item = EvaluatedItem({"id": "a", "text": "ja"}, {"wer": {"hits": 1.0}}, 2.5, ("yes",), {})
    (came,) = unpacked(packed([MeasuredBatch([item], {})], samples(None)), samples(None))
    assert [asdict(one) for one in came.items] == [asdict(item)]
