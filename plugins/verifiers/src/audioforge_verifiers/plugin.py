"""What this distribution provides."""

from __future__ import annotations

from audioforge.hookspecs import hookimpl
from audioforge.specs import AggregatorSpec, VerifierSpec


@hookimpl
def register_verifiers() -> list[VerifierSpec]:
    """Register the verifiers."""
    return [
        VerifierSpec(
            name="wer",
            summary="Word error rate of the transcript; reward 1 − WER.",
            tasks=("asr",),
            factory="audioforge_verifiers.error_rate:WordErrorRate",
            options="audioforge_verifiers.error_rate:ErrorRateOptions",
        ),
        VerifierSpec(
            name="cer",
            summary="Character error rate of the transcript; reward 1 − CER.",
            tasks=("asr",),
            factory="audioforge_verifiers.error_rate:CharacterErrorRate",
            options="audioforge_verifiers.error_rate:ErrorRateOptions",
        ),
    ]


@hookimpl
def register_aggregators() -> list[AggregatorSpec]:
    """Register the reward aggregators."""
    return [
        AggregatorSpec(
            name="weighted_mean",
            summary="Mean of the rewards by weight; a verifier that cannot judge takes no part.",
            factory="audioforge_verifiers.weighted_mean:WeightedMean",
        ),
    ]
