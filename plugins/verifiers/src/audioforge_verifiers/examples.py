"""What the contract tests check the verifiers and aggregators with that need more than defaults."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from audioforge import keyed_random
from audioforge.errors import PluginError
from audioforge.model import GREEDY, LoadOptions
from audioforge.sample import AudioSample, Clip, Hypothesis
from audioforge.torch_companions import hide_broken_companions
from audioforge_kit import AggregatorExample, CannotCheck, Case, VerifierExample, speech_like
from audioforge_kit.examples import SAMPLING_RATE


def hotwords(folder: Path) -> VerifierExample:
    """Terms, and transcripts that have them, lack them and add them."""
    cases = (
        Case.texts("open the gate valve", "open the gate valve", "open the great valve", "open"),
        Case.texts("open the door", "open the gate valve", "open the door"),
    )
    return VerifierExample(options={"words": ("gate valve", "open")}, cases=cases)


def slots(folder: Path) -> VerifierExample:
    """Orders, and transcripts that have their values, lack them and add others."""
    orders = (
        ({"drink": "latte", "size": "large"}, ("a large latte", "a latte", "a small large latte")),
        ({"drink": "iced tea", "size": "small"}, ("small iced tea", "large iced latte", "")),
    )
    cases = [
        Case(
            AudioSample(f"order-{i}", metadata={"slots": values}),
            tuple(Hypothesis(index, text=text) for index, text in enumerate(texts)),
        )
        for i, (values, texts) in enumerate(orders)
    ]
    return VerifierExample(cases=tuple(cases))


def length(folder: Path) -> VerifierExample:
    """Two seconds of sound, and transcripts that fit into them, are too long and too short."""
    long, right, short = "turn the valve " * 9, "turn the valve to the left", "no"
    sound = speech_like(2.0)
    sample = AudioSample("clip", audio=sound, sampling_rate=SAMPLING_RATE, reference=right)
    texts = (right, long, short, "")
    hypotheses = tuple(Hypothesis(index, text=text) for index, text in enumerate(texts))
    return VerifierExample(options={"low": 5, "high": 25}, cases=(Case(sample, hypotheses),))


def intelligibility(folder: Path) -> VerifierExample:
    """A recogniser that has learnt nothing, and what it takes noise for as what is right."""
    try:
        from audioforge_wav2vec.example import example
    except ImportError as error:
        raise CannotCheck("it needs a recogniser: install audioforge[wav2vec]") from error
    from audioforge_wav2vec.adapter import Wav2VecAdapter

    checkpoint = str(example(folder).checkpoint)
    recogniser = Wav2VecAdapter.load(checkpoint, LoadOptions())
    noise = keyed_random.generator("noise").normal(0, 0.3, 16_000).astype(np.float32)
    batch = recogniser.prepare([Clip(AudioSample("noise"), noise, 16_000)])
    [[heard]] = recogniser.sample(batch, 1, GREEDY)
    cases = (Case.spoken(heard.text, noise, speech_like(1.5), np.zeros_like(noise)),)
    return VerifierExample(options={"model": checkpoint}, cases=cases)


def consistency(folder: Path) -> VerifierExample:
    """An encoder of voices that has learnt nothing; it still tells one sound from another."""
    from audioforge_verifiers.ecapa import write_untrained

    try:
        write_untrained(folder)
    except PluginError as error:
        raise CannotCheck(str(error)) from error
    return VerifierExample(options={"model": str(folder)})


def dnsmos(folder: Path) -> VerifierExample:
    """The networks that come with speechmos."""
    try:
        from speechmos import dnsmos  # noqa: F401
    except ImportError as error:
        raise CannotCheck(f"install audioforge-verifiers[mos]: {error}") from error
    voice = speech_like(1.2)  # doubled until it fills a window: to 9.6 s, not to 12 s
    return VerifierExample(cases=(Case.spoken("yes", voice, np.zeros_like(voice)),))


def distillmos(folder: Path) -> VerifierExample:
    """The network that comes with the package distillmos."""
    hide_broken_companions()
    try:
        import distillmos  # noqa: F401
    except ImportError as error:
        raise CannotCheck(f"install audioforge-verifiers[distillmos]: {error}") from error
    voice = speech_like(1.5)
    return VerifierExample(cases=(Case.spoken("yes", voice, np.zeros_like(voice)),))


def gated(folder: Path) -> AggregatorExample:
    """A gate with one verifier."""
    return AggregatorExample(options={"require": ("hallucination",)})
