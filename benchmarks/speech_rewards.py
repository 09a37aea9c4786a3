r"""What rewards of speech pay: for recordings, for what a vocoder makes of them, worse, and tricks.

    python benchmarks/speech_rewards.py MANIFEST --recogniser CHECKPOINT \
        --speakers encoder=resemblyzer,model=FOLDER --clips 12

The voice to speak with is another recording of the same speaker. Each trick is made of the
vocoder's copy, the honest output, and has to earn less than that; the last column says of how many
clips it does.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import attrs
import numpy as np
from attacks_on_speech import RATE, TRICKS, through_mels
from degradations import clipped, low_passed, with_noise
from existing import existing

from audioforge.audio import load_clip
from audioforge.config import AudioRAFTConfig, VerifierSetting, read_preset
from audioforge.judging.verification import create_verifier, verifier_context
from audioforge.plugin_reference import read_plugin_reference
from audioforge.plugins import Registry, discover
from audioforge.reward import RewardAggregator
from audioforge.sample import AudioSample, Hypothesis, Score
from audioforge.verifier import Verifier

HONEST = "Griffin-Lim of its mels"
Heard = Mapping[str, Mapping[str, Sequence[Score]]]
"""Of every output, by verifier, a score for each clip."""


@attrs.frozen
class Reward:
    """One way to make a reward of scores.

    Attributes:
        name: Of its column.
        weights: By verifier.
        aggregator: Makes one of several.
    """

    name: str
    weights: Mapping[str, float]
    aggregator: RewardAggregator

    @classmethod
    def of(cls, name: str, config: AudioRAFTConfig, registry: Registry) -> Reward:
        """Return the reward of a configuration."""
        aggregator, options = read_plugin_reference(config.reward_aggregator)
        created = registry.create("aggregators", aggregator, **options)
        weights = {setting.id: setting.weight for setting in config.verifiers}
        return cls(name, weights, cast("RewardAggregator", created))

    def each(self, scores: Mapping[str, Sequence[Score]]) -> np.ndarray:
        """Return the reward of each clip, NaN where there is none."""
        rows = zip(*(scores[name] for name in self.weights), strict=True)
        rewards = [
            self.aggregator.aggregate(dict(zip(self.weights, row, strict=True)), self.weights)
            for row in rows
        ]
        return np.array(rewards, dtype=float)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("manifest", type=existing)
    parser.add_argument("--recogniser", required=True, help="checkpoint for intelligibility")
    parser.add_argument("--speakers", default="encoder=resemblyzer", help="options of consistency")
    parser.add_argument("--normalizer", default="english-1")
    parser.add_argument("--clips", type=int, default=12)
    args = parser.parse_args()
    registry = discover()
    corpus = _with_another(_corpus(args.manifest))
    config = AudioRAFTConfig(task="tts")
    context = verifier_context(registry, "tts", args.normalizer, config.wer_threshold, "cpu")
    context = attrs.evolve(context, corpus=[spoken for spoken, _ in corpus])
    extra = {"intelligibility": f"model={args.recogniser}", "consistency": args.speakers}
    verifiers = {}
    for setting in config.verifiers:
        own = VerifierSetting.parse(f"{setting.name}:{extra.get(setting.name, 'weight=1')}").options
        setting = attrs.evolve(setting, options={**setting.options, **own})
        verifiers[setting.id] = create_verifier(registry, setting, context)
    mean = AudioRAFTConfig.from_mapping(read_preset("speech-mean"))
    rewards = [
        Reward.of("product", config, registry),
        Reward.of("mean", mean, registry),
    ]
    chosen = corpus[:: max(1, len(corpus) // args.clips)][: args.clips]
    _print_table(_heard(verifiers, chosen), rewards, list(verifiers))


def _corpus(manifest: Path) -> list[AudioSample]:
    lines = map(json.loads, manifest.read_text(encoding="utf-8").splitlines())
    return [
        AudioSample(
            line["audio_filepath"],
            audio=manifest.parent / line["audio_filepath"],
            reference=line["text"],
            speaker=line["speaker"],
        )
        for line in lines
    ]


def _with_another(corpus: Sequence[AudioSample]) -> list[tuple[AudioSample, AudioSample]]:
    """Return each clip with the next one of its speaker, where there is one."""
    of_speaker: dict[str | None, list[AudioSample]] = {}
    for sample in corpus:
        of_speaker.setdefault(sample.speaker, []).append(sample)
    return [
        (own[i], own[(i + 1) % len(own)])
        for own in of_speaker.values()
        if len(own) > 1
        for i in range(len(own))
    ]


def _heard(
    verifiers: Mapping[str, Verifier], pairs: Sequence[tuple[AudioSample, AudioSample]]
) -> Heard:
    heard: dict[str, dict[str, list[Score]]] = {}
    for spoken, voice in pairs:
        asked = attrs.evolve(spoken, audio=voice.audio)
        said = _outputs(spoken, voice)
        hypotheses = [
            Hypothesis(i, audio=w, sampling_rate=RATE) for i, w in enumerate(said.values())
        ]
        for name, verifier in verifiers.items():
            scores = verifier.verify([asked] * len(hypotheses), hypotheses)
            for what, score in zip(said, scores, strict=True):
                heard.setdefault(what, {}).setdefault(name, []).append(score)
    return heard


def _outputs(spoken: AudioSample, voice: AudioSample) -> dict[str, np.ndarray]:
    recording = load_clip(spoken, RATE).waveform
    honest = through_mels(recording)
    said = {
        "the recording": recording,
        HONEST: honest,
        "20 dB of noise": with_noise(recording, 20, spoken.id),
        "10 dB of noise": with_noise(recording, 10, spoken.id),
        "0 dB of noise": with_noise(recording, 0, spoken.id),
        "5 % clipped": clipped(recording, 0.05),
        "20 % clipped": clipped(recording, 0.2),
        "nothing above 4 kHz": low_passed(recording, 4000, RATE),
        "nothing above 2 kHz": low_passed(recording, 2000, RATE),
        **{what: trick(honest) for what, trick in TRICKS.items()},
        "the recording of the voice, other words": load_clip(voice, RATE).waveform,
    }
    return {what: np.asarray(waveform, np.float32) for what, waveform in said.items()}


def _print_table(heard: Heard, rewards: Sequence[Reward], names: Sequence[str]) -> None:
    columns = [*(f"`{name}`" for name in names), *(r.name for r in rewards), "less than honest"]
    print(f"| Output | {' | '.join(columns)} |\n| --- |{' ---: |' * len(columns)}")
    honest = rewards[0].each(heard[HONEST])
    for what, scores in heard.items():
        own = [[s.reward for s in scores[name] if s.reward is not None] for name in names]
        made = [reward.each(scores) for reward in rewards]
        below = "" if what not in TRICKS else f"{np.sum(made[0] < honest)} of {len(honest)}"
        means = [_shown(values) for values in (*own, *(list(m[~np.isnan(m)]) for m in made))]
        print(f"| {what} | {' | '.join(means)} | {below} |")


def _shown(rewards: Sequence[float]) -> str:
    return f"{np.mean(rewards):.2f}" if len(rewards) else "none"


if __name__ == "__main__":
    main()
