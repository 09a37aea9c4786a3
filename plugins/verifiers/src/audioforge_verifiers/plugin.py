"""What this distribution provides."""

from __future__ import annotations

from audioforge.hookspecs import hookimpl
from audioforge.specs import AggregatorSpec, VerifierSpec

AUDIOFORGE_API = 4


@hookimpl
def register_verifiers() -> list[VerifierSpec]:
    """Register the verifiers."""
    return [
        # Speech recognition.
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
        VerifierSpec(
            name="hotwords",
            summary="Recall and precision of a list of terms; reward their harmonic mean.",
            tasks=("asr",),
            factory="audioforge_verifiers.hotwords:Hotwords",
            options="audioforge_verifiers.hotwords:HotwordsOptions",
            example="audioforge_verifiers.examples:hotwords",
        ),
        VerifierSpec(
            name="slots",
            summary="Whether the values that a clip is labelled with were heard, and no others.",
            tasks=("asr",),
            factory="audioforge_verifiers.slots:Slots",
            options="audioforge_verifiers.slots:SlotsOptions",
            example="audioforge_verifiers.examples:slots",
        ),
        VerifierSpec(
            name="hallucination",
            summary="Loops, insertions, too much text for the time, text over silence; a gate.",
            tasks=("asr",),
            factory="audioforge_verifiers.hallucination:Hallucination",
            options="audioforge_verifiers.hallucination:HallucinationOptions",
        ),
        VerifierSpec(
            name="length",
            summary="Whether the transcript is as long as its time of speech, as references are.",
            tasks=("asr",),
            factory="audioforge_verifiers.length:Length",
            options="audioforge_verifiers.length:LengthOptions",
            example="audioforge_verifiers.examples:length",
        ),
        VerifierSpec(
            name="consensus",
            summary="Agreement with the model's other hypotheses; needs no transcript.",
            tasks=("asr",),
            factory="audioforge_verifiers.consensus:Consensus",
            options="audioforge_verifiers.consensus:ConsensusOptions",
        ),
        # Classification.
        VerifierSpec(
            name="label",
            summary="Whether the label is right: exactly, by an alias, or nearly.",
            tasks=("classification",),
            factory="audioforge_verifiers.label:Label",
            options="audioforge_verifiers.label:LabelOptions",
        ),
        # Text to speech.
        VerifierSpec(
            name="intelligibility",
            summary="Whether a speech recogniser hears the text in the audio; reward 1 − WER.",
            tasks=("tts",),
            factory="audioforge_verifiers.intelligibility:Intelligibility",
            options="audioforge_verifiers.intelligibility:IntelligibilityOptions",
            example="audioforge_verifiers.examples:intelligibility",
        ),
        VerifierSpec(
            name="quality",
            summary="Noise, clipping, dynamics, silence and bandwidth of the audio.",
            tasks=("tts",),
            factory="audioforge_verifiers.quality:Quality",
            options="audioforge_verifiers.quality:QualityOptions",
        ),
        VerifierSpec(
            name="dnsmos",
            summary="Quality of the audio as a trained model of listeners rates it.",
            tasks=("tts",),
            factory="audioforge_verifiers.dnsmos:Dnsmos",
            options="audioforge_verifiers.dnsmos:DnsmosOptions",
            example="audioforge_verifiers.examples:dnsmos",
        ),
        VerifierSpec(
            name="distillmos",
            summary="Quality of the speech as a second trained model of listeners rates it.",
            tasks=("tts",),
            factory="audioforge_verifiers.distillmos:Distillmos",
            options="audioforge_verifiers.distillmos:DistillmosOptions",
            example="audioforge_verifiers.examples:distillmos",
        ),
        VerifierSpec(
            name="consistency",
            summary="Whether the voice is the reference's, by speaker embeddings.",
            tasks=("tts",),
            factory="audioforge_verifiers.consistency:Consistency",
            options="audioforge_verifiers.consistency:ConsistencyOptions",
            example="audioforge_verifiers.examples:consistency",
        ),
        VerifierSpec(
            name="pace",
            summary="Whether the speech is as fast as recordings are, and no more silent.",
            tasks=("tts",),
            factory="audioforge_verifiers.pace:Pace",
            options="audioforge_verifiers.pace:PaceOptions",
        ),
        VerifierSpec(
            name="prosody",
            summary="Whether pitch and pauses vary as much as they do in recordings.",
            tasks=("tts",),
            factory="audioforge_verifiers.prosody:Prosody",
            options="audioforge_verifiers.prosody:ProsodyOptions",
        ),
    ]


@hookimpl
def register_aggregators() -> list[AggregatorSpec]:
    """Register the reward aggregators; each leaves out a verifier that cannot judge."""
    return [
        AggregatorSpec(
            name="weighted_mean",
            summary="Mean of the rewards by weight; a verifier that cannot judge takes no part.",
            factory="audioforge_verifiers.weighted_mean:WeightedMean",
        ),
        AggregatorSpec(
            name="minimum",
            summary="The lowest of the rewards.",
            factory="audioforge_verifiers.minimum:Minimum",
        ),
        AggregatorSpec(
            name="product",
            summary="Product of the rewards, with their weights as exponents (geometric mean).",
            factory="audioforge_verifiers.product:Product",
        ),
        AggregatorSpec(
            name="gated",
            summary="Zero unless the verifiers named by require= pass, else the weighted mean.",
            factory="audioforge_verifiers.gated:Gated",
            options="audioforge_verifiers.gated:GatedOptions",
            example="audioforge_verifiers.examples:gated",
        ),
    ]
