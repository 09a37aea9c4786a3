"""Which script a text is written in, and which ones a language has.

A letter's script is the first word of its Unicode name ("DEVANAGARI LETTER KA"), which Python has;
a language's scripts are those that CLDR gives for it in any region. Scripts go by their ISO 15924
codes; those of Chinese, Japanese and Korean are taken apart: `Hani`, `Hira`, `Kana`, `Hang`.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import cache

from langcodes import Language
from langcodes.data_dicts import LIKELY_SUBTAGS

NAMES = {
    **{"Arab": "Arabic", "Armn": "Armenian", "Beng": "Bengali", "Bopo": "Bopomofo"},
    **{"Cans": "Canadian", "Cher": "Cherokee", "Cyrl": "Cyrillic", "Deva": "Devanagari"},
    **{"Ethi": "Ethiopic", "Geor": "Georgian", "Grek": "Greek", "Gujr": "Gujarati"},
    **{"Guru": "Gurmukhi", "Hang": "Hangul", "Hani": "CJK", "Hebr": "Hebrew"},
    **{"Hira": "Hiragana", "Java": "Javanese", "Kana": "Katakana", "Khmr": "Khmer"},
    **{"Knda": "Kannada", "Laoo": "Lao", "Latn": "Latin", "Mlym": "Malayalam"},
    **{"Mong": "Mongolian", "Mymr": "Myanmar", "Olck": "Ol", "Orya": "Oriya", "Sinh": "Sinhala"},
    **{"Sund": "Sundanese", "Taml": "Tamil", "Telu": "Telugu", "Thaa": "Thaana", "Thai": "Thai"},
    **{"Tfng": "Tifinagh", "Tibt": "Tibetan", "Yiii": "Yi"},
}
"""The first word of the Unicode names of a script's letters; other scripts play no part here."""

_SCRIPTS = {name.upper(): script for script, name in NAMES.items()}

PARTS = {
    "Hans": {"Hani"},
    "Hant": {"Hani"},
    "Hanb": {"Hani", "Bopo"},
    "Jpan": {"Hani", "Hira", "Kana"},
    "Kore": {"Hang", "Hani"},
}
"""Scripts of whole languages, as they are made up."""

ALSO = {
    **{"bs": {"Cyrl"}, "kk": {"Latn"}, "ks": {"Deva"}, "tk": {"Cyrl"}, "tt": {"Latn"}},
    **{"ug": {"Latn"}, "uz": {"Cyrl"}},
}
"""Scripts in use that CLDR gives for no region."""

SHARED = frozenset({"Latn", "Cyrl", "Arab", "Deva", "Beng", "Hebr", "Ethi", "Hani"})
"""Scripts in which several languages with much recorded speech are written."""


@cache
def script_of(letter: str) -> str | None:
    """Return the script of a character; None for what is no letter, or of a script not known here.

    >>> [script_of(letter) for letter in "aяक漢ー1"]
    ['Latn', 'Cyrl', 'Deva', 'Hani', None, None]
    """
    if not letter.isalpha():
        return None
    plain = unicodedata.normalize("NFKC", letter)[:1]  # full-width forms have names of their own
    return _SCRIPTS.get(unicodedata.name(plain, "").split(" ")[0])


def scripts_in(text: str) -> Counter[str]:
    """Return how many letters of each script a text has."""
    if text.isascii():
        letters = sum(map(str.isalpha, text))
        return Counter({"Latn": letters} if letters else {})
    return Counter(script for script in map(script_of, text) if script is not None)


@cache
def scripts_of(language: str) -> frozenset[str]:
    """Return the scripts that a language is written in; none for one that CLDR does not know.

    >>> sorted(scripts_of("sr")), sorted(scripts_of("ja"))
    (['Cyrl', 'Latn'], ['Hani', 'Hira', 'Kana'])
    """
    known = [
        full.split("-")[1]
        for tag, full in LIKELY_SUBTAGS.items()
        if tag == language or tag.startswith(f"{language}-")
    ]
    parts = [PARTS.get(script, {script}) for script in known]
    return frozenset().union(*parts, ALSO.get(language, ()) if known else ())


def foreign_scripts(text: str, language: str) -> list[str]:
    """Return the scripts of letters that a language does not have, those of most letters first.

    Latin letters stand in texts of every language, as names and abbreviations do, and are foreign
    only where most letters are Latin.
    """
    own = scripts_of(language)
    if not own or (text.isascii() and "Latn" in own):
        return []
    found = scripts_in(text)
    if 2 * found["Latn"] <= found.total():
        own |= {"Latn"}
    return [script for script, _ in found.most_common() if script not in own]


def written_language(texts: Iterable[str]) -> tuple[str, str] | None:
    """Return the language that texts are written in as far as their letters tell, and the script.

    It is CLDR's likely language of the script that most letters are of: of a script in `SHARED`
    the one with the most speakers.

    Returns:
        None where most letters are Latin, or there are none.
    """
    letters: Counter[str] = Counter()
    for text in texts:
        letters.update(scripts_in(text))
    if not letters:
        return None
    if letters["Hira"] or letters["Kana"]:  # a Japanese text is CJK for the most part
        letters["Hira"] += letters.pop("Kana", 0) + letters.pop("Hani", 0)
    script = letters.most_common(1)[0][0]
    if script == "Latn":
        return None
    language = Language.make(script=script).maximize().language
    return None if language is None else (language, script)
