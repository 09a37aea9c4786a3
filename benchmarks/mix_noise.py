"""Mixes noise into a test set, once: so that everybody measures on the same noisy clips.

Noise in training is drawn anew in each cycle (`train --augment noise:…`); what is measured on must
stay. Every clip gets a part of one recording at one ratio of mean powers over the whole clip, as
`noise` of `--augment` mixes it: drawn by the seed and the clip's place in the manifest's folder, so
that no other clip matters. From the repository:

    python benchmarks/mix_noise.py --data test.jsonl --noise exercise_bike.flac dude_miaowing.flac \
        --snr-db 10 --output noisy-test

writes `noisy-test/test.jsonl` and the clips as FLAC below it, under their old places, so that ids
stay as they were. Each line also has `noise` and `snr_db`: take recordings that training never
hears, also as no part of a longer one.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import soundfile

from audioforge import keyed_random
from audioforge.audio import load_clip
from audioforge.augmentations.noise import mix, noise_for
from audioforge.augmentations.recordings import find_recordings
from audioforge.errors import DatasetError
from audioforge.files.atomic import to_json_line
from audioforge.files.json_lines import read_objects
from audioforge.sample import AudioSample, Problem
from audioforge.sound_part import DURATION, sound_part


def mix_set(
    manifest: Path, recordings: list[AudioSample], snr_db: float, output: Path, seed: int
) -> int:
    """Write a noisy copy of every clip of a manifest; return how many there are.

    Args:
        manifest: JSON lines with `audio_filepath` and any other keys, which stay.
        recordings: The noise.
        snr_db: Ratio of mean powers, in dB.
        output: A new folder.
        seed: Another seed, other noise for each clip.

    Raises:
        DatasetError: If a line names no clip of the manifest's folder, or one a second time.
    """
    output.mkdir(parents=True)
    written: set[Path] = set()
    with (output / manifest.name).open("w", encoding="utf-8") as lines:
        for _, where, row in read_objects(manifest):
            if isinstance(row, Problem):
                raise DatasetError(str(row))
            place = Path(row["audio_filepath"])
            clip = Path(place).with_suffix(".flac")
            if place.is_absolute() or ".." in place.parts or clip in written:
                raise DatasetError(f"{where}: {place} is not in the manifest's folder, or twice")
            written.add(clip)
            (output / clip).parent.mkdir(parents=True, exist_ok=True)
            changed = _mixed(manifest.parent / place, row, recordings, snr_db, output / clip, seed)
            lines.write(to_json_line({**row, **changed, "audio_filepath": clip.as_posix()}))
    return len(written)


def _mixed(
    path: Path,
    row: dict[str, Any],
    recordings: list[AudioSample],
    snr_db: float,
    output: Path,
    seed: int,
) -> dict[str, Any]:
    """Write one clip with noise, and return what its line says otherwise."""
    draw = keyed_random.generator("mix", seed, row["audio_filepath"])
    recording = recordings[int(draw.integers(len(recordings)))]
    rate = soundfile.info(path).samplerate
    part = sound_part(row)
    sample = AudioSample(
        row["audio_filepath"],
        path,
        offset=part.offset,
        duration=part.duration,
        channels=part.channels,
    )
    clip = load_clip(sample, rate).waveform
    noisy = mix(clip, noise_for(len(clip), rate, recording, draw.random()), snr_db)
    soundfile.write(output, noisy, rate, subtype="PCM_16")
    changed: dict[str, Any] = {"noise": Path(str(recording.audio)).stem, "snr_db": snr_db}
    return changed | dict.fromkeys(part.keys - {DURATION})


def main() -> None:
    """Mix the set that the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="manifest of the clean clips")
    parser.add_argument("--noise", type=Path, nargs="+", required=True, help="files or folders")
    parser.add_argument("--snr-db", type=float, default=10.0)
    parser.add_argument("--output", type=Path, required=True, help="a new folder")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    recordings = [found for place in asked.noise for found in find_recordings(place)]
    count = mix_set(asked.data, recordings, asked.snr_db, asked.output, asked.seed)
    print(f"{asked.output / asked.data.name}: {count} clips at {asked.snr_db:g} dB")


if __name__ == "__main__":
    main()
