"""What the contract tests check the verifiers and aggregators with that need more than defaults."""

from __future__ import annotations

from pathlib import Path

from audioforge.errors import PluginError
from audioforge.testing import AggregatorExample, CannotCheck, Case, VerifierExample


def hotwords(folder: Path) -> VerifierExample:
    """Terms, and transcripts that have them, lack them and add them."""
    cases = (
        Case.texts("open the gate valve", "open the gate valve", "open the great valve", "open"),
        Case.texts("open the door", "open the gate valve", "open the door"),
    )
    return VerifierExample(options={"words": ("gate valve", "open")}, cases=cases)


def intelligibility(folder: Path) -> VerifierExample:
    """A recogniser that has learnt nothing; it still hears something in everything."""
    try:
        from audioforge_whisper.untrained import Architecture, write_untrained
    except ImportError as error:
        raise CannotCheck("it needs a recogniser: install audioforge[whisper]") from error
    shape = Architecture(
        width=32, heads=2, encoder_layers=1, decoder_layers=1, window_seconds=4, timestamps=201
    )
    write_untrained(folder / "recogniser", shape)
    return VerifierExample(options={"model": str(folder / "recogniser")})


def consistency(folder: Path) -> VerifierExample:
    """An encoder of voices that has learnt nothing; it still tells one sound from another."""
    from audioforge_verifiers.ecapa import write_untrained

    try:
        write_untrained(folder)
    except PluginError as error:
        raise CannotCheck(str(error)) from error
    return VerifierExample(options={"model": str(folder)})


def dnsmos(folder: Path) -> VerifierExample:
    """The networks that come with speechmos."""
    try:
        from speechmos import dnsmos  # noqa: F401
    except ImportError as error:
        raise CannotCheck(f"install audioforge-verifiers[mos]: {error}") from error
    return VerifierExample()


def gated(folder: Path) -> AggregatorExample:
    """A gate with one verifier."""
    return AggregatorExample(options={"require": ("hallucination",)})
