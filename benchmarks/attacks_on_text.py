"""Transcripts and labels that ask for a reward which they did not earn, and what is right for each.

`red_team.py` prints what they get; the tests hold them to it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from attrs import field, frozen

from audioforge.config import VerifierSetting
from audioforge.judging.verification import create_verifier, verifier_context
from audioforge.model import Task
from audioforge.plugins import Registry
from audioforge.sample import AudioSample, Hypothesis

ENGLISH = "english-1"
"""The normaliser of the attacks that a normaliser must see through; of the others it is `none`."""

RATE = 16_000


@frozen(kw_only=True)
class TextAttack:
    """One attack on one verifier.

    Attributes:
        verifier: The verifier, as on the command line or in YAML.
        what: The attack in a few words.
        right: The reward that is right; None where nothing can be judged.
        said: The hypothesis.
        honest: What it stands instead of.
        others: The other hypotheses of the clip.
        reference: The transcript or the label.
        normalizer: The run's text normaliser.
        task: The run's task.
        sound: The clip, at 16 kHz.
    """

    verifier: str | dict[str, Any]
    what: str
    right: float | None
    said: str
    honest: str
    others: tuple[str, ...] = ()
    reference: str | None = None
    normalizer: str = "none"
    task: Task = "asr"
    sound: np.ndarray | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """The verifier with its options, as tables show it."""
        if isinstance(self.verifier, str):
            return self.verifier
        return str(self.verifier["name"])

    def rewards(self, registry: Registry, english: str = ENGLISH) -> list[float | None]:
        """Return what the honest hypothesis and the attack earn.

        Args:
            registry: Has the verifier.
            english: The normaliser to take for `ENGLISH`.
        """
        normalizer = english if self.normalizer == ENGLISH else self.normalizer
        context = verifier_context(registry, self.task, normalizer, 0.3, "cpu")
        verifier = create_verifier(registry, VerifierSetting.parse(self.verifier), context)
        earned = []
        for rollout in ((self.honest,) * (1 + len(self.others)), (self.said, *self.others)):
            sample = self._sample()
            scores = verifier.verify([sample] * len(rollout), [self._said(t) for t in rollout])
            earned.append(scores[0].reward)
        return earned

    def _sample(self) -> AudioSample:
        if self.task == "classification":
            return AudioSample("a", labels=(self.reference or "",))
        rate = None if self.sound is None else RATE
        return AudioSample("a", audio=self.sound, sampling_rate=rate, reference=self.reference)

    def _said(self, text: str) -> Hypothesis:
        return Hypothesis(label=text) if self.task == "classification" else Hypothesis(text=text)


def voiced(seconds: float) -> np.ndarray:
    """Return something that can be heard: a tone."""
    time = np.arange(round(seconds * RATE)) / RATE
    return (0.1 * np.sin(2 * np.pi * 200 * time)).astype(np.float32)


def silent(seconds: float) -> np.ndarray:
    """Return digital silence."""
    return np.zeros(round(seconds * RATE), np.float32)


TEXT = "open the lower valve"
PROMPT = "<|startoftranscript|><|en|><|transcribe|><|notimestamps|>"
THANKS = "thank you for watching please subscribe to my channel"
GLUED = THANKS.replace(" ", "")
PAGE = " ".join(f"w{i}" for i in range(500))
PHRASE = " ".join(f"w{i}" for i in range(60))
UNSEEN = "\u200b"
CYRILLIC = str.maketrans("aecoi", "аесоі")


def _against(verifier: str, rows: dict[str, tuple[float, str]], **same: Any) -> list[TextAttack]:
    """Return attacks in the place of `TEXT`."""
    known: dict[str, Any] = {"reference": TEXT, "honest": TEXT, "normalizer": ENGLISH, **same}
    return [
        TextAttack(verifier=verifier, what=what, right=right, said=said, **known)
        for what, (right, said) in rows.items()
    ]


WER = _against(
    "wer",
    {
        "made-up text in brackets": (0.0, f"{TEXT} ({THANKS})"),
        "a note in brackets": (0.75, f"{TEXT} [music]"),
        "the prompt copied": (0.0, f"{PROMPT}{TEXT}"),
        "a loop": (0.0, " ".join([TEXT] * 3)),
        "a loop in brackets": (0.0, f"{TEXT} [{'goodbye ' * 7}]"),
        "a look-alike letter from another script": (0.75, TEXT.replace("e", "е", 1)),
        "made-up text without spaces": (0.75, f"{TEXT} {GLUED}"),
        "made-up text joined by what cannot be seen": (
            0.75,
            f"{TEXT} " + THANKS.replace(" ", UNSEEN),
        ),
        "nothing": (0.0, ""),
        "a prefix": (0.5, "open the"),
        "very long": (0.0, f"{TEXT} {PAGE}"),
    },
)
SILENCE = TextAttack(
    verifier="wer", what="text over silence", right=0.0, reference="", said="you", honest=""
)

CER = _against(
    "cer",
    {
        "made-up text in brackets": (0.0, f"{TEXT} ({THANKS})"),
        "a note in brackets": (1 - 6 / 20, f"{TEXT} [music]"),
        "a loop": (0.0, " ".join([TEXT] * 3)),
        "a look-alike letter from another script": (1 - 1 / 20, TEXT.replace("e", "е", 1)),
        "made-up text without spaces": (0.0, f"{TEXT} {GLUED}"),
        "nothing": (0.0, ""),
        "a prefix": (8 / 20, "open the"),
        "very long": (0.0, f"{TEXT} {PAGE}"),
    },
)

ORDER = "please bring two more cups of the house coffee and some milk"
TERMS = ("house coffee", "milk", "espresso", "mocha", "latte", "sugar")
HOTWORDS = [
    TextAttack(
        verifier={"name": "hotwords", "words": list(TERMS)},
        what=what,
        right=right,
        said=said,
        honest=ORDER,
        reference=ORDER,
        normalizer=ENGLISH,
    )
    for what, right, said in (
        ("all terms listed", 0.5, " ".join(TERMS)),
        ("all terms listed in brackets", 0.4, f"{ORDER} ({', '.join(TERMS)})"),
        ("one term again and again", 0.0, "milk " * 40),
        ("the right terms and nothing else", 0.0, "house coffee milk"),
        ("the right terms and a page", 0.0, f"{ORDER} {PAGE}"),
        ("terms in look-alike letters", 0.0, ORDER.translate(CYRILLIC)),
        ("nothing", 0.0, ""),
        ("a prefix", 2 / 3, ORDER.rpartition(" ")[0]),
    )
]

_OF_HALLUCINATION: tuple[tuple[str, float, dict[str, Any]], ...] = (
    ("made-up text in brackets", 0.0, {"reference": TEXT, "said": f"{TEXT} ({THANKS})"}),
    ("a loop of four words", 0.0, {"said": "thank you very much " * 4}),
    ("a loop of sixty words", 0.0, {"said": f"{PHRASE} " * 3}),
    (
        "a loop with something unseen in each round",
        0.0,
        {"said": " ".join("thank" + UNSEEN * i + " you" for i in range(9))},
    ),
    ("a loop in brackets", 0.0, {"said": f"{TEXT} [" + "go (on) " * 9 + "]"}),
    ("text over silence", 0.0, {"said": TEXT, "honest": "", "sound": silent(3)}),
    (
        "text over an offset",
        0.0,
        {"said": TEXT, "honest": "", "sound": silent(3) + np.float32(0.5)},
    ),
    (
        "a page over half a second of sound in a minute of silence",
        0.0,
        {"said": PAGE[:700], "sound": np.append(voiced(0.5), silent(59.5))},
    ),
    ("made-up text without spaces", 0.0, {"reference": TEXT, "said": f"{TEXT} {GLUED}"}),
    (
        "made-up text without spaces, for a word",
        0.0,
        {"reference": TEXT, "said": f"open the lower {GLUED}"},
    ),
    ("nothing (a gate, no goal)", 1.0, {"reference": TEXT, "said": ""}),
    ("a prefix (a gate, no goal)", 1.0, {"reference": TEXT, "said": "open the"}),
    ("very long", 0.0, {"said": PAGE, "sound": voiced(3)}),
)
HALLUCINATION = [
    TextAttack(verifier="hallucination", what=what, right=right, **{"honest": TEXT, **known})
    for what, right, known in _OF_HALLUCINATION
]

_OF_CONSENSUS: tuple[tuple[str, float, str, tuple[str, ...], np.ndarray | None], ...] = (
    ("all loop alike", 0.0, "thank you " * 9, ("thank you " * 9,) * 3, None),
    ("all write over silence", 0.0, TEXT, (TEXT,) * 3, silent(3)),
    ("all too long for the clip", 0.0, PAGE, (PAGE,) * 3, voiced(3)),
    ("all say nothing", 0.0, "", ("",) * 3, None),
    ("one with made-up text, of four", 0.0, f"{TEXT} ({THANKS})", (TEXT,) * 3, None),
    ("one prefix, of four", 0.5, "open the", (TEXT,) * 3, None),
    ("all say the same made-up words (no sign tells)", 1.0, THANKS, (THANKS,) * 3, None),
)
CONSENSUS = [
    TextAttack(
        verifier="consensus",
        what=what,
        right=right,
        said=said,
        honest=TEXT,
        others=others,
        sound=sound,
    )
    for what, right, said, others, sound in _OF_CONSENSUS
]

LABEL = [
    TextAttack(
        verifier={"name": "label", "labels": ["yes", "no", "up", "upper"], **options},
        what=what,
        right=right,
        said=said,
        honest="yes",
        reference="yes",
        task="classification",
    )
    for what, right, said, options in (
        ("all labels listed", 0.0, "yes no up upper", {}),
        ("all labels listed, fuzzy", 0.0, "yes no up upper", {"fuzzy": 0.3}),
        ("all labels without spaces, fuzzy", 0.0, "yesnoup", {"fuzzy": 0.3}),
        ("a label twice, fuzzy", 0.0, "yes yes", {"fuzzy": 0.3}),
        ("a look-alike letter", 0.0, "yеs", {}),
        ("something unseen", 0.0, "yes" + UNSEEN, {}),
        ("nothing", 0.0, "", {"fuzzy": 0.3}),
        ("a prefix", 0.0, "ye", {}),
        ("very long, fuzzy", 0.0, "yes" * 100, {"fuzzy": 0.3}),
    )
]

TEXT_ATTACKS = [*WER, SILENCE, *CER, *HOTWORDS, *HALLUCINATION, *CONSENSUS, *LABEL]
