"""The verifier `label`: whether a class label is the right one."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from attrs import field, frozen
from rapidfuzz.distance import Indel

from audioforge.errors import ConfigError
from audioforge.model import Task
from audioforge.sample import AudioSample, Hypothesis, Score
from audioforge.verifier import CorpusMetric, Verifier, VerifierContext


@frozen
class LabelOptions:
    """Options of `label`.

    Attributes:
        aliases: A text file with a line `alias = label` for each other spelling of a label. Empty
            lines and lines that start with `#` are left out.
        alias: Other spellings as a mapping from alias to label, in YAML.
        labels: The known labels, as a list in YAML or as `yes|no|up`; none for the run's.
        fuzzy: From which similarity, above 0 and up to 1, a text that is no known label counts as
            the known label nearest to it; None for never. The similarity of two texts of m and n
            characters whose longest common subsequence has l is 2·l / (m + n).
        casefold: Whether upper and lower case are the same. Labels that differ in nothing else
            stay apart.
    """

    aliases: Path | None = None
    alias: dict[str, str] = field(factory=dict)
    labels: tuple[str, ...] = ()
    fuzzy: float | None = None
    casefold: bool = True

    def __attrs_post_init__(self) -> None:
        """Check what can be checked before any data is read."""
        if self.fuzzy is not None and not 0 < self.fuzzy <= 1:
            raise ValueError(f"fuzzy: {self.fuzzy:g} is not above 0 and up to 1")
        _all_aliases(self.aliases, self.alias)


class Label(Verifier):
    """Reward 1 for a correct label, 0 for any other; nothing in between.

    Where a clip has several labels, any one of them is correct. It cannot judge a clip without one,
    nor a hypothesis that is no label.

    A fuzzy match pays in full and is hard to come by: the known label must be the only nearest one,
    have as many words, and be the only one that the text spells out. So several labels at once
    never pay, and neither does another label that is spelled alike.
    """

    tasks: ClassVar[tuple[Task, ...]] = ("classification",)
    metrics: ClassVar[tuple[str, ...]] = ("correct", "judged", "unknown")
    corpus_metrics: ClassVar[tuple[CorpusMetric, ...]] = (
        CorpusMetric("accuracy", ("correct",), "judged", higher_is_better=True),
    )

    def __init__(
        self,
        aliases: Path | None = None,
        alias: Mapping[str, str] | None = None,
        labels: Sequence[str] = (),
        fuzzy: float | None = None,
        casefold: bool = True,
    ) -> None:
        """Create the verifier; see `LabelOptions`."""
        self._aliases = _all_aliases(aliases, alias or {})
        self._labels = tuple(_tidy(part) for label in labels for part in label.split("|"))
        self._fuzzy = fuzzy
        self._casefold = casefold
        self._spellings: Spellings | None = None

    def setup(self, context: VerifierContext) -> None:
        """Take the run's labels where the options name none.

        Raises:
            ConfigError: If an alias is a label of its own, or there are no labels to be near to.
        """
        known = self._labels or tuple(map(_tidy, context.labels))
        if self._fuzzy is not None and not known:
            raise ConfigError(["label.fuzzy: needs the known labels; give them as label.labels"])
        for alias, label in self._aliases.items():
            if alias in known and alias != label:
                raise ConfigError(
                    [f"label.aliases: '{alias}' is a label and cannot stand for '{label}' too"]
                )
        self._spellings = Spellings(known, self._aliases, self._fuzzy, casefold=self._casefold)

    def verify(
        self, samples: Sequence[AudioSample], hypotheses: Sequence[Hypothesis]
    ) -> list[Score]:
        """Score labels, each by itself."""
        if self._spellings is None:
            raise RuntimeError("setup comes before verify")
        return [
            _score(self._spellings, sample.labels, hypothesis.label)
            for sample, hypothesis in zip(samples, hypotheses, strict=True)
        ]


class Spellings:
    """The known labels and every way to write them.

    Args:
        known: The labels; empty where none are known.
        aliases: From other spellings to labels.
        fuzzy: The least similarity of a near spelling; None for exact ones only.
        casefold: Whether upper and lower case are the same.
    """

    def __init__(
        self,
        known: Sequence[str],
        aliases: Mapping[str, str],
        fuzzy: float | None,
        *,
        casefold: bool,
    ) -> None:
        self.known = frozenset(known)
        self._casefold = casefold
        self._fuzzy = fuzzy
        self._exact = {**aliases, **{label: label for label in known}}
        meanings: dict[str, set[str]] = {}
        for spelling, label in self._exact.items():
            meanings.setdefault(self._fold(spelling), set()).add(label)
        self._folded = {text: labels.pop() for text, labels in meanings.items() if len(labels) == 1}

    def label(self, text: str) -> str:
        """Return the label that a text stands for; a text that stands for none, as it compares."""
        tidy = _tidy(text)
        folded = self._fold(tidy)
        return self._exact.get(tidy) or self._folded.get(folded) or folded

    def near(self, text: str) -> str:
        """Return the label that a text stands for, or else the one that it is near to."""
        label = self.label(text)
        if self._fuzzy is None or label in self._exact.values():
            return label
        folded = self._fold(_tidy(text))
        nearest = self._nearest(folded, self._fuzzy)
        if len(nearest) != 1:
            return label
        [(spelling, found)] = nearest.items()
        others = (s for s, other in self._folded.items() if other != found and s not in spelling)
        return label if any(other in folded for other in others) else found

    def _nearest(self, text: str, least: float) -> dict[str, str]:
        """Return the nearest spelling with as many words, and its label; several that tie."""
        best = least
        found: dict[str, str] = {}
        words = len(text.split())
        for spelling, label in self._folded.items():
            if len(spelling.split()) != words:
                continue
            similarity = Indel.normalized_similarity(text, spelling)
            if similarity > best:
                best, found = similarity, {}
            if similarity == best and label not in found.values():
                found[spelling] = label
        return found

    def _fold(self, text: str) -> str:
        return text.casefold() if self._casefold else text


def _score(spellings: Spellings, references: Iterable[str], answer: str | None) -> Score:
    if answer is None:
        return Score(None)
    label = spellings.near(answer)
    flags = {"unknown": float(label not in spellings.known)} if spellings.known else {}
    correct = {spellings.label(reference) for reference in references if reference.strip()}
    if not correct:
        return Score(None, None, flags)
    right = label in correct
    return Score(float(right), right, {"correct": float(right), "judged": 1.0, **flags})


def _all_aliases(path: Path | None, inline: Mapping[str, str]) -> dict[str, str]:
    """Return the aliases of a file and of a mapping together.

    Raises:
        ConfigError: If the file cannot be read, an alias has two labels, or stands for an alias.
    """
    aliases: dict[str, str] = {}
    lines = _alias_lines(path) if path is not None else []
    given = [("label.alias", *pair) for pair in inline.items()]
    for where, alias, label in [*lines, *given]:
        alias, label = _tidy(alias), _tidy(label)
        if not (alias and label):
            raise ConfigError([f"{where}: an alias and its label must not be empty"])
        if aliases.setdefault(alias, label) != label:
            raise ConfigError(
                [f"{where}: '{alias}' stands for '{aliases[alias]}' already, not '{label}'"]
            )
    for alias, label in aliases.items():
        if aliases.get(label, label) != label:
            raise ConfigError(
                [f"label.aliases: '{alias}' stands for '{label}', which is an alias itself"]
            )
    return aliases


def _alias_lines(path: Path) -> list[tuple[str, str, str]]:
    """Return place, alias and label of each line of a file."""
    try:
        lines = path.expanduser().read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"label.aliases: {path} cannot be read: {error}"]) from error
    pairs = []
    for number, line in enumerate(lines, start=1):
        alias, equals, label = line.partition("=")
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not equals:
            raise ConfigError([f"label.aliases: {path}:{number}: write 'alias = label'"])
        pairs.append((f"label.aliases: {path}:{number}", alias, label))
    return pairs


def _tidy(text: str) -> str:
    """Return a text with single blanks and composed characters."""
    return " ".join(unicodedata.normalize("NFC", text).split())
