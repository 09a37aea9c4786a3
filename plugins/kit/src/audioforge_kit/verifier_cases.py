"""What verifiers are checked with: what a run tells them, and general, odd and empty cases."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import soundfile

from audioforge.isolation.copies import LentSamples
from audioforge.model import Task
from audioforge.plugins import Registry
from audioforge.run.data.samples import normalizer_for
from audioforge.sample import AudioSample, Hypothesis
from audioforge.tasks import Output, speech_task
from audioforge.verifier import VerifierContext
from audioforge_kit.examples import SAMPLING_RATE, Case, speech_like

ODD_TEXTS = (
    "Ünïcödé ŻÓŁW 東京 العربية हिन्दी 🎧",
    "e\u0301 is é, \u202eright to left\u202c, zero\u200bwidth",
    "\x00\x07 control\tcharacters\n",
    "\ud800 half of a surrogate pair",
    "…?!—,.",
)

ODD_SECONDS = 0.6
"""Length of odd sound; a judge of windows of 9 s repeats it to 9.6 s, which hold one."""

Pair = tuple[AudioSample, Hypothesis]


def contract_context(
    registry: Registry,
    task: Task,
    labels: tuple[str, ...] = (),
    corpus: Sequence[AudioSample] = (),
) -> VerifierContext:
    """Return what a run of a task would tell its verifiers, on the processor.

    Args:
        registry: What is installed.
        task: The task.
        labels: The known classes.
        corpus: The samples of the run; one that is there more than once counts once.
    """
    from audioforge.judging.verification import verifier_context

    normalizer = normalizer_for(None, "en", [], task)
    context = verifier_context(
        registry, task, normalizer, 0.3, "cpu", labels if speech_task(task).has_classes else ()
    )
    return attrs.evolve(context, corpus=LentSamples({id(s): s for s in corpus}.values()))


def pairs_of(cases: Sequence[Case]) -> list[Pair]:
    """Return each hypothesis with its sample; those of one sample stand side by side."""
    return [(case.sample, hypothesis) for case in cases for hypothesis in case.hypotheses]


def arrays_of(cases: Sequence[Case]) -> list[np.ndarray]:
    """Return every decoded sound of samples and hypotheses."""
    sounds = [sound for s, h in pairs_of(cases) for sound in (s.audio, h.audio)]
    return [sound for sound in sounds if isinstance(sound, np.ndarray)]


def with_new_sound(case: Case) -> Case:
    """Return a case with other sound of the same length, which nobody has seen yet."""

    def new(sound: Any) -> Any:
        return _noise(len(sound)) if isinstance(sound, np.ndarray) else sound

    hypotheses = tuple(attrs.evolve(h, audio=new(h.audio)) for h in case.hypotheses)
    return Case(attrs.evolve(case.sample, audio=new(case.sample.audio)), hypotheses)


def general_cases(task: Task) -> list[Case]:
    """Return what a verifier of a task can usually judge."""
    if speech_task(task).output == "text":
        return [
            Case.texts(
                "turn the second valve to the left",
                "turn the second valve to the left",
                "turn a second valve left",
                "turn the the the the the the the the the the the the the the the the",
                "",
            ),
            Case.texts("it is twenty past four", "It is 20 past four.", "what", ""),
        ]
    if speech_task(task).output == "label":
        return [Case.called("yes", "yes", "no", "never heard of"), Case.called("no", "yes", "no")]
    voice, noise = speech_like(1.5, "voice"), _noise(SAMPLING_RATE)
    recording = speech_like(2.0, "voice")
    return [
        Case.spoken("turn the second valve", voice, noise, np.zeros_like(voice), audio=recording),
        Case.spoken("yes", np.clip(voice * 9, -1, 1), speech_like(2.1, "other"), audio=recording),
    ]


def odd_cases(task: Task) -> list[Case]:
    """Return text of many scripts and control characters, and sound that is out of range."""
    if speech_task(task).output == "text":
        return [Case.texts(ODD_TEXTS[i - 1], text, text) for i, text in enumerate(ODD_TEXTS)]
    if speech_task(task).output == "label":
        return [Case.called(ODD_TEXTS[i - 1], text, "yes") for i, text in enumerate(ODD_TEXTS)]
    broken = np.full(4000, np.nan, np.float32)
    return [
        *(Case.spoken(text, speech_like(ODD_SECONDS)) for text in ODD_TEXTS),
        Case.spoken("yes", broken, speech_like(ODD_SECONDS) * 1e6),
    ]


def empty_cases(task: Task) -> list[Case]:
    """Return empty texts and sounds."""
    if speech_task(task).output == "text":
        return [Case.texts("", "", "something"), Case.texts("something", "", " ")]
    if speech_task(task).output == "label":
        return [Case.called("yes", "", " ")]
    nothing = np.zeros(0, np.float32)
    return [Case.spoken("", speech_like(ODD_SECONDS), nothing), Case.spoken("yes", nothing)]


def _noise(frames: int) -> np.ndarray:
    return (0.3 * np.random.default_rng(0).standard_normal(frames)).astype(np.float32)


def of_other_kinds(case: Case, tasks: Sequence[Task]) -> list[Case]:
    """Return the case's sample with a hypothesis of each kind that no task has."""
    kinds: dict[Output, Hypothesis] = {
        "text": Hypothesis(text="yes"),
        "label": Hypothesis(label="yes"),
        "audio": Hypothesis(audio=speech_like(ODD_SECONDS), sampling_rate=SAMPLING_RATE),
    }
    own = {speech_task(task).output for task in tasks}
    return [Case(case.sample, (h,)) for output, h in kinds.items() if output not in own]


def without_reference(case: Case) -> list[Case]:
    """Return the hypotheses with samples of which nobody knows what is right."""
    unknown = attrs.evolve(case.sample, reference=None, labels=())
    return [Case(sample, case.hypotheses) for sample in (unknown, AudioSample("bare"))]


def without_metadata(case: Case) -> Case:
    """Return the hypotheses with a sample of which nothing else is stated."""
    return Case(attrs.evolve(case.sample, metadata={}), case.hypotheses)


def crossed(cases: Sequence[Case]) -> list[Case]:
    """Return the sample of each case with the hypotheses of the one before."""
    return [Case(c.sample, cases[i - 1].hypotheses) for i, c in enumerate(cases)]


def in_files(case: Case, folder: Path) -> Case:
    """Return a case whose sound lies in files, as `audioforge verify` gives it."""

    def stored(sound: Any, rate: int | None) -> dict[str, Any]:
        if not isinstance(sound, np.ndarray) or not len(sound) or rate is None:
            return {}
        path = folder / f"{hashlib.sha256(sound.tobytes()).hexdigest()}.wav"
        soundfile.write(path, sound, rate, subtype="FLOAT")
        return {"audio": path, "sampling_rate": None}

    sample = attrs.evolve(case.sample, **stored(case.sample.audio, case.sample.sampling_rate))
    hypotheses = [attrs.evolve(h, **stored(h.audio, h.sampling_rate)) for h in case.hypotheses]
    return Case(sample, (*hypotheses,))
