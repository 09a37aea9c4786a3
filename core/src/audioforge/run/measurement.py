"""A model, a dataset, and what measures the one on the other, made ready from settings."""

from __future__ import annotations

from typing import cast

import attrs
from attrs import frozen

from audioforge.config import BenchmarkConfig
from audioforge.errors import DatasetError
from audioforge.executor import Executor
from audioforge.find_adapter import choose_adapter, load_adapter
from audioforge.inference.fallback import check_falls_back
from audioforge.inference.stop import StopRequest
from audioforge.judging.verification import Verification
from audioforge.measuring.deciding_metric import decide_by, deciding_needs, without_references
from audioforge.measuring.decoding import Decoding
from audioforge.measuring.evaluation import EvaluationSet
from audioforge.measuring.evaluator import Evaluator, create_evaluator
from audioforge.model import LoadOptions, ModelAdapter
from audioforge.plugins import Registry
from audioforge.run.data.languages import SpokenLanguages
from audioforge.run.data.run_data import data_request
from audioforge.run.data.samples import (
    NothingLabelledError,
    Wanted,
    check_labels,
    labels_of,
    length_limit_for,
    load_samples,
    normalizer_for,
)
from audioforge.run.folder_claim import FolderClaim
from audioforge.run.outline import outline_of
from audioforge.run.prepare import create_verification
from audioforge.run.spoken_languages import settle
from audioforge.tasks import speech_task
from audioforge.terminal.reporter import Reporter


@frozen(eq=False, kw_only=True)
class Measurement:
    """What is to be measured, and what does it.

    Attributes:
        config: The settings, with what the data decide.
        dataset: The clips, their languages settled.
        languages: Which languages the dataset is in.
        verification: The verifiers.
        evaluator: Decodes and measures.
        adapter: The model.
    """

    config: BenchmarkConfig
    dataset: EvaluationSet
    languages: list[SpokenLanguages]
    verification: Verification
    evaluator: Evaluator
    adapter: ModelAdapter


def prepare_measurement(
    registry: Registry,
    config: BenchmarkConfig,
    executor: Executor,
    reporter: Reporter,
    claim: FolderClaim | None = None,
) -> Measurement:
    """Read the data, and load the model and the verifiers.

    Args:
        registry: What is installed.
        config: The model, the dataset, and what is measured.
        executor: Has joined.
        reporter: Where to tell how it goes.
        claim: The right to a folder, taken before anything is read.

    Raises:
        AudioForgeError: If the settings, the checkpoint or the data do not allow it.
    """
    processes = executor.processes
    task, model_name = speech_task(config.task), cast("str", config.model_name)
    if config.adapter is None:  # fail before an hour of reading data
        choose_adapter(registry, model_name, task.name)
    if claim is not None:
        claim.take(processes)
    # The data, which decide the normaliser and the labels that verifiers know.
    location = cast("str", config.dataset)
    try:
        dataset = _dataset(registry, config, reporter)
    except NothingLabelledError as error:
        measurable = without_references(registry, config)
        if measurable is None:
            raise
        config = measurable
        try:
            dataset = _dataset(registry, config, reporter)
        except DatasetError:
            raise error from None
        reporter.warn(
            f"{location}: no clip has a reference, so that its error rates are missing; what is "
            f"measured is {config.metric}"
        )
    settled = settle(registry, config, [(location, [dataset])], executor, reporter)
    asked = config.common_language
    normalizer = normalizer_for(config.normalizer, asked, dataset.samples, config.task)
    limit = length_limit_for(config.max_tokens_per_second, dataset.samples, config.task)
    config = attrs.evolve(config, normalizer=normalizer, max_tokens_per_second=limit)
    samples = dataset.samples
    verification = create_verification(
        registry, config, samples, labels_of(samples), executor, reporter
    )
    evaluator = create_evaluator(
        registry, verification, Decoding.of(config), executor, StopRequest(), reporter
    )
    evaluator.outline = outline_of(registry, config, asked, verification.context)
    config = attrs.evolve(config, metric=decide_by(evaluator, config.metric, dataset.samples))
    # The model.
    adapter = settled.adapter
    if adapter is None:
        options = LoadOptions(str(processes.device), config.common_language)
        adapter = load_adapter(registry, model_name, task.name, options, config.adapter)
    check_labels(adapter.labels, model_name, [dataset])
    if config.temperature_fallback:
        check_falls_back(adapter)
    return Measurement(
        config=config,
        dataset=dataset,
        languages=settled.languages,
        verification=verification,
        evaluator=evaluator,
        adapter=adapter,
    )


def _dataset(registry: Registry, config: BenchmarkConfig, reporter: Reporter) -> EvaluationSet:
    wanted = Wanted(
        task=speech_task(config.task),
        needs=[deciding_needs(registry, config)],
        on_error=config.on_error,
        limit=config.limit,
    )
    location = cast("str", config.dataset)
    return load_samples(registry, location, data_request(config), wanted, reporter=reporter)
