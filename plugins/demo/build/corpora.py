"""Build the demo's corpora, or check that they can be built again.

Usage: `python plugins/demo/build/corpora.py [--check]`.
"""

import argparse
import json
import sys
from collections.abc import Iterator

import command_clips
import digit_clips
import soundfile
import voices
from clips import ASSETS, Clip

CHECKSUMS = ASSETS / "checksums.json"
PARTS = (*digit_clips.PARTS, *command_clips.PARTS)


def clips() -> Iterator[Clip]:
    """Build every clip of every part, in the order of the manifests."""
    yield from digit_clips.clips()
    yield from command_clips.clips(command_clips.Distinct())


def _is_stored(clip: Clip, digests: dict[str, str]) -> bool:
    """Whether the clip's file is the one with these samples, as far as it shows."""
    return (
        digests.get(str(clip.path.relative_to(ASSETS))) == clip.digest
        and clip.path.is_file()
        and soundfile.info(clip.path).frames == len(clip.samples)
    )


def write() -> None:
    """Write audio, manifests and checksums.

    Clips that are there already are left alone: encoded anew, their files would differ.
    """
    record = json.loads(CHECKSUMS.read_text(encoding="utf-8")) if CHECKSUMS.is_file() else {}
    stored = record.get("sha256_of_pcm16", {})
    built = list(clips())
    new = [clip for clip in built if not _is_stored(clip, stored)]
    for clip in new:
        clip.path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(clip.path, clip.samples, voices.RATE_HZ, format="OGG", subtype="OPUS")
    for part in PARTS:
        lines = (clip.line for clip in built if clip.part is part)
        part.manifest.write_text("".join(lines), encoding="utf-8")
    digests = {str(clip.path.relative_to(ASSETS)): clip.digest for clip in built}
    record = {"made_with": voices.versions(), "sha256_of_pcm16": digests}
    CHECKSUMS.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {len(new)} of {len(built)} clips below {ASSETS}; the others were there")


def check() -> bool:
    """Build every clip again and compare samples and manifests with the stored ones.

    Returns:
        Whether everything is the same.
    """
    record = json.loads(CHECKSUMS.read_text(encoding="utf-8"))
    for name, version in voices.versions().items():
        if version != record["made_with"].get(name):
            print(f"note: {name} is {version}, recorded is {record['made_with'].get(name)}")
    stored = record["sha256_of_pcm16"]
    built = list(clips())
    wrong = set(stored) - {str(clip.path.relative_to(ASSETS)) for clip in built}
    wrong |= {str(clip.path.relative_to(ASSETS)) for clip in built if not _is_stored(clip, stored)}
    for part in PARTS:
        lines = "".join(clip.line for clip in built if clip.part is part)
        if part.manifest.read_text(encoding="utf-8") != lines:
            wrong.add(str(part.manifest.relative_to(ASSETS)))
    for name in sorted(wrong):
        print(f"differs: {name}")
    print(f"{len(built)} clips and {len(PARTS)} manifests rebuilt, {len(wrong)} differ")
    return not wrong


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Build or check the demo's corpora.")
    parser.add_argument("--check", action="store_true", help="build in memory and compare")
    if parser.parse_args().check:
        sys.exit(0 if check() else 1)
    write()
