"""Cheap ways to a reward: what every verifier pays for hypotheses that did not earn it.

Each attack stands in the place of a hypothesis that is right. Those on text and labels need
nothing; those on sound need a recording and its text, and a recogniser that understands it:

    python benchmarks/red_team.py --recording CLIP --text TEXT --recogniser CHECKPOINT

`--record` keeps what was earned; `--before` prints it beside, to compare two versions. Without
`--speakers` the verifier `consistency` has a network that has learnt nothing.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from attacks_on_sound import PADDED, SOUND_ATTACKS, SoundAttack
from attacks_on_text import ENGLISH, TEXT_ATTACKS
from existing import existing

from audioforge.audio import load_clip
from audioforge.config import VerifierSetting
from audioforge.errors import PluginError
from audioforge.judging.verification import create_verifier, verifier_context
from audioforge.plugins import Registry, discover
from audioforge.sample import AudioSample
from audioforge.verifier import Verifier

Earned = dict[str, float | None]
"""Rewards by verifier and attack."""


def main() -> None:
    """Print a table of the attacks on text, and one of those on sound."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--recording", type=existing)
    parser.add_argument("--text", help="what the recording says")
    parser.add_argument("--recogniser", help="checkpoint for intelligibility")
    parser.add_argument("--speakers", help="such as model=FOLDER: options of consistency")
    parser.add_argument("--english", default=ENGLISH, help="the normaliser for English")
    parser.add_argument("--record", type=Path, help="write what was earned")
    parser.add_argument("--before", type=existing, help="what --record wrote of another version")
    args = parser.parse_args()
    before: Earned = json.loads(args.before.read_text(encoding="utf-8")) if args.before else {}
    registry = discover()
    earned = dict(_of_text(registry, args.english, before))
    if args.recording:
        with tempfile.TemporaryDirectory() as folder:
            verifiers = _verifiers(registry, args, Path(folder))
            earned |= _of_sound(verifiers, args.recording, args.text, before)
    if args.record:
        args.record.write_text(json.dumps(earned, indent=1), encoding="utf-8")


def _of_text(
    registry: Registry, english: str, before: Earned
) -> Iterator[tuple[str, float | None]]:
    print("| Verifier | Attack | Right one | Before | Now |\n| --- | --- | ---: | ---: | ---: |")
    for attack in TEXT_ATTACKS:
        honest, earned = attack.rewards(registry, english)
        key = f"{attack.name}: {attack.what}"
        was = shown(before[key]) if key in before else ""
        cells = f"`{attack.name}`", attack.what, shown(honest), was, shown(earned)
        print("|", " | ".join(cells), "|", flush=True)
        yield key, earned


def _of_sound(
    verifiers: Mapping[str, Verifier], recording: Path, text: str, before: Earned
) -> Earned:
    clip = load_clip(AudioSample(recording.name, audio=recording, reference=text), 16_000)
    honest = SoundAttack("the recording itself", lambda waveform: waveform)
    print(f"\n| Attack | {' | '.join(f'`{name}`' for name in verifiers)} |")
    print("| --- |" + " ---: |" * len(verifiers))
    earned: Earned = {}
    for attack in (honest, *SOUND_ATTACKS, *PADDED):
        cells = []
        for name, verifier in verifiers.items():
            key = f"{name}: {attack.what}"
            earned[key] = attack.reward(verifier, clip)
            now = shown(earned[key])
            was = shown(before[key]) if key in before else now
            cells.append(now if was == now else f"{was} → {now}")
        print(f"| {attack.what} | {' | '.join(cells)} |", flush=True)
    return earned


def _verifiers(registry: Registry, args: argparse.Namespace, folder: Path) -> dict[str, Verifier]:
    """Return the verifiers of speech that can be set up here, by name."""
    context = verifier_context(registry, "tts", "none", 0.3, "cpu")
    speakers = args.speakers
    if not speakers:
        from audioforge_verifiers.ecapa import write_untrained

        write_untrained(folder)
        speakers = f"model={folder}"
    found = {}
    for name, options in {
        "intelligibility": f":model={args.recogniser}",
        "quality": "",
        "dnsmos": "",
        "consistency": f":{speakers}",
    }.items():
        try:
            setting = VerifierSetting.parse(name + options)
            found[name] = create_verifier(registry, setting, context)
        except PluginError as error:
            print(f"{name} is left out: {error}")
    return found


def shown(reward: float | None) -> str:
    """Return a reward as the tables show it."""
    return "none" if reward is None else f"{reward:.2f}"


if __name__ == "__main__":
    main()
