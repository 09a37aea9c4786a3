"""The style of texts: in how many of them are capitals, small letters and punctuation.

A word error rate of normalised texts does not see it. So it is counted in the texts as they were
written, and what changed much is told in words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import define

from audioforge.measuring.writing import is_capital, is_punctuated, is_small_letter, is_written
from audioforge.terminal.figures import percent

Style = Mapping[str, float | None]
"""The share of texts, from 0 to 1, that hold each of `TRAITS`; None where no text could."""

TRAITS = {
    "capitals": "capitals",
    "small_letters": "small letters",
    "punctuation": "punctuation",
}
"""What a style is told by, as results name it and as people do."""

MUCH = 0.1
"""Change of a share beyond which it is told: of 40 outputs five are written in another way."""
ANOTHER = 0.5
"""By how much a share of the transcripts must be below the model's own to be another style: they
hold a trait in most of their texts or in few, and of a model eight outputs may be known."""


@define
class StyleCount:
    """Counts texts one by one.

    Attributes:
        cased: Texts with letters of a script that has capitals and small letters.
        written: Texts with a letter or a digit.
        capitals: Those of the first that hold a capital.
        small_letters: Those of the first that hold a small letter.
        punctuation: Those of the second that hold a punctuation mark.
    """

    cased: int = 0
    written: int = 0
    capitals: int = 0
    small_letters: int = 0
    punctuation: int = 0

    def add(self, text: str) -> None:
        """Take one text, as it was written."""
        letters = set(text)
        capitals, small = any(map(is_capital, letters)), any(map(is_small_letter, letters))
        self.cased += capitals or small
        self.capitals += capitals
        self.small_letters += small
        if any(map(is_written, letters)):
            self.written += 1
            self.punctuation += is_punctuated(text)

    @property
    def shares(self) -> dict[str, float | None]:
        """The style of the texts, as results hold it."""
        of = {"capitals": self.cased, "small_letters": self.cased, "punctuation": self.written}
        return {name: getattr(self, name) / of[name] if of[name] else None for name in TRAITS}


def style_of(texts: Iterable[str]) -> dict[str, float | None]:
    """Return the style of texts.

    >>> style_of(["Two teas, please.", "two teas"])
    {'capitals': 0.5, 'small_letters': 1.0, 'punctuation': 0.5}
    >>> style_of(["两杯茶。"])
    {'capitals': None, 'small_letters': None, 'punctuation': 1.0}
    """
    count = StyleCount()
    for text in texts:
        count.add(text)
    return count.shares


def describe_style(style: Style) -> str:
    """Return a style in words.

    >>> describe_style({"capitals": 0.5, "small_letters": 1.0, "punctuation": None})
    'capitals in 50 %, small letters in 100 %'
    """
    known = [(TRAITS[name], share) for name, share in style.items() if share is not None]
    return ", ".join(f"{trait} in {percent(share, 0)}" for trait, share in known) or "no letters"


def style_change(before: Style, after: Style) -> str:
    """Return what changed much, in words; nothing where nothing did.

    >>> written = {"capitals": 0.99, "small_letters": 1.0, "punctuation": 0.98}
    >>> style_change(written, {"capitals": 0.03, "small_letters": 1.0, "punctuation": 0.02})
    'capitals in 99 % → 3 %, punctuation in 98 % → 2 %'
    >>> style_change(written, {**written, "capitals": 0.95})
    ''
    """
    return ", ".join(
        f"{trait} in {percent(old, 0)} → {percent(new, 0)}"
        for name, trait in TRAITS.items()
        if (old := before[name]) is not None
        and (new := after[name]) is not None
        and abs(new - old) > MUCH
    )


def lacks_style(transcripts: Style, outputs: Style) -> bool:
    """Whether transcripts seldom hold what a model writes.

    Case counts where the model writes both: one of a single case, as many CTC models are, learns
    transcripts in its own.

    >>> lacks_style(style_of(["two teas"]), style_of(["Two teas"]))
    True
    >>> lacks_style(style_of(["two teas"]), style_of(["TWO TEAS"]))
    False
    """

    def _lacks(name: str) -> bool:
        own, right = outputs[name], transcripts[name]
        return own is not None and right is not None and own - right >= ANOTHER

    writes_both = min(outputs["capitals"] or 0, outputs["small_letters"] or 0) >= ANOTHER
    of_case = writes_both and (_lacks("capitals") or _lacks("small_letters"))
    return of_case or _lacks("punctuation")
