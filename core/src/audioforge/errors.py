"""Every error that AudioForge raises on purpose.

The command line prints the message of an `AudioForgeError` without a traceback and exits with its
`exit_code`. A message names the file, option or plugin, says what is wrong, and ends with the mend.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


class AudioForgeError(Exception):
    """Something a user can mend. Base class of all errors below."""

    exit_code = 1


class ConfigError(AudioForgeError):
    """One or more settings are wrong.

    Args:
        problems: One line per wrong setting, each starting with the setting's path.
    """

    exit_code = 2

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        head = "1 setting is wrong" if count == 1 else f"{count} settings are wrong"
        super().__init__("\n".join([f"{head}:", *(f"  {problem}" for problem in self.problems)]))


class UsageError(AudioForgeError):
    """The request cannot be carried out as it was made."""

    exit_code = 2


class PluginError(AudioForgeError):
    """A plugin is unknown, broken, or lacks what was asked of it."""

    exit_code = 2


class CheckpointError(AudioForgeError):
    """A model checkpoint cannot be found, read or written."""

    exit_code = 2


class DatasetError(AudioForgeError):
    """A dataset cannot be found or read."""

    exit_code = 2


class AudioError(AudioForgeError):
    """One clip's audio cannot be used; the message says which and why.

    Attributes:
        kind: A short class of problems to count by.
    """

    kind = "undecodable"


class VerifierError(AudioForgeError):
    """A verifier raised, or returned something that is not a score."""


class TrainingError(AudioForgeError):
    """Training cannot go on: nothing kept, zero loss, zero gradient, or NaN."""


class ProcessLostError(TrainingError):
    """Another process of the run is gone, whose own error says why."""


class PluginWarning(UserWarning):
    """A plugin did what it must not; AudioForge made up for it, and goes on."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a sentence that lists the known names and, first, the ones close to `name`.

    >>> did_you_mean("werr", ["cer", "wer"])
    'Did you mean wer? Known: cer, wer.'
    >>> did_you_mean("x", [])
    'None is installed.'
    """
    names = sorted(known)
    if not names:
        return "None is installed."
    close = get_close_matches(name, names, n=3, cutoff=0.6)
    start = f"Did you mean {' or '.join(close)}? " if close else ""
    return f"{start}Known: {', '.join(names)}."


def listed(names: Sequence[str], most: int = 50) -> str:
    """Return names as a message lists them.

    >>> listed(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def describe(error: BaseException) -> str:
    r"""Return an error's type and message as one line.

    >>> describe(ValueError("two\nlines"))
    'ValueError: two; lines'
    """
    try:
        text = str(error)
    except Exception:  # an error whose own text cannot be had
        text = ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f"{type(error).__name__}: {'; '.join(lines) or 'no message'}"
