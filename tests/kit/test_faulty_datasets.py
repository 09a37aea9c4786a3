"""The contract tests find what is wrong in datasets that are right but for one thing."""

import pytest


@pytest.mark.sweep(4)
@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("id=file,", "id=str(self._folder / file),", {"can_lie_anywhere"}),
        ("id=file,", "id='same',", {"ids_are_unique"}),
        ("id=file,", "id=f'{self._folder.name}/{file}',", {"can_lie_anywhere"}),
        ("speaker=speaker or None,", "speaker=3,", {"says_what_is_right"}),
        (
            "reference=text,",
            "reference=f\"{text} {__import__('random').random()}\",",
            {"is_stable"},
        ),
        ("reference=text,", "", {"says_what_is_right"}),
        (
            "except (OSError, UnicodeDecodeError) as error:",
            "except UnicodeDecodeError as error:",
            {"says_when_it_is_not_there"},
        ),
        (
            "        self._language = language",
            "        self._language = language\n        (self._folder / INDEX).read_text()",
            {"says_when_it_is_not_there"},
        ),
        ("audio=self._folder / file,", "audio=Path(file),", {"sound_can_be_decoded"}),
        ("return AudioSample(", "return dict(", {"yields_samples"}),
        ("(Dataset):", ":", {"is_a_dataset"}),
        (
            "        self._language = language",
            "        self._language = language.lower() if language else None\n"
            "        assert language is None or language.isalpha()",
            {"refuses_bad_options"},
        ),
    ],
)
def test_datasets(broken_rules, old, new, expected):
    assert expected <= broken_rules("dataset", "dataset.py", old, new)
