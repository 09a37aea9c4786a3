"""What the plugin provides: data only. verifier.py is imported when it is used."""

from audioforge.hookspecs import hookimpl
from audioforge.specs import VerifierSpec

AUDIOFORGE_API = 4


@hookimpl
def register_verifiers() -> list[VerifierSpec]:
    """Register the verifier."""
    return [
        VerifierSpec(
            name="phone-digits",
            summary="Rewards transcripts that have the digits of phone numbers right.",
            tasks=("asr",),
            factory="audioforge_phone_digits.verifier:PhoneDigits",
            options="audioforge_phone_digits.verifier:PhoneDigitsOptions",
            example="audioforge_phone_digits.example:example",
        )
    ]
