"""What the plugin registers."""

from audioforge.hookspecs import hookimpl
from audioforge.specs import DatasetSpec, VerifierSpec


@hookimpl
def register_verifiers():
    return [
        VerifierSpec(
            name="acme-judge",
            summary="Rewards short transcripts.",
            tasks=("asr",),
            factory="acme_judge.verifier:Short",
            options="acme_judge.verifier:Options",
        )
    ]


@hookimpl
def register_datasets():
    return [
        DatasetSpec(
            name="acme-sounds",
            summary="The sound files of a folder, in memory.",
            tasks=("asr",),
            factory="acme_judge.sounds:Sounds",
            options="acme_judge.sounds:Options",
        )
    ]
