"""What the contract tests check the verifier with."""

from pathlib import Path

from audioforge_kit import Case, VerifierExample


def example(folder: Path) -> VerifierExample:
    """Return numbers that were heard right, nearly and not at all, and a text without one."""
    cases = (
        Case.texts("oh one double seven", "0177", "oh one seven seven", "oh one seven", ""),
        Case.texts("call me on 555 0100", "call me on triple five oh one double oh", "call me"),
        Case.texts("no number here", "no number here", "nine number here"),
    )
    return VerifierExample(options={"zeros": ("oh", "zilch")}, cases=cases)
