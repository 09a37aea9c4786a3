"""What one language writes in several ways: symbols, units, abbreviations, sounds of hesitation.

Each entry is a text that says the same, aloud, as another one; what could be a word of its own (the
Spanish "eh?", the German "St.") is in no table. A language without a table is compared as written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property

from attrs import define

CURRENCIES = {"€": "euro", "$": "dollar", "£": "pound", "¥": "yen", "₹": "rupee"} | {
    "₩": "won",
    "₽": "rubl",
    "₪": "shekel",
    "₺": "lira",
}
"""A word for each sign in languages that have no table, where it may be written, or not, as here.
No sign is left, so that where it stood beside the number is told once."""

_COMMA_LANGUAGES = frozenset(
    [
        "af",
        "az",
        "be",
        "bg",
        "bs",
        "ca",
        "cs",
        "da",
        "de",
        "el",
        "es",
        "et",
        "eu",
        "fi",
        "fr",
        "gl",
        "hr",
        "hu",
        "hy",
        "id",
        "is",
        "it",
        "ka",
        "kk",
        "ky",
        "lt",
        "lv",
        "mk",
        "nb",
        "nl",
        "nn",
        "no",
        "pl",
        "pt",
        "ro",
        "ru",
        "sk",
        "sl",
        "sq",
        "sr",
        "sv",
        "tr",
        "uk",
        "uz",
        "vi",
    ]
)
"""Languages with a decimal comma (CLDR 46, numbers/symbols/decimal), where a point separates
thousands, hours and minutes, or the parts of a date."""


@define(kw_only=True)
class Notation:
    """The notations of one language that say the same.

    Attributes:
        decimal: The word that stands for a decimal point or comma.
        has_decimal_comma: Whether only a comma is one.
        phrases: Texts of several words or points, and what they say.
        words: Single words and symbols, normalised, and what they say; "" for what says nothing.
        units: Abbreviations that are units behind a digit only, and what they say.
    """

    decimal: str = "point"
    has_decimal_comma: bool = False
    phrases: Mapping[str, str] = {}
    words: Mapping[str, str] = {}
    units: Mapping[str, str] = {}

    def phrases_written_out(self, text: str) -> str:
        """Return a text, as it is written, with its phrases replaced."""
        if not self.phrases:
            return text
        return self._phrase.sub(lambda match: self._said[_key(match[0])], text)

    def words_alike(self, text: str) -> str:
        """Return a normalised text with its words and units replaced."""
        words = text.split(" ")
        if self._words.keys().isdisjoint(words) and self.units.keys().isdisjoint(words):
            return text
        alike: list[str] = []
        for word in words:
            if word in self.units and alike and alike[-1].isdigit():
                alike.append(self.units[word])
            elif said := self._words.get(word, word):
                alike.append(said)
        return " ".join(alike)

    @cached_property
    def _words(self) -> Mapping[str, str]:
        return {**CURRENCIES, **self.words}

    @cached_property
    def _phrase(self) -> re.Pattern[str]:
        spelt = (re.escape(phrase).replace(r"\ ", r"\s?") for phrase in self.phrases)
        return re.compile(rf"(?<!\w)(?:{'|'.join(spelt)})(?!\w)", re.IGNORECASE)

    @cached_property
    def _said(self) -> dict[str, str]:
        return {_key(phrase): said for phrase, said in self.phrases.items()}


def _key(phrase: str) -> str:
    return "".join(phrase.split()).casefold()


def notation_of(language: str | None) -> Notation:
    """Return the notation of a language, by its two letters."""
    if language is None:
        return _ANY
    return _NOTATIONS.get(language) or (_COMMA if language in _COMMA_LANGUAGES else _ANY)


def _silent(fillers: str) -> dict[str, str]:
    return dict.fromkeys(fillers.split(), "")


_ANY = Notation()
_COMMA = Notation(has_decimal_comma=True)
_NOTATIONS = {
    "de": Notation(
        decimal="komma",
        has_decimal_comma=True,
        phrases={"z. B.": "zum Beispiel", "d. h.": "das heißt", "u. a.": "unter anderem"},
        words={
            "%": "prozent",
            "&": "und",
            "+": "plus",
            "°": "grad",
            "€": "euro",
            "euros": "euro",
            "$": "dollar",
            "£": "pfund",
            "dr": "doktor",
            "prof": "professor",
            "bzw": "beziehungsweise",
            "usw": "und so weiter",
            "ca": "circa",
            "nr": "nummer",
            **_silent("äh ähm öhm hm hmm"),
        },
        units={"km": "kilometer", "m": "meter", "cm": "zentimeter", "mm": "millimeter"}
        | {"kg": "kilogramm", "g": "gramm", "l": "liter", "min": "minuten"},
    ),
    "fr": Notation(
        decimal="virgule",
        has_decimal_comma=True,
        phrases={"pour cent": "pourcent", "c.-à-d.": "c'est-à-dire", "p. ex.": "par exemple"},
        words={
            "%": "pourcent",
            "&": "et",
            "+": "plus",
            "°": "degrés",
            "€": "euro",
            "euros": "euro",
            "$": "dollar",
            "dollars": "dollar",
            "mme": "madame",
            "mlle": "mademoiselle",
            "mm": "messieurs",
            **_silent("euh heu hm hmm"),
        },
        units={"km": "kilomètres", "m": "mètres", "cm": "centimètres", "mm": "millimètres"}
        | {"kg": "kilos", "h": "heures", "min": "minutes"},
    ),
    "es": Notation(
        decimal="coma",
        has_decimal_comma=True,
        phrases={"por ciento": "porciento", "p. ej.": "por ejemplo", "EE. UU.": "Estados Unidos"},
        words={
            "%": "porciento",
            "&": "y",
            "+": "más",
            "°": "grados",
            "€": "euro",
            "euros": "euro",
            "$": "dólar",
            "dólares": "dólar",
            "sr": "señor",
            "sra": "señora",
            "srta": "señorita",
            "dr": "doctor",
            "dra": "doctora",
            "ud": "usted",
            "uds": "ustedes",
            **_silent("ehm em mmm hmm"),
        },
        units={"km": "kilómetros", "m": "metros", "cm": "centímetros", "kg": "kilos"}
        | {"g": "gramos", "min": "minutos"},
    ),
    "it": Notation(
        decimal="virgola",
        has_decimal_comma=True,
        phrases={"per cento": "percento", "ad es.": "ad esempio"},
        words={
            "%": "percento",
            "&": "e",
            "+": "più",
            "°": "gradi",
            "€": "euro",
            "$": "dollari",
            "sig": "signor",
            "dott": "dottor",
            "ecc": "eccetera",
            **_silent("ehm uhm mmm hmm"),
        },
        units={"km": "chilometri", "m": "metri", "cm": "centimetri", "kg": "chili"}
        | {"g": "grammi", "min": "minuti"},
    ),
    "pt": Notation(
        decimal="vírgula",
        has_decimal_comma=True,
        phrases={"por cento": "porcento", "p. ex.": "por exemplo"},
        words={
            "%": "porcento",
            "&": "e",
            "+": "mais",
            "°": "graus",
            "€": "euro",
            "euros": "euro",
            "sr": "senhor",
            "sra": "senhora",
            "dr": "doutor",
            "dra": "doutora",
            "etc": "etcetera",
            **_silent("hum uhm ãh hmm"),
        },
        units={"km": "quilômetros", "quilómetros": "quilômetros", "m": "metros"}
        | {"cm": "centímetros", "kg": "quilos", "min": "minutos"},
    ),
    "nl": Notation(
        decimal="komma",
        has_decimal_comma=True,
        phrases={"d.w.z.": "dat wil zeggen", "o.a.": "onder andere", "a.u.b.": "alstublieft"},
        words={
            "%": "procent",
            "&": "en",
            "+": "plus",
            "°": "graden",
            "€": "euro",
            "euro's": "euro",
            "dhr": "meneer",
            "mevr": "mevrouw",
            "bijv": "bijvoorbeeld",
            "enz": "enzovoort",
            **_silent("eh uh ehm uhm hm hmm"),
        },
        units={"km": "kilometer", "m": "meter", "cm": "centimeter", "kg": "kilo", "g": "gram"}
        | {"min": "minuten"},
    ),
    "pl": Notation(
        decimal="przecinek",
        has_decimal_comma=True,
        phrases={"m. in.": "między innymi"},
        words={
            "%": "procent",
            "procenta": "procent",
            "procentów": "procent",
            "&": "i",
            "+": "plus",
            "np": "na przykład",
            "tzn": "to znaczy",
            "itd": "i tak dalej",
            "itp": "i tym podobne",
            "tzw": "tak zwany",
            **_silent("yyy eee ehm mmm hmm"),
        },
    ),
    "ru": Notation(
        decimal="запятая",
        has_decimal_comma=True,
        phrases={"т. е.": "то есть", "т. д.": "так далее", "т. п.": "тому подобное"},
        words={
            "%": "процент",
            "процента": "процент",
            "процентов": "процент",
            "&": "и",
            "+": "плюс",
            **_silent("эээ эм хм гм ммм"),
        },
    ),
}
