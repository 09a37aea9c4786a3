"""Any text at all: verifiers do not fail, and full marks are for texts that are alike."""

import random

import pytest

from audioforge.sample import AudioSample, Hypothesis
from audioforge_verifiers.normalizers import get_normalizer
from audioforge_verifiers.words import words_of

NORMALIZERS = ("english-1", "words-1", "words-1-unpointed", "by-language-1", "none")
LANGUAGES = (None, "en", "de", "tr", "fa", "vi", "zh", "he", "pt-BR", "no such tag")
PIECES = (
    *("ab", "I", "İ", "ı", "ß", "ΐ", "ᾳ\u0345", "\u0301", "\u0307", "i\u0307", "'", "’", "''", "-"),
    *(
        "1",
        "٣",
        "½",
        "3,5",
        "twenty-one",
        "%",
        "€",
        "(",
        ")",
        "[",
        "]",
        "<",
        ">",
        "\u200d",
        "\ufe0f",
    ),
    *(
        "北",
        "ช้",
        "が",
        "ｶ",
        "ﾞ",
        "ക",
        "\u0d4d",
        "ন",
        "צ",
        "״",
        "ه",
        "ﻻ",
        "👍🏽",
        "\ud800",
        "\x00",
        "\n",
    ),
)
MOST_CHARACTERS = 24


def any_pair(draw: random.Random) -> tuple[str, str]:
    """A text of any characters and pieces that rules look at, and one that is often a variant."""

    def text() -> str:
        parts = []
        for _ in range(draw.randrange(MOST_CHARACTERS)):
            kind = draw.random()
            if kind < 0.4:
                parts.append(draw.choice(PIECES))
            elif kind < 0.6:
                parts.append(" ")
            else:
                parts.append(chr(draw.randrange(draw.choice((0x80, 0x800, 0x3000, 0x110000)))))
        return "".join(parts)

    reference = text()
    if draw.random() < 0.5:
        return reference, text()
    return reference, draw.choice((str.upper, str.title, str.strip, str.lower))(reference)


def reads_english(name: str, language: str | None) -> bool:
    """English notation is read by what stands beside it: digits that are apart are read anew."""
    return name == "english-1" or (name == "by-language-1" and language in ("en", None))


def check_pairs(create, count: int, seed: int) -> None:
    draw = random.Random(seed)
    verifiers = {
        name: [create(v, normalizer=name) for v in ("wer", "cer", "hallucination")]
        for name in NORMALIZERS
    }
    for number in range(count):
        reference, text = any_pair(draw)
        name, language = NORMALIZERS[number % len(NORMALIZERS)], draw.choice(LANGUAGES)
        normalizer = get_normalizer(name)
        said = normalizer.hypothesis(text, language)
        where = (name, language, reference, text)
        if not reads_english(name, language):
            assert normalizer.hypothesis(said, language) == said, where
        alike = words_of(normalizer.reference(reference, language)) == words_of(said)
        sample = AudioSample("a", reference=reference, language=language, duration=2.0)
        for verifier in verifiers[name]:
            [score] = verifier.verify([sample], [Hypothesis(text=text)])
            if score.reward is None:  # nothing is left of a reference that says something
                assert reference.strip()
                assert not normalizer.reference(reference, language).strip()
                continue
            assert 0.0 <= score.reward <= 1.0, where
            if type(verifier).__name__ != "Hallucination":
                assert score.reward < 1.0 or alike, where
                assert score.reward == 1.0 or not alike or name == "none", where


def test_no_text_breaks_anything_and_only_what_is_alike_earns_all(create):
    check_pairs(create, 3000, seed=1)


@pytest.mark.soak
def test_no_text_of_a_hundred_thousand(create):
    check_pairs(create, 100_000, seed=2)
