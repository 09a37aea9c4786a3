"""Normalisers are chosen by name; Whisper's are Transformers' own, ours do what they say."""

import json
import sys
from importlib import resources

import pytest
from tokenizers import Tokenizer, models

from audioforge.errors import ConfigError, PluginError
from audioforge.torch_companions import hide_broken_companions
from audioforge_verifiers.normalizers import NAMES, Normalizer, get_normalizer

TEXTS = [
    "Mr. Smith's COLOUR, isn't it?",
    "seven three five",
    "twenty-one dollars and fifty cents",
    "[laughter] uh, we're (quietly) gonna go… <noise>",
    "Zażółć gęślą jaźń!",
    "Crème brûlée; naïve façade",
    "你好，世界。",
    "e\u0301cole",
    "the 3rd of May, 1,000,000 people",
    "",
    "  !?  ",
    "👍🏽 ok",
]


@pytest.fixture(scope="session")
def whisper_tokenizer(tmp_path_factory):
    """Transformers' tokenizer, reading the same table of spellings as its `normalizer.json`."""
    hide_broken_companions()
    from transformers import WhisperTokenizer

    folder = tmp_path_factory.mktemp("tokenizer")
    table = resources.files("audioforge_verifiers") / "data" / "english_spelling.json"
    (folder / "normalizer.json").write_bytes(table.read_bytes())
    Tokenizer(models.BPE({"<|endoftext|>": 0}, [])).save(str(folder / "tokenizer.json"))
    (folder / "vocab.json").write_text(json.dumps({"<|endoftext|>": 0}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return WhisperTokenizer.from_pretrained(str(folder))


@pytest.mark.parametrize("text", TEXTS)
def test_english_is_what_transformers_does(whisper_tokenizer, text):
    assert len(whisper_tokenizer.english_spelling_normalizer) > 1000
    expected = whisper_tokenizer.normalize(text).strip()
    assert get_normalizer("whisper-english").hypothesis(text) == expected
    assert get_normalizer("whisper-english").reference(text) == expected


@pytest.mark.parametrize("text", TEXTS)
def test_basic_is_what_transformers_does_with_diacritics_kept(whisper_tokenizer, text):
    expected = whisper_tokenizer.basic_normalize(text).strip()
    assert get_normalizer("whisper-basic").hypothesis(text) == expected


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("whisper-english", "seven three five", "735"),
        ("whisper-english", "The colour isn't grey.", "the color is not gray"),
        ("whisper-basic", "Zażółć, GĘŚLĄ jaźń!", "zażółć gęślą jaźń"),
        ("whisper-basic", "seven three five", "seven three five"),
        ("whisper-basic", "e\u0301cole", "école"),
        ("none", "Seven,  THREE\tfive", "Seven,  THREE\tfive"),
    ],
)
def test_known_results(name, text, expected):
    assert get_normalizer(name).reference(text) == expected
    assert get_normalizer(name).hypothesis(text) == expected


@pytest.mark.parametrize("name", ["words-1", "words-1-unpointed", "whisper-basic", "none"])
@pytest.mark.parametrize("text", TEXTS)
def test_normalising_twice_changes_nothing_more(name, text):
    once = get_normalizer(name).hypothesis(text)
    assert get_normalizer(name).hypothesis(once) == once


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ConfigError) as raised:
        get_normalizer("whisper_english")
    assert "no text normaliser is called 'whisper_english'" in str(raised.value)
    assert "Did you mean whisper-english" in str(raised.value)
    for name in NAMES:
        assert name in str(raised.value)


def test_without_transformers_it_is_named(monkeypatch):
    get_normalizer.cache_clear()
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(PluginError, match="whisper-basic: Transformers cannot be imported"):
        get_normalizer("whisper-basic")
    assert get_normalizer("none").hypothesis("A b") == "A b"
    assert get_normalizer("words-1").hypothesis("A b.") == "a b"


def test_the_normaliser_of_the_run_is_used_by_the_verifier(score):
    assert score("wer", "Seven three!", "7 3", normalizer="none").metrics["wer"] == 1.0
    assert score("wer", "Seven three!", "73", normalizer="whisper-english").metrics["wer"] == 0.0
    basic = score("wer", "Jaźń!", "jazn", normalizer="whisper-basic")
    assert basic.metrics["wer"] == 1.0
    assert score("wer", "one x", "One, x.", normalizer="whisper-basic").reward == 1.0


def test_digits_joined_to_one_number_make_the_rate_one_of_utterances(score):
    joined = score("wer", "seven three five", "seven three four", normalizer="whisper-english")
    assert (joined.metrics["wer"], joined.metrics["reference_words"]) == (1.0, 1)
    apart = score("wer", "seven three five", "seven three four", normalizer="none")
    assert apart.metrics["wer"] == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("so [laughs (softly)] we go", "so we go"),
        ("<noise> go（笑）", "go"),
        ("ant < bee and cat > dog", "ant bee and cat dog"),
        ("some (others", "some others"),
        ("[music]", ""),
    ],
)
@pytest.mark.parametrize("name", ["english-1", "words-1", "by-language-1"])
def test_notes_are_of_the_reference_alone(name, text, kept):
    normalizer = get_normalizer(name)
    assert normalizer.reference(text, "de") == kept
    letters = [c for c in text if c.isalpha()]
    assert normalizer.hypothesis(text, "de").replace(" ", "") == "".join(letters)


@pytest.mark.parametrize("name", ["none", "whisper-basic"])
def test_other_normalisers_make_no_difference_between_reference_and_hypothesis(name):
    normalizer = get_normalizer(name)
    assert normalizer.reference("go [music] on") == normalizer.hypothesis("go [music] on")
    assert get_normalizer("none").reference("go [music] on") == "go [music] on"


def test_each_clip_of_a_mixture_by_its_own_language():
    normalizer = get_normalizer("by-language-1")
    english, turkish = get_normalizer("english-1"), get_normalizer("words-1")
    for text in ("I'm IN Italy, isn't it?", "TITLE"):
        for language in ("en", "en-GB", "EN_us"):
            assert normalizer.hypothesis(text, language) == english.hypothesis(text)
        assert normalizer.hypothesis(text, "tr") == turkish.hypothesis(text, "tr")
        assert normalizer.hypothesis(text) == english.hypothesis(text)
    assert normalizer.hypothesis("TITLE", "tr") == "tıtle"


def test_a_text_is_normalised_once():
    calls = []

    def rules(text, language):
        calls.append((text, language))
        return text.lower()

    normalizer = Normalizer("x", rules, by_language=True)
    for _ in range(3):
        assert normalizer.reference("A") == "a"
        assert normalizer.hypothesis("B", "de") == "b"
        assert normalizer.hypothesis("B", "tr") == "b"
    assert calls == [("A", None), ("B", "de"), ("B", "tr")]
    assert get_normalizer("words-1") is get_normalizer("words-1")
