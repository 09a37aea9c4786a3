"""Notations of languages other than English: what is read aloud alike is alike."""

import pytest

from audioforge_verifiers.normalizers import get_normalizer

ALIKE = [
    ("de", "Das sind 5 %, ähm, z. B. 3 km", "das sind 5 Prozent zum Beispiel 3 Kilometer"),
    ("de", "Dr. Braun & Prof. Weiß", "Doktor Braun und Professor Weiss"),
    ("de", "Das kostet €12", "das kostet 12 Euro"),
    ("de", "3,5 Liter", "3,5 l"),
    ("de", "12.000 Leute", "12000 Leute"),
    ("fr", "Euh, 20 % de 3 €", "20 pour cent de 3 euros"),
    ("fr", "Mme Martin à 9h", "madame Martin à 9 heures"),
    ("es", "El Sr. Gil tiene un 8 %", "el señor Gil tiene un 8 por ciento"),
    ("it", "Ehm, il 4 % ecc.", "il 4 per cento eccetera"),
    ("pt", "A Dra. Lima corre 2 km", "a doutora Lima corre 2 quilômetros"),
    ("nl", "Dhr. Smit, bijv. 7%", "meneer Smit bijvoorbeeld 7 procent"),
    ("pl", "yyy 6% itd.", "6 procent i tak dalej"),
    ("ru", "эээ 9 %, т. е. мало", "9 процентов то есть мало"),
]
DIFFERENT = [
    ("de", "3,5 Liter", "35 Liter"),
    ("de", "5 %", "5"),
    ("de", "5 km", "5 kg"),
    ("de", "das M", "das Meter"),
    ("fr", "cent euros", "cent dollars"),
    ("es", "sí", "si"),
    ("pl", "1,5 litra", "15 litra"),
    (None, "1.5", "15"),
    (None, "A & B", "A B"),
]


@pytest.mark.parametrize(("language", "written", "spoken"), ALIKE)
def test_read_aloud_alike(language, written, spoken):
    normalizer = get_normalizer("words-1")
    said = normalizer.hypothesis(spoken, language)
    assert normalizer.reference(written, language) == said
    assert normalizer.hypothesis(said, language) == said


@pytest.mark.parametrize(("language", "one", "other"), DIFFERENT)
def test_read_aloud_differently(language, one, other):
    normalizer = get_normalizer("words-1")
    assert normalizer.hypothesis(one, language) != normalizer.hypothesis(other, language)


@pytest.mark.parametrize("text", ["12:30", "914-2205", "2 000 000", "1,000,000", "12.05.2020"])
def test_separators_of_digits_are_not_read(text):
    digits = " ".join(c for c in text if c.isdigit())
    for language in ("de", "ja", None):
        assert get_normalizer("words-1").hypothesis(text, language) == digits
