"""How many tokens a second a transcript may take."""

import csv

import pytest

from audioforge.languages.token_rates import most_tokens_per_second

TOKENS_A_CHARACTER = {
    **{"en": 0.28, "de": 0.34, "fr": 0.32, "es": 0.31, "vi": 0.44, "pl": 0.42, "cs": 0.5},
    **{"hu": 0.53, "tr": 0.35, "it": 0.3, "pt": 0.25},
    **{"ru": 0.33, "uk": 0.58, "el": 0.55, "ar": 0.68, "fa": 0.66, "ur": 0.56, "he": 0.7},
    **{"hi": 1.08, "mr": 1.14, "ne": 1.18, "ta": 0.91, "th": 0.92, "ko": 0.66, "az": 0.52},
    **{"bn": 2.05, "gu": 2.68, "pa": 2.05, "te": 1.91, "kn": 1.69, "ml": 2.13, "si": 1.75},
    **{"or": 2.64, "lo": 3.08, "km": 2.33, "my": 2.95, "ka": 2.44, "hy": 1.42, "am": 2.46},
}
"""Of the multilingual Whisper, measured on the texts of `tests/verifiers/truth.tsv`."""
FAST = 20.0
"""Characters a second of fast speech in scripts that spell sounds: a quarter more than is usual."""
FEW_CHARACTERS = {"zh": 1.06, "ja": 1.26}
"""The same of scripts whose characters are syllables or words, of which 12 a second are fast."""


@pytest.mark.parametrize("language", TOKENS_A_CHARACTER)
def test_fast_speech_is_not_cut_in_any_language(language):
    assert most_tokens_per_second([language]) >= FAST * TOKENS_A_CHARACTER[language]


@pytest.mark.parametrize("language", FEW_CHARACTERS)
def test_fast_speech_in_characters_is_not_cut(language):
    assert most_tokens_per_second([language]) >= 12 * FEW_CHARACTERS[language]


def test_the_language_with_the_most_decides_and_an_unknown_one_has_them_all():
    assert most_tokens_per_second(["en", "de"]) == 15
    assert most_tokens_per_second(["en", "de", "hi"]) == 30
    assert most_tokens_per_second(["en", "ka"]) == most_tokens_per_second(["en", None]) == 75
    assert most_tokens_per_second([]) == most_tokens_per_second(["klingonish"]) == 75
    assert most_tokens_per_second(["pa"]) == 75, "one of its scripts takes as many"


def test_every_language_of_the_texts_was_measured(root):
    with (root / "tests/verifiers/truth.tsv").open(encoding="utf-8") as file:
        languages = {row["language"] for row in csv.DictReader(file, delimiter="\t")}
    assert languages <= TOKENS_A_CHARACTER.keys() | FEW_CHARACTERS.keys()
