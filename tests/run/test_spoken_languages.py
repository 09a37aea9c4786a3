"""Languages of clips of which the model hears nothing."""

import io
from types import SimpleNamespace

import pytest

from audioforge.measuring.evaluation import EvaluationSet
from audioforge.run.data.languages import Listener, settle_languages
from audioforge.run.data.run_data import RunData
from audioforge.sample import AudioSample
from audioforge.terminal.reporter import Reporter

DEAF = SimpleNamespace(languages=(), own_language=None)


def settled(samples, listener, asked=None):
    said = io.StringIO()
    dataset = EvaluationSet("set", samples)
    settle_languages([("set", [dataset])], asked, listener, Reporter(said))
    return [s.language for s in dataset.samples], said.getvalue()


@pytest.fixture(params=["ctc", "tts"])
def listener(request):
    """A model that hears no language, and a task in which there is nothing to hear."""
    return Listener(DEAF, 4, None, Reporter(quiet=True)) if request.param == "ctc" else None


def test_what_nobody_can_tell_stays_unknown_and_is_said(listener):
    languages, said = settled([AudioSample("a", reference="one"), AudioSample("b")], listener)
    assert languages == [None, None]
    assert said == (
        "language: unknown, not stated, and the model cannot hear it: state --language (set)\n"
    )


@pytest.mark.parametrize(
    ("text", "language", "letters"),
    [("नमस्ते", "hi", "Devanagari"), ("привет", "ru", "Cyrillic"), ("我爱你", "zh", "CJK")],
)
@pytest.mark.parametrize("asked", [None, "each"])
def test_letters_tell_the_likeliest_language(listener, text, language, letters, asked):
    languages, said = settled([AudioSample("a", reference=text)], listener, asked)
    assert languages == [language]
    assert said == f"language: {language}, as references in {letters} letters are (set)\n"


def test_stated_and_unknown_ones_stand_beside_each_other(listener):
    samples = [AudioSample(str(i), reference="one") for i in range(57)]
    languages, said = settled([*samples, AudioSample("z", language="zho")], listener)
    assert languages == [None] * 57 + ["zh"]
    assert said.startswith("language: unknown (57), zh (1), as clips state, otherwise not stated")


def test_letters_that_a_language_has_not_are_named_by_language(listener):
    samples = [
        AudioSample("a", reference="one", language="en"),
        AudioSample("b", reference="Моcква", language="eng"),
        AudioSample("c", reference="два", language="ru"),
        AudioSample("d", reference="dva", language="ru"),
        AudioSample("e", language="ru"),
    ]
    _, said = settled(samples, listener)
    assert "set: of 2 references in en, 1 hold letters that en does not have (Cyrillic)" in said
    assert "set: of 2 references in ru, 1 hold letters that ru does not have (Latin), first d" in (
        said
    )


def test_what_is_held_out_of_a_dataset_is_of_that_dataset():
    train, held_out, test = (EvaluationSet(name, []) for name in ("train", "held", "test"))
    parted = RunData(train, held_out, [], test, split="a fourth")
    assert parted.by_dataset == [("train: train", [train, held_out]), ("test: test", [test])]
    own = RunData(train, held_out, [], None)
    assert own.by_dataset == [("train: train", [train]), ("held out: held", [held_out])]
