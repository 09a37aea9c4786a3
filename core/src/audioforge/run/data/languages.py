"""Which language each clip of a run is in: settled once, before anything is sampled or measured.

Prompts, normalisers and results by language go by it. A clip's language is the one that was asked
for, else the one that it states. One that states none has the language of its dataset: the one that
most clips state, else the one that the references are written in where their letters tell, else the
checkpoint's, else the one that the model hears in the clips of the dataset together: in single
clips a Whisper mistakes an accent for another language.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import define, evolve, field, frozen

from audioforge.config.setting_kinds import EACH
from audioforge.errors import DatasetError, listed
from audioforge.executor import Executor, Outline
from audioforge.inference.hearing import Logprobs, hear_languages
from audioforge.languages.scripts import NAMES, SHARED, scripts_of, written_language
from audioforge.languages.tags import NO_LANGUAGE, UNKNOWN, language_of
from audioforge.measuring.evaluation import EvaluationSet
from audioforge.model import ModelAdapter
from audioforge.run.data.foreign_letters import foreign_letters
from audioforge.sample import AudioSample
from audioforge.terminal.reporter import Reporter

MOST_HEARD = 256
"""Clips of a dataset that are listened to for its one language: of so many the sum of
log-probabilities leaves no doubt, and the share that is heard as another is known to 3 %. A million
clips would cost a pass of the encoder each."""


@frozen
class Finding:
    """The language of clips that state none.

    Attributes:
        language: Of all of them; None where it is not known, or each has its own.
        clips: Each clip's own language by its id; empty unless that was asked for.
        how: How it is known, in words.
    """

    language: str | None
    how: str
    clips: Mapping[str, str] = field(factory=dict)

    def of(self, sample: AudioSample) -> str | None:
        """Return the language of a clip."""
        return self.clips.get(sample.id, self.language)


@frozen
class SpokenLanguages:
    """Which languages a dataset is in.

    Attributes:
        dataset: Role and name of the dataset.
        clips: Number of clips by language, of most clips first; `und` where it is not known.
        how: How that is known, in words.
    """

    dataset: str
    clips: Mapping[str, int]
    how: str

    def __str__(self) -> str:
        """Return a line for people."""
        several = len(self.clips) > 1
        named = {"unknown" if code == UNKNOWN else code: n for code, n in self.clips.items()}
        parts = [f"{code} ({n})" if several else code for code, n in named.items()]
        return f"language: {listed(parts, most=10)}, {self.how} ({self.dataset})"


def spoken(datasets: Sequence[SpokenLanguages]) -> dict[str, Any]:
    """Return what results say of the languages of datasets, by role and name."""
    return {d.dataset: {"clips": dict(d.clips), "how": d.how} for d in datasets}


@define(eq=False)
class Listener:
    """Hears languages with the model of the run.

    Attributes:
        adapter: The model.
        outline: The run, before its languages are known.
        executor: Shares the work.
        reporter: Shows progress.
        findings: What was heard, by dataset; of a resumed run, what was heard when it began.
    """

    adapter: ModelAdapter
    outline: Outline
    executor: Executor
    reporter: Reporter
    findings: dict[str, Finding] = field(factory=dict)

    @property
    def can_hear(self) -> bool:
        """Whether the model tells languages apart."""
        return len(self.adapter.languages) > 1

    def listen(
        self, dataset: str, samples: Sequence[AudioSample], conclude: Callable[[Logprobs], Finding]
    ) -> Finding:
        """Hear clips, unless that was done before.

        Args:
            dataset: Role and name of their dataset.
            samples: The clips.
            conclude: Makes of what was heard what it comes to.
        """
        if dataset not in self.findings:
            heard = hear_languages(
                self.adapter, samples, self.outline, self.executor, self.reporter
            )
            self.findings[dataset] = conclude(heard)
        return self.findings[dataset]

    def clip_languages(self, heard: Logprobs) -> Finding:
        """Return each clip's most likely language."""
        names = self.adapter.languages
        clips = {identity: names[row.index(max(row))] for identity, row in heard.items()}
        return Finding(None, "as each clip is heard", clips)

    def dataset_language(self, heard: Logprobs, total: int) -> Finding:
        """Return the language that is most likely of all clips together."""
        if not heard:
            return Finding(None, "not stated, and no clip can be heard: state --language")
        names = self.adapter.languages
        sums = [math.fsum(column) for column in zip(*heard.values(), strict=True)]
        best = names[sums.index(max(sums))]
        others = Counter(self.clip_languages(heard).clips.values())
        share = others.pop(best, 0) / len(heard)
        of_what = "the clips" if len(heard) == total else f"{len(heard)} clips listened to"
        how = f"of {100 * share:.3g} % of {of_what}"
        if others:
            parts = [
                f"{n} {'is' if n == 1 else 'are'} heard as {c}" for c, n in others.most_common()
            ]
            how += f"; {listed(parts, most=5)}: state --language"
        return Finding(best, how)


def settle_languages(
    datasets: Sequence[tuple[str, Sequence[EvaluationSet]]],
    asked: str | None,
    listener: Listener | None,
    reporter: Reporter,
) -> list[SpokenLanguages]:
    """Give every sample its language, and say which and why.

    Args:
        datasets: Every dataset by its role and name, as the sets that it was parted into; their
            samples are replaced.
        asked: The language that was asked for; "each" for what is heard in each clip.
        listener: Hears what nobody states; None where there is nothing to hear.
        reporter: Hears which languages it came to, and what does not fit them.
    """
    accounts = []
    for name, sets in datasets:
        if asked in (None, EACH):
            _warn_of_unknown_tags(name, sets, reporter)
        account = _settle(name, sets, asked, listener)
        reporter.info(str(account))
        for sentence in foreign_letters(name, [s for dataset in sets for s in dataset.samples]):
            reporter.warn(sentence)
        accounts.append(account)
    return accounts


def _settle(
    name: str, sets: Sequence[EvaluationSet], asked: str | None, listener: Listener | None
) -> SpokenLanguages:
    """Give the samples of one dataset their languages."""
    samples = [sample for dataset in sets for sample in dataset.samples]
    stated = Counter(filter(None, map(stated_language, samples)))
    if asked not in (None, EACH):
        others = ", ".join(f"{n} state {code}" for code, n in stated.items() if code != asked)
        finding = Finding(
            asked, "as --language says" + (f"; of its clips {others}" if others else "")
        )
        how = finding.how
    elif stated.total() == len(samples):
        finding = Finding(None, "as its clips state")
        how = finding.how
    else:
        unstated = [sample for sample in samples if stated_language(sample) is None]
        finding = _finding(name, unstated, stated, asked, listener)
        how = finding.how if not stated else f"as clips state, otherwise {finding.how}"
    for dataset in sets:
        dataset.samples = [_settled(sample, asked, finding) for sample in dataset.samples]
    found = Counter(s.language or UNKNOWN for dataset in sets for s in dataset.samples)
    return SpokenLanguages(name, dict(found.most_common()), how)


def _settled(sample: AudioSample, asked: str | None, finding: Finding) -> AudioSample:
    stated = stated_language(sample) if asked in (None, EACH) else None
    language = stated or finding.of(sample)
    return sample if language == sample.language else evolve(sample, language=language)


def stated_language(sample: AudioSample) -> str | None:
    """Return the code of the language that a sample states."""
    return None if sample.language is None else language_of(sample.language)


def _finding(
    name: str,
    samples: Sequence[AudioSample],
    stated: Counter[str],
    asked: str | None,
    listener: Listener | None,
) -> Finding:
    """Find the language of clips that state none.

    Args:
        name: Role and name of their dataset.
        samples: The clips.
        stated: How many others state which language.
        asked: "each" to hear each clip by itself.
        listener: Hears what their letters do not tell.
    """
    can_hear = listener is not None and listener.can_hear
    if listener is not None and can_hear and asked == EACH:
        return listener.listen(name, samples, listener.clip_languages)
    if stated:
        language, count = stated.most_common(1)[0]
        total = len(samples) + stated.total()
        if 2 * count > total:
            return Finding(language, "as most do")
    written = written_language(sample.reference or "" for sample in samples)
    own = None if listener is None else listener.adapter.own_language
    if own is not None and (written is None or written[1] in scripts_of(own)):
        return Finding(own, "the language of the model")
    if written is not None and not (written[1] in SHARED and can_hear):
        language, script = written
        return Finding(language, f"as references in {NAMES[script]} letters are")
    if listener is not None and can_hear:
        chosen = sorted(samples, key=_place)[:MOST_HEARD]
        return listener.listen(
            name, chosen, lambda heard: listener.dataset_language(heard, len(samples))
        )
    return Finding(None, "not stated, and the model cannot hear it: state --language")


def _place(sample: AudioSample) -> bytes:
    """Return the place of a clip in a draw that depends on nothing but the clips."""
    return hashlib.blake2b(sample.id.encode(errors="surrogatepass")).digest()


def _warn_of_unknown_tags(name: str, sets: Sequence[EvaluationSet], reporter: Reporter) -> None:
    """Say which tags mean no language; their clips are taken as if they stated none."""
    tags = Counter(s.language for dataset in sets for s in dataset.samples if s.language)
    unknown = {t: n for t, n in tags.items() if language_of(t) is None and t not in NO_LANGUAGE}
    if unknown:
        parts = [f"{tag!r:.40} ({n})" for tag, n in unknown.items()]
        reporter.warn(
            f"{name}: {listed(parts, most=5)}, which clips state, is no language of ISO 639 or BCP "
            f"47: taken as not stated"
        )


def check_languages(
    adapter: ModelAdapter, checkpoint: str, datasets: Sequence[EvaluationSet], reporter: Reporter
) -> None:
    """Check that a model can be told the languages of its clips.

    Args:
        adapter: The model.
        checkpoint: The checkpoint that it is from, for messages.
        datasets: The data, their languages settled.
        reporter: Hears of clips in other languages than the one that a model knows.

    Raises:
        DatasetError: If a model of several languages has no word for one of them.
    """
    known = adapter.languages
    for dataset in datasets:
        found = Counter(s.language for s in dataset.samples if s.language not in (None, *known))
        if not known or not found:
            continue
        counted = ", ".join(f"{n} in {code}" for code, n in found.most_common(5))
        clips = f"{dataset.name}: of its {len(dataset.samples)} clips {counted}"
        if len(known) == 1:
            reporter.warn(f"{clips}, and {checkpoint} transcribes {known[0]} only")
        else:
            raise DatasetError(
                f"{clips}, which {checkpoint} does not know. State a language of the model with "
                f"--language ({listed(sorted(known), most=12)}), or leave those clips out"
            )
