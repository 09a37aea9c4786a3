"""Output in another script than the reference earns nothing, in whatever unit it is counted."""

import pytest

from audioforge.run.data.samples import normalizer_for
from audioforge.sample import AudioSample, Hypothesis

PAIRS = {
    "en": [
        ("please call stella", "请打电话给斯特拉"),
        ("please call stella", "스텔라에게 전화해 주세요"),
        ("please call stella", "ステラに電話してください"),
        ("please call stella", "плиз колл стелла"),
        ("six spoons", "ฉันชอบ"),
        ("six spoons", "ѕіх ѕрооnѕ"),  # letters that only look right
    ],
    "zh": [("请打电话给她", "qing da dianhua gei ta"), ("请打电话给她", "please call her")],
    "ja": [("電話してください", "denwa shite kudasai")],
    "ru": [("позвони ей", "pozvoni yey"), ("мама", "mama")],
    "hi": [("नमस्ते दुनिया", "namaste duniya"), ("नमस्ते दुनिया", "نمستے دنیا")],
    "sr": [("добар дан", "dobar dan")],
}


@pytest.mark.parametrize(
    ("language", "reference", "said"), [(c, *pair) for c, pairs in PAIRS.items() for pair in pairs]
)
def test_another_script_is_wrong(create, language, reference, said):
    sample = AudioSample("a", reference=reference, language=language)
    verifier = create("wer", normalizer_for(None, None, [sample]))
    wrong, right = verifier.verify(
        [sample, sample], [Hypothesis(text=said), Hypothesis(text=reference)]
    )
    assert (wrong.reward, right.reward) == (0, 1)
