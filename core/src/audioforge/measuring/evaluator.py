"""Evaluating a model: greedy decoding of a dataset, batch by batch, through verifiers."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import cattrs
import torch

from audioforge.config import VerifierSetting
from audioforge.errors import DatasetError, PluginError, TrainingError
from audioforge.files.journal import Journal
from audioforge.inference.clips import ClipLoader, chunks_of
from audioforge.inference.hypothesis_audio import audio_seconds, store_audio
from audioforge.inference.processes import Processes
from audioforge.inference.sampling import Sampled, SampledBatch, sample_hypotheses
from audioforge.inference.stop import StopRequest
from audioforge.isolation.copies import for_adapter
from audioforge.judging.verification import Verification, create_verifier
from audioforge.measuring.corpus_metrics import Measure, measures_of
from audioforge.measuring.evaluation import EvaluatedItem, Evaluation, EvaluationSet
from audioforge.model import ModelAdapter, SamplingParams, Task
from audioforge.plugins import Registry, verifier_spec
from audioforge.run.rollout_store import problem_line, problem_of
from audioforge.sample import AudioSample, Hypothesis, Problem, Rollout
from audioforge.terminal.reporter import Reporter
from audioforge.verifier import CorpusMetric, Verifier, VerifierContext

METRIC_VERIFIERS: Mapping[Task, tuple[str, ...]] = {
    "asr": ("wer", "cer"),
    "classification": ("label",),
    "tts": (),
}
"""The verifiers whose corpus metrics every evaluation of a task reports; the first one decides. No
reference says how a text must sound, so that for text to speech the run's own reward decides."""

REWARD = CorpusMetric("mean_reward", ("reward",), "judged", higher_is_better=True)
"""The mean reward of the outputs that could be judged."""


def taken_id_problems(
    registry: Registry, settings: Sequence[VerifierSetting], task: Task
) -> list[str]:
    """Return which verifiers have an id under which every evaluation reports something else."""
    taken = {REWARD.name} if task == "tts" else set(METRIC_VERIFIERS[task])
    return [
        f"verifier[{index}]: {setting.name} has the id '{setting.id}', under which every "
        f"evaluation reports its own metric; give it another one with id="
        for index, setting in enumerate(settings)
        if setting.id in taken and not _is_called(registry, setting.id, setting.name)
    ]


def _is_called(registry: Registry, identity: str, name: str) -> bool:
    """Whether a verifier is what its id says; one that is not there is told of elsewhere."""
    try:
        spec = verifier_spec(registry, name)
    except PluginError:
        return True
    try:
        return verifier_spec(registry, identity) is spec
    except PluginError:
        return False


class Evaluator:
    """Evaluates models of one run, all in the same way.

    Args:
        registry: Of the installed plugins.
        context: What the run tells its verifiers.
        verification: Of the run; the corpus metrics of its verifiers are reported too.
        processes: Shares the work.
        batch_size: Clips per batch; fixed, since padding can change a model's output by rounding.
        max_new_tokens: Longest output; None for the model's own limit.
        reporter: Shows progress.
    """

    def __init__(
        self,
        registry: Registry,
        context: VerifierContext,
        verification: Verification,
        processes: Processes,
        *,
        batch_size: int,
        max_new_tokens: int | None,
        reporter: Reporter,
    ) -> None:
        """Set up the verifiers whose metrics are reported."""
        own = METRIC_VERIFIERS[context.task]
        self._verifiers: dict[str, Verifier] = {
            name: create_verifier(registry, VerifierSetting.parse(name), context) for name in own
        }
        for identity, verifier in verification.verifiers.items():
            # Greedy decoding gives one hypothesis; the reward of text to speech needs every score.
            measures = verifier.corpus_metrics and verifier.scope == "hypothesis"
            if measures or context.task == "tts":
                self._verifiers.setdefault(identity, verifier)
        self._verification = verification
        self._task = context.task
        first = {REWARD.name: Measure(REWARD.name, REWARD)} if context.task == "tts" else {}
        self._measures = measures_of(self._verifiers, first)
        self._processes = processes
        self._batch_size = batch_size
        self._params = SamplingParams(temperature=0.0, max_new_tokens=max_new_tokens)
        self._reporter = reporter

    @property
    def decisive(self) -> Measure:
        """The corpus metric that decides."""
        return next(iter(self._measures.values()))

    def measure_rollouts(self, rollouts: Sequence[Rollout]) -> list[list[tuple[float, float]]]:
        """Return numerator and denominator of the metric that decides, for every hypothesis.

        A run that rewards by other verifiers has none of its scores yet.
        """
        rows: list[list[dict[str, Mapping[str, float]]]]
        if self._task == "tts":
            rewards = [[h.reward for h in rollout.hypotheses] for rollout in rollouts]
            rows = [[{REWARD.name: _reward_parts(r)} for r in row] for row in rewards]
        else:
            rows = [self._score_rollout(rollout) for rollout in rollouts]
        return [[self.decisive.parts(metrics) for metrics in row] for row in rows]

    def _score_rollout(self, rollout: Rollout) -> list[dict[str, Mapping[str, float]]]:
        identity = self.decisive.verifier
        hypotheses = [h.hypothesis for h in rollout.hypotheses]
        samples = [rollout.sample] * len(hypotheses)
        verifier, guard = self._verifiers[identity], self._verification.guard
        scores = guard.scores(identity, verifier, samples, hypotheses)
        return [{identity: score.metrics} for score in scores]

    def evaluate(
        self,
        adapter: ModelAdapter | None,
        dataset: EvaluationSet,
        what: str = "evaluate",
        *,
        audio_folder: Path | None = None,
        word_times: bool = False,
        journal: Journal | None = None,
        stop: StopRequest | None = None,
    ) -> Evaluation:
        """Decode a dataset greedily and measure.

        Args:
            adapter: The model; None when the journal holds everything.
            dataset: What to decode.
            what: What the progress bar says.
            audio_folder: Where to keep generated audio; None to let it go.
            word_times: Add to each prediction when its words were said.
            journal: Where results are kept as they come; what is in it already is not decoded
                again.
            stop: Asked after each batch.

        Raises:
            ConfigError: If the model cannot tell when a word was said.
            DatasetError: If no clip of it can be used, or no reference holds anything to measure.
            TrainingError: If there is no model, and something is not in the journal.
            Interrupted: If somebody asked to stop; the journal has what was finished.
        """
        start = time.perf_counter()
        chunks = chunks_of(sorted(dataset.samples, key=lambda s: s.id), self._batch_size)
        items, problems = _recalled(journal, dataset)
        if adapter is not None:  # a verifier may be mended by now
            items = [item for item in items if not item.errors]
        self._processes.wait()  # nobody writes while others still read what there was
        done = {*(i.id for i in items), *problems}
        failures = self._verification.guard.begin()
        for item in self._processes.shard(items):
            for identity in self._verifiers:
                failures.add(identity, item.id, item.errors.get(identity))
        todo = [
            chunk
            for chunk in self._processes.shard(chunks)
            if not done.issuperset(s.id for s in chunk)
        ]
        own: list[EvaluatedItem] = []
        if todo and adapter is None:
            raise TrainingError(f"{dataset.name}: results of a finished evaluation are missing")
        if todo and adapter is not None:
            for batch, measured in self._decoded(adapter, dataset, todo, what, audio_folder):
                if word_times:
                    _add_word_times(adapter, batch.sampled, measured)
                new = [item for item in measured if item.id not in done]
                own += new
                if journal is not None:
                    journal.append({"item": attrs.asdict(item)} for item in new)
                    journal.append({"left_out": problem_line(*p)} for p in batch.problems.items())
                if stop is not None:
                    stop.check()
        items = sorted([*items, *self._processes.gather(own)], key=lambda i: i.id)
        dataset.skips.share(self._processes.gather)
        failures.check(at_end=True, counts=self._processes.gather(failures.counts()))
        if not items:
            raise DatasetError(
                f"{dataset.name}: nothing in it can be evaluated; "
                f"{dataset.skips.describe(dataset.total) or 'it is empty'}"
            )
        seconds = time.perf_counter() - start
        evaluation = Evaluation(dataset.name, items, self._measures, seconds, dataset.total)
        if evaluation.value() is None:
            raise DatasetError(f"{dataset.name}: {self._why_unmeasured}")
        return evaluation

    def _decoded(
        self,
        adapter: ModelAdapter,
        dataset: EvaluationSet,
        chunks: Sequence[Sequence[AudioSample]],
        what: str,
        audio_folder: Path | None,
    ) -> Iterator[tuple[SampledBatch, list[EvaluatedItem]]]:
        """Yield batches of greedy outputs with what was measured on them."""
        batches = sample_hypotheses(
            adapter,
            ClipLoader(adapter, dataset.skips),
            chunks,
            1,
            self._params,
            processes=self._processes,
            reporter=self._reporter,
            what=f"{what} {dataset.short_name}",
        )
        for batch in batches:
            if audio_folder is not None:
                stored = [
                    (c, store_audio(hs, c.sample.id, audio_folder)) for c, hs in batch.sampled
                ]
                batch = attrs.evolve(batch, sampled=stored)
            yield batch, self._measure(batch.sampled)

    def _measure(self, batch: Sequence[Sampled]) -> list[EvaluatedItem]:
        """Score a batch of greedy outputs."""
        samples = [clip.as_sample() for clip, _ in batch]
        hypotheses = [hs[0] for _, hs in batch]
        guard = self._verification.guard
        scores = {
            identity: guard.scores(identity, verifier, samples, hypotheses)
            for identity, verifier in self._verifiers.items()
        }
        guard.stage.check()
        rows = [{i: column[n] for i, column in scores.items()} for n in range(len(batch))]
        rewards = self._verification.rewards(rows) if self._task == "tts" else [None] * len(batch)
        items = []
        for (clip, (hypothesis,)), row, reward in zip(batch, rows, rewards, strict=True):
            metrics = {identity: score.metrics for identity, score in row.items()}
            if self._task == "tts":
                metrics[REWARD.name] = _reward_parts(reward)
            seconds = audio_seconds(hypothesis) if self._task == "tts" else clip.seconds
            prediction = _prediction(clip.sample, hypothesis, seconds)
            labels = clip.sample.labels if self._task == "classification" else ()
            errors = {i: score.error for i, score in row.items() if score.error is not None}
            items.append(EvaluatedItem(prediction, metrics, seconds, labels, errors))
        return items

    @property
    def _why_unmeasured(self) -> str:
        if failures := self._verification.guard.failures.describe():
            return f"nothing in it could be measured; {'; '.join(failures)}"
        if self._task == "tts":
            return "no verifier could judge any output, so that there is no reward"
        return (
            f"every reference is empty once normalised, so that there is no "
            f"{self.decisive.metric.name}; see --normalizer"
        )


def _recalled(
    journal: Journal | None, dataset: EvaluationSet
) -> tuple[list[EvaluatedItem], dict[str, Problem]]:
    """Return what an interrupted evaluation has measured, and what it left out."""
    items: dict[str, EvaluatedItem] = {}  # one that a verifier failed on may be there again
    problems: dict[str, Problem] = {}
    for line in journal.read() if journal is not None else ():
        if "item" in line:
            item = cattrs.structure(line["item"], EvaluatedItem)
            items[item.id] = item
        else:
            sample_id, problem = problem_of(line["left_out"])
            problems[sample_id] = problem
            dataset.skips.recall(problem)
    return list(items.values()), problems


def _add_word_times(
    adapter: ModelAdapter, batch: Sequence[Sampled], items: Sequence[EvaluatedItem]
) -> None:
    with torch.inference_mode():
        prepared = adapter.prepare(for_adapter([clip for clip, _ in batch]))
        times = adapter.word_times(prepared, [hs[0] for _, hs in batch])
    for item, words in zip(items, times, strict=True):
        item.prediction["words"] = [
            {"word": w.word, "start": round(w.start, 3), "end": round(w.end, 3)} for w in words
        ]


def _reward_parts(reward: float | None) -> dict[str, float]:
    return {} if reward is None else {"reward": reward, "judged": 1.0}


def _place(sample: AudioSample) -> str | None:
    """Return where the clip is, as any folder can read it; None for a text without audio."""
    if sample.audio is None:
        return None
    has_file = isinstance(sample.audio, Path) and not sample.stored
    return str(Path(sample.origin).absolute()) if has_file else sample.id


def _prediction(sample: AudioSample, output: Hypothesis, seconds: float) -> dict[str, Any]:
    """Return the line of `predictions.jsonl`: the keys that NeMo's tools use, and the id."""
    line: dict[str, Any] = {
        "id": sample.id,
        "audio_filepath": _place(sample),
        "duration": round(seconds, 4),
        "text": sample.reference if output.label is None else "|".join(sample.labels),
    }
    if output.audio is None:
        line["pred_text"] = output.text if output.label is None else output.label
    elif isinstance(output.audio, Path):
        line["pred_audio"] = f"{output.audio.parent.name}/{output.audio.name}"
    if sample.offset is not None:
        line["offset"] = sample.offset
    return line | ({"speaker": sample.speaker} if sample.speaker else {})
