"""References with letters that their language does not have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from attrs import define, field

from audioforge.languages.scripts import NAMES, foreign_scripts
from audioforge.sample import AudioSample


@define
class _Found:
    """What was found among the references of one language."""

    references: int = 0
    foreign: int = 0
    scripts: Counter[str] = field(factory=Counter)
    first: AudioSample | None = None


def foreign_letters(dataset: str, samples: Sequence[AudioSample]) -> Iterator[str]:
    """Yield a sentence for each language of which references hold letters of other scripts.

    Such references are of another language than is said, transliterated, or hold letters that only
    look right; a model that writes the language as it is written is paid for none of them.

    Args:
        dataset: Role and name of the dataset.
        samples: Its samples, their languages settled.
    """
    found: dict[str, _Found] = {}
    for sample in samples:
        if sample.language is None or sample.reference is None:
            continue
        of_language = found.setdefault(sample.language, _Found())
        of_language.references += 1
        scripts = foreign_scripts(sample.reference, sample.language)
        if scripts:
            of_language.foreign += 1
            of_language.scripts.update(scripts)
            of_language.first = of_language.first or sample
    for language, of_language in sorted(found.items()):
        if (first := of_language.first) is not None:
            most = of_language.scripts.most_common(3)
            letters = ", ".join(NAMES[script] for script, _ in most)
            yield (
                f"{dataset}: of {of_language.references} references in {language}, "
                f"{of_language.foreign} hold letters that {language} does not have ({letters}), "
                f"first {first.id}: {first.reference!r:.60}. State --language, or mend them"
            )
