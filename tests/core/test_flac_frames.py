"""FLAC whose sound happens to look like the beginning of a frame."""

import numpy as np
import pytest
import soundfile

from audioforge.audio import load_clip
from audioforge.errors import AudioError
from audioforge.sample import AudioSample

RATE, BLOCK = 16_000, 256
SYNC = b"\xff\xf8"


def crc(data, polynomial, bits):
    """Return a checksum as FLAC has it, bit by bit."""
    value = 0
    for byte in data:
        value ^= byte << bits - 8
        for _ in range(8):
            top = value >> bits - 1
            value = (value << 1 ^ (polynomial if top else 0)) & (1 << bits) - 1
    return value.to_bytes(bits // 8, "big")


def header(number, samples, rate_code=5):
    """Return how a frame of mono 16-bit sound begins."""
    size = (b"\x60", bytes([samples - 1])) if samples <= 256 else (b"\x70", b"")
    head = SYNC + bytes([size[0][0] | rate_code]) + b"\x08" + bytes([number]) + size[1]
    return head + crc(head, 0x07, 8)


def flac(blocks):
    """Return a file of blocks of 16-bit samples, each stored as it is."""
    total = sum(len(block) for block in blocks)
    packed = (RATE << 44 | 0 << 41 | 15 << 36 | total).to_bytes(8, "big")
    info = BLOCK.to_bytes(2, "big") * 2 + bytes(6) + packed + bytes(16)
    frames = b""
    for number, block in enumerate(blocks):
        frame = header(number, len(block)) + b"\x02" + np.asarray(block, ">i2").tobytes()
        frames += frame + crc(frame, 0x8005, 16)
    return b"fLaC\x80\x00\x00\x22" + info + frames


def sounding(like, at=10):
    """Return a block of noise with some bytes in it."""
    block = np.random.default_rng(0).integers(-5000, 5000, BLOCK).astype(">i2")
    raw = bytearray(block.tobytes())
    raw[at : at + len(like)] = like
    return np.frombuffer(bytes(raw), ">i2")


@pytest.mark.parametrize(
    "like",
    [header(1, 200, rate_code=4), header(1, 200), header(1, 128, rate_code=9), SYNC * 4],
    ids=["another rate", "fewer samples", "a third rate", "marks alone"],
)
def test_sound_that_looks_like_a_frame_is_sound(tmp_path, like):
    blocks = [sounding(like), sounding(b""), sounding(b"")[:100]]
    path = tmp_path / "clip.flac"
    path.write_bytes(flac(blocks))
    expected = np.concatenate(blocks).astype(np.float32) / 2**15
    assert np.array_equal(soundfile.read(path, dtype="float32")[0], expected)
    assert np.array_equal(load_clip(AudioSample("clip", path), RATE).waveform, expected)


def test_a_frame_that_is_missing_is_still_found_out(tmp_path):
    whole = flac([sounding(header(1, 200)), sounding(b""), sounding(b"")])
    path = tmp_path / "clip.flac"
    path.write_bytes(whole[: len(whole) - 2 * BLOCK - 10])
    with pytest.raises(AudioError, match=r"512 of 768 frames are there"):
        load_clip(AudioSample("clip", path), RATE)
