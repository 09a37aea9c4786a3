"""What the plugin registers."""

from audioforge.hookspecs import hookimpl
from audioforge.model import Serves
from audioforge.specs import ModelSpec, VerifierSpec

AUDIOFORGE_API = 1


@hookimpl
def register_models():
    return [
        ModelSpec(
            name="tone-speech",
            summary="Speaks each word as a tone.",
            serves=(Serves("tts", "tone-speech", ("ToneSpeech",)),),
            factory="tone_speech.model:ToneSpeech",
            example="tone_speech.example:model",
        )
    ]


@hookimpl
def register_verifiers():
    return [
        VerifierSpec(
            name="pitch",
            summary="Whether each tone has the pitch of its word.",
            tasks=("tts",),
            factory="tone_speech.verifier:Pitch",
            example="tone_speech.example:verifier",
        )
    ]
