"""Reading checkpoints: a classifier with its feature extractor, or an encoder with a new head."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from attrs import frozen
from transformers import AutoFeatureExtractor, AutoModelForAudioClassification

from audioforge.errors import CheckpointError
from audioforge.huggingface.checkpoint import read_model, read_model_config, read_part
from audioforge.model import LoadOptions
from audioforge_classification.families import Family, family_of
from audioforge_classification.features import check_window
from audioforge_classification.head import draw_head
from audioforge_classification.limits import GENERIC_LABEL


@frozen(eq=False)
class Checkpoint:
    """What a checkpoint holds.

    Attributes:
        model: The network, float32.
        extractor: The feature extractor that belongs to the network.
        labels: The classes, in the order of the network's outputs.
        family: The kind of model.
    """

    model: Any
    extractor: Any
    labels: tuple[str, ...]
    family: Family


def read_checkpoint(location: str, options: LoadOptions) -> Checkpoint:
    """Read a local folder or a hub id.

    Args:
        location: The folder or id.
        options: With `new_labels`, everything but the encoder is drawn anew from `seed`.

    Raises:
        CheckpointError: If it is missing, damaged, pickled, not an audio classifier, does not name
            its classes, or has no head and no new one is asked for.
    """
    config = read_model_config(location)
    family = _check_architecture(location, config, with_head=options.new_labels is None)
    read = partial(AutoFeatureExtractor.from_pretrained, trust_remote_code=False)  # else it may ask
    extractor = read_part(location, "feature extractor", read)
    check_window(location, extractor, config)
    if options.new_labels is None:
        labels = _labels(location, config)
        model = read_model(location, AutoModelForAudioClassification)
    else:
        labels = options.new_labels
        model = _with_new_head(location, labels, options.seed)
    return Checkpoint(model, extractor, labels, family)


def _check_architecture(location: str, config: Any, *, with_head: bool) -> Family:
    stated = set(config.architectures or ())
    family = family_of(config.model_type)
    if family is None or not stated & {family.classifier, *family.bases}:
        raise CheckpointError(
            f"{location}: not an audio classifier: config.json says model_type "
            f"'{config.model_type}', architectures {config.architectures}."
        )
    if with_head and family.classifier not in stated:
        raise CheckpointError(
            f"{location}: {', '.join(sorted(stated))} has no classification head. Give it a new "
            f"one for the dataset's labels with --new-head, or choose a {family.classifier}."
        )
    return family


def _labels(location: str, config: Any) -> tuple[str, ...]:
    """Return the names of the outputs.

    Raises:
        CheckpointError: If they are not one name for each output, or it is no classifier.
    """
    names = {int(index): str(name) for index, name in config.id2label.items()}
    labels = tuple(names[index] for index in sorted(names))
    advice = (
        "Write the names into id2label of its config.json, or train a new head with --new-head."
    )
    if config.problem_type == "regression" or len(labels) < 2:
        raise CheckpointError(f"{location}: it has fewer than two classes, so there is no choice.")
    if sorted(names) != list(range(len(names))):
        raise CheckpointError(
            f"{location}: id2label names the outputs {', '.join(map(str, sorted(names)))} instead "
            f"of 0 to {len(names) - 1}. {advice}"
        )
    if repeated := sorted({label for label in labels if labels.count(label) > 1}):
        raise CheckpointError(
            f"{location}: several outputs have the label {', '.join(repeated)}. {advice}"
        )
    if all(GENERIC_LABEL.fullmatch(label) for label in labels):
        raise CheckpointError(
            f"{location}: its {len(labels)} outputs have no names but {labels[0]} to {labels[-1]}. "
            f"{advice}"
        )
    return labels


def _with_new_head(location: str, labels: Sequence[str], seed: int) -> Any:
    """Read the encoder, and draw everything that stands on it from the seed."""
    if len(labels) < 2 or len(set(labels)) < len(labels):
        raise CheckpointError(
            f"{location}: a new head needs at least two different labels, not {', '.join(labels)}."
        )
    # Transformers draws what the checkpoint lacks.
    with torch.random.fork_rng(devices=[]):
        model = read_model(
            location,
            AutoModelForAudioClassification,
            may_be_new=("projector.", "classifier.", "layer_weights"),
            ignore_mismatched_sizes=True,
            id2label=dict(enumerate(labels)),
            label2id={label: index for index, label in enumerate(labels)},
            problem_type="single_label_classification",
        )
    draw_head(model, seed)
    return model
