"""What verifiers are checked with: what a run tells them, and general, odd and empty cases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np

from audioforge.model import Task
from audioforge.raft.data import normalizer_for
from audioforge.sample import AudioSample, Hypothesis
from audioforge.testing.examples import SAMPLING_RATE, Case, speech_like
from audioforge.verifier import VerifierContext

ODD_TEXTS = (
    "Ünïcödé ŻÓŁW 東京 العربية हिन्दी 🎧",
    "e\u0301 is é, \u202eright to left\u202c, zero\u200bwidth",
    "\x00\x07 control\tcharacters\n",
    "\ud800 half of a surrogate pair",
    "…?!—,.",
)

Pair = tuple[AudioSample, Hypothesis]


def contract_context(task: Task, labels: tuple[str, ...]) -> VerifierContext:
    """Return what a run of a task would tell its verifiers, on the processor."""
    from audioforge.plugins import discover
    from audioforge.raft.judging.verification import verifier_context

    normalizer = normalizer_for(None, "en", [], task)
    return verifier_context(
        discover(), task, normalizer, 0.3, "cpu", labels if task == "classification" else ()
    )


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
    if task == "asr":
        return [
            Case.texts(
                "turn the second valve to the left",
                "turn the second valve to the left",
                "turn a second valve left",
                "turn the the the the the the the the the the the the the the the the",
                "",
            ),
            Case.texts("it is twenty past four", "It is 20 past four.", "what"),
        ]
    if task == "classification":
        return [Case.called("yes", "yes", "no", "never heard of"), Case.called("no", "yes", "no")]
    voice, noise = speech_like(1.5, "voice"), _noise(SAMPLING_RATE)
    recording = speech_like(2.0, "voice")
    return [
        Case.spoken("turn the second valve", voice, noise, np.zeros_like(voice), audio=recording),
        Case.spoken("yes", np.clip(voice * 9, -1, 1), speech_like(2.1, "other"), audio=recording),
    ]


def odd_cases(task: Task) -> list[Case]:
    """Return text of many scripts and control characters, and sound that is out of range."""
    if task == "asr":
        return [Case.texts(ODD_TEXTS[i - 1], text, text) for i, text in enumerate(ODD_TEXTS)]
    if task == "classification":
        return [Case.called(ODD_TEXTS[i - 1], text, "yes") for i, text in enumerate(ODD_TEXTS)]
    broken = np.full(4000, np.nan, np.float32)
    return [
        *(Case.spoken(text, speech_like(0.5)) for text in ODD_TEXTS),
        Case.spoken("yes", broken, speech_like(0.5) * 1e6),
    ]


def empty_cases(task: Task) -> list[Case]:
    """Return empty texts and sounds."""
    if task == "asr":
        return [Case.texts("", "", "something"), Case.texts("something", "", " ")]
    if task == "classification":
        return [Case.called("yes", "", " ")]
    nothing = np.zeros(0, np.float32)
    return [Case.spoken("", speech_like(0.5), nothing), Case.spoken("yes", nothing)]


def _noise(frames: int) -> np.ndarray:
    return (0.3 * np.random.default_rng(0).standard_normal(frames)).astype(np.float32)


def of_other_kinds(case: Case) -> list[Case]:
    """Return the case's sample with a hypothesis of each kind that the case's own are not."""
    kinds: dict[str, Hypothesis] = {
        "text": Hypothesis(text="yes"),
        "label": Hypothesis(label="yes"),
        "audio": Hypothesis(audio=speech_like(0.5), sampling_rate=SAMPLING_RATE),
    }
    own = {kind for kind in kinds for h in case.hypotheses if getattr(h, kind) is not None}
    return [Case(case.sample, (h,)) for kind, h in kinds.items() if kind not in own]
