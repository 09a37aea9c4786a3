"""What can explain a bad rate, one function for each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from audioforge.measuring.look import MOST, Finding, Look
from audioforge.measuring.rescoring import Counts
from audioforge.measuring.writing import (
    NEARLY_ALL,
    describe_case,
    describe_punctuation,
    letters_alone,
    without_case,
    without_punctuation,
)
from audioforge.terminal.figures import percent

COLLAPSED, WHOLE = 0.6, 0.8
"""Words left of a reference's words: below, they collapse; above, they are as good as all there."""
FEW = 0.05
"""Share of clips that are few enough to look at one by one, of `FEWEST_CLIPS` or more."""
FEWEST_CLIPS = 20

OF_THE_MODEL = ("empty transcripts", "few clips", "more errors than words")
"""Reasons that are in what the model says, not in how it is measured."""


def speech_over_empty(look: Look) -> Finding | None:
    """Clips whose transcript is empty, and that may have none."""
    empty = np.array([not pair.reference.strip() for pair in look.pairs])
    costs = empty * look.own.errors
    if not costs.sum() or costs.sum() < MOST * look.own.errors.sum():
        return None
    sentence = (
        f"{np.count_nonzero(costs)} of {empty.sum()} clips whose transcript is empty, which means "
        f"that nothing is said, are heard as speech, and that is most of the errors: the model "
        f"makes it up, or there is speech, and a transcript that is not known is null"
    )
    return Finding("empty transcripts", sentence, costs)


def collapsed_words(look: Look) -> Finding | None:
    """Words that a normaliser joins, so that one wrong word is a wrong clip."""
    words = np.array([len(pair.reference.split()) for pair in look.pairs])
    if look.own.units.sum() >= COLLAPSED * words.sum():
        return None
    sentence = (
        f"{words.mean():.1f} words per clip become {look.own.units.mean():.1f} with "
        f"{look.normalizer}, so that one wrong word is a wrong clip ({look.own_rate}"
    )
    for name, counts in look.others.items():
        if counts.units.sum() >= WHOLE * words.sum():
            sentence += f", {percent(counts.rate)} with {name}): use --normalizer {name}"
            break
    else:
        sentence += ")"
    return Finding("collapsed words", sentence, np.maximum(0, words - look.own.units))


def case_and_punctuation(look: Look) -> Finding | None:
    """Transcripts and output that are written in another case, or with other punctuation."""
    bare = look.written(without_case, without_punctuation)
    if not look.explains(bare):
        return None
    fold, plain = look.written(without_case), look.written(without_punctuation)
    gained = look.own.errors.sum() - bare.errors.sum()
    reason, describe = "case and punctuation", [describe_case, describe_punctuation]
    for name, alone, part in zip(("case", "punctuation"), (fold, plain), describe, strict=True):
        if look.own.errors.sum() - alone.errors.sum() >= NEARLY_ALL * gained:
            reason, describe = name, [part]
    references, outputs = [p.reference for p in look.pairs], [p.said for p in look.pairs]
    right, said = (" ".join(part(texts) for part in describe) for texts in (references, outputs))
    why = f"your transcripts are {right}, what the model writes is {said}"
    if right == said:
        why = f"your transcripts and what the model writes differ in {reason}"
    if look.best is None:
        without = f"{percent(bare.rate)} without {reason}"
        return Finding(reason, f"{look.own_rate}, {without}: {why}", _gains(look.own, bare))
    name, counts = look.best
    sentence = (
        f"{look.own_rate}, {percent(counts.rate)} with {name}: {why}: use --normalizer {name}"
    )
    return Finding(reason, sentence, _gains(look.own, counts))


def other_notation(look: Look) -> Finding | None:
    """Transcripts and output that say the same and write it in another way, such as numbers."""
    if look.best is None:
        return None
    name, counts = look.best
    sentence = (
        f"{look.own_rate}, {percent(counts.rate)} with {name}: transcripts and model write the "
        f"same in another way: use --normalizer {name}"
    )
    return Finding("notation", sentence, _gains(look.own, counts))


def other_spaces(look: Look) -> Finding | None:
    """Pairs that are the same but for where words begin."""
    same = np.array([letters_alone(p.reference) == letters_alone(p.said) for p in look.pairs])
    only = same * look.own.errors
    if not look.is_bad or only.sum() < MOST * look.own.errors.sum():
        return None
    sentence = (
        f"{look.own_rate}, of which {percent(only.sum() / look.own.errors.sum(), 0)} are "
        f"words that transcripts and model part in other places: --verifier cer rewards by letters"
    )
    return Finding("spaces", sentence, only)


def few_clips(look: Look) -> Finding | None:
    """A few clips that hold most of the errors: loops, or transcripts of other clips."""
    errors, units = look.own.errors, look.own.units
    order = np.argsort(-errors, kind="stable")
    count = int(np.searchsorted(np.cumsum(errors[order]), MOST * errors.sum())) + 1
    if not look.is_bad or len(errors) < FEWEST_CLIPS or count > FEW * len(errors):
        return None
    worst, others = order[:count], order[count:]
    rest = Counts(errors[others], units[others], look.own.measured[others], look.own.title)
    clips, them = ("clip has", "it") if count == 1 else ("clips have", "them")
    sentence = (
        f"{look.own_rate}, {percent(rest.rate)} without {count} of {len(errors)} clips: "
        f"{count} {clips} {percent(errors[worst].sum() / errors.sum(), 0)} of the errors: look for "
        f"loops and wrong transcripts in {them}"
    )
    return Finding("few clips", sentence, np.isin(np.arange(len(errors)), worst) * errors)


def more_errors_than_words(look: Look) -> Finding | None:
    """More said than there is to say, and no notation that explains it."""
    if (look.own.rate or 0) <= 1:
        return None
    said = sum(len(pair.said.split()) for pair in look.pairs)
    right = sum(len(pair.reference.split()) for pair in look.pairs)
    sentence = (
        f"{look.own_rate}, and no normaliser explains it: the model writes {said} words where the "
        f"transcripts have {right}. It may take the speech for another language (--language), or "
        f"the transcripts are of other clips"
    )
    return Finding("more errors than words", sentence, look.own.errors)


FINDINGS: tuple[Callable[[Look], Finding | None], ...] = (
    speech_over_empty,
    collapsed_words,
    case_and_punctuation,
    other_notation,
    other_spaces,
    few_clips,
    more_errors_than_words,
)
"""From what spoils every other look to what is left when nothing else explains it."""


def _gains(before: Counts, after: Counts) -> np.ndarray:
    """Return the share of each pair's words that are wrong only as they are counted now."""
    gains: np.ndarray = np.maximum(0, before.errors - after.errors) / np.maximum(before.units, 1)
    return gains
