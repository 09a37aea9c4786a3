"""What the plugin registers."""

from audioforge.hookspecs import hookimpl
from audioforge.model import Serves
from audioforge.specs import ModelSpec


@hookimpl
def register_models():
    return [
        ModelSpec(
            name="tone-words",
            summary="Hears each tone as a word.",
            serves=(Serves("asr", "tone-words", ("ToneWords",)),),
            factory="tone_words.model:ToneWords",
        ),
        ModelSpec(
            name="telling-tone-words",
            summary="Hears each tone as a word, and tells how likely others are.",
            serves=(Serves("asr", "tone-words", ("ToneWordsThatTell",)),),
            factory="tone_words.model:TellingToneWords",
        ),
    ]
