"""What a language tag means, and which letters a language has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audioforge.config import AudioRAFTConfig
from audioforge.errors import ConfigError
from audioforge.languages.scripts import foreign_scripts, script_of, scripts_of, written_language
from audioforge.languages.tags import NAMES, language_of

TAGS = {
    "en": "en eng EN en-US en_GB en-Latn-US en_US.UTF-8 English <|en|> ENGLISH",
    "de": "de deu ger de-AT de_CH@euro German",
    "fil": "fil tl tgl Tagalog Filipino",
    "he": "he iw heb Hebrew",
    "pt": "pt por pt-BR pt_PT Portuguese",
    "zh": "zh zho chi cmn zh-TW zh_CN zh-Hant Chinese Mandarin",
    "yue": "yue Cantonese zh-yue",
    "jv": "jv jw jav Javanese",
    "no": "no nb nob nor nb-NO Norwegian",
    "nn": "nn nno Nynorsk",
    "ro": "ro ron rum mo Moldavian",
    "sr": "sr srp sr-Latn sh Serbian",
    "ar": "ar ara arb ar-EG Arabic",
    "fa": "fa fas per pes Persian",
    "sw": "sw swa swh sw-KE Swahili",
    "et": "et est ekk",
    "haw": "haw Hawaiian",
    "ht": "ht hat Haitian_Creole",
    "mi": "mi mri mao Maori",
}


@pytest.mark.parametrize(
    ("code", "tag"), [(code, tag) for code, tags in TAGS.items() for tag in tags.split()]
)
def test_tags_of_every_kind_are_understood(code, tag):
    assert language_of(tag) == code


@pytest.mark.parametrize("tag", ["", " ", "xx", "xyz", "klingonish", "19", "und", "mul", "x-foo"])
def test_what_is_no_language_is_none(tag):
    assert language_of(tag) is None


@given(st.text())
def test_no_text_breaks_it_and_a_code_means_itself(text):
    code = language_of(text)
    assert code is None or language_of(code) == code


def test_every_name_means_a_code_that_means_itself():
    assert {code for code in NAMES.values() if language_of(code) != code} == set()


def test_the_setting_takes_a_language_or_each():
    languages = [AudioRAFTConfig(language=tag) for tag in ("deu", "pt-BR", "each", "Each")]
    assert [config.language for config in languages] == ["de", "pt", "each", "each"]
    assert [config.common_language for config in languages] == ["de", "pt", None, None]
    with pytest.raises(ConfigError, match="language: 'klingonish' is no language; give a code"):
        AudioRAFTConfig(language="klingonish")


@pytest.mark.parametrize(
    ("language", "text", "foreign"),
    [
        ("en", "naïve café, 5 o'clock", []),
        ("en", "Моcква", ["Cyrl"]),
        ("en", "pаypal", ["Cyrl"]),  # its second letter only looks right
        ("en", "你好", ["Hani"]),
        ("en", "ｆｕｌｌ ｗｉｄｔｈ", []),
        ("ru", "купил iPhone вчера", []),
        ("ru", "kupil telefon vchera", ["Latn"]),
        ("ja", "私のTシャツはどこ", []),
        ("ja", "안녕하세요", ["Hang"]),
        ("ko", "漢字와 한글", []),
        ("zh", "我爱你 OK", []),
        ("zh", "こんにちは", ["Hira"]),
        ("hi", "नमस्ते दुनिया १२३", []),
        ("hi", "namaste", ["Latn"]),
        ("mr", "নমস্কার", ["Beng"]),
        ("sr", "dobar dan, добар дан", []),
        ("uz", "салом salom", []),
        ("ur", "سلام", []),
        ("th", "สวัสดี", []),
        ("en", "1, 2, 3 … ー", []),
        ("qaa", "что угодно", []),  # nobody knows its letters
    ],
)
def test_letters_that_a_language_does_not_have(language, text, foreign):
    assert foreign_scripts(text, language) == foreign


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("привет мир", "ru"),
        ("नमस्ते", "hi"),
        ("これは日本語の漢字混じり文です", "ja"),
        ("我爱你", "zh"),
        ("안녕", "ko"),
        ("வணக்கம்", "ta"),
        ("καλημέρα", "el"),
        ("hello", None),
        ("hello мир", None),
        ("12 !", None),
    ],
)
def test_letters_tell_a_language(text, language):
    found = written_language([text])
    assert (found[0] if found else None) == language


@given(st.text(), st.sampled_from(sorted(set(NAMES.values()))))
def test_no_text_breaks_it_and_what_is_foreign_is_no_letter_of_the_language(text, language):
    foreign = foreign_scripts(text, language)
    assert not {*foreign} & scripts_of(language)
    assert {*foreign} <= {script_of(letter) for letter in text}


def test_every_language_of_whisper_has_letters():
    assert all(scripts_of(code) for code in NAMES.values())
