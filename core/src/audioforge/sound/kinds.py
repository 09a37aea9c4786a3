"""Which kinds of sound file there are, by what they begin with. Data only: nothing is imported."""

from __future__ import annotations

from attrs import evolve, frozen

SOUND_SUFFIXES = (
    *(
        ".wav",
        ".wave",
        ".flac",
        ".mp3",
        ".ogg",
        ".oga",
        ".opus",
        ".aiff",
        ".aif",
        ".aifc",
        ".au",
        ".snd",
    ),
    *(".caf", ".w64", ".rf64", ".sph", ".mp2"),
    *(".m4a", ".mp4", ".m4b", ".mov", ".3gp", ".aac", ".webm", ".mkv", ".mka", ".wma", ".asf"),
    *(".amr", ".ac3", ".flv", ".avi", ".wv", ".tta", ".ape"),
)
"""What the names of sound files, and of videos with sound, end in."""


@frozen
class Kind:
    """A kind of file that PyAV decodes.

    Attributes:
        name: What people call it.
        demuxer: FFmpeg's name of it. It is asked for by name: FFmpeg would take a list of addresses
            in the place of sound, and open them.
        states_length: Whether it states a length, which others only guess from their size.
        trims: Whether that length is without what the codec added at the end.
        seeks: Whether places in it can be gone to exactly.
        counted_to_end: Whether its packets stand one after the other up to its end, and nothing
            else tells where that is.
    """

    name: str
    demuxer: str
    states_length: bool = False
    trims: bool = False
    seeks: bool = False
    counted_to_end: bool = False


MP4 = Kind("an MP4, M4A or 3GP file", "mov", states_length=True, trims=True, seeks=True)
MATROSKA = Kind("a WebM or Matroska file", "matroska", states_length=True, seeks=True)
KINDS = (
    (0, b"\x1a\x45\xdf\xa3", MATROSKA),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Kind("a WMA file", "asf")),
    (0, b"#!AMR", Kind("an AMR file", "amr")),
    (0, b"\x0b\x77", Kind("an AC-3 file", "ac3")),
    (0, b"FLV\x01", Kind("an FLV video", "flv")),
    (0, b"wvpk", Kind("a WavPack file", "wv", states_length=True)),
    (0, b"TTA1", Kind("a TTA file", "tta", states_length=True, counted_to_end=True)),
    (8, b"AVI ", Kind("an AVI video", "avi")),
    (28, b"\x7fFLAC", Kind("FLAC in Ogg", "ogg", states_length=True)),
    (28, b"Speex   ", Kind("Speex in Ogg", "ogg", states_length=True)),
)
WAV = Kind("a WAV file with {codec}", "wav")
CODECS = {
    0x45: "G.726",
    0x50: "MPEG audio",
    0x55: "MP3",
    0x64: "G.726",
    0xFF: "AAC",
    0x160: "WMA",
    0x161: "WMA",
    0x28F: "G.722",
    0x1602: "AAC",
    0x2000: "AC-3",
    0xA106: "AAC",
}
"""Codecs of WAV files that PyAV decodes, by their numbers."""
UNREAD = {b"MAC ": "a Monkey's Audio file"}
"""What is known, and not read, by its first bytes."""
ADTS = Kind("an AAC file", "aac", counted_to_end=True)
TRANSPORT = Kind("an MPEG transport stream", "mpegts")
PACKET = 188
"""Bytes of a packet of a transport stream."""
BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
"""What an MP4 or QuickTime file begins with, after the box's length."""


def av_kind(head: bytes) -> Kind | None:
    """Return the kind of a file that needs PyAV; None where libsndfile is to read it.

    Args:
        head: The file's first 512 bytes.
    """
    if head[4:8] in BOXES:
        return MP4
    for place, magic, kind in KINDS:
        if head.startswith(magic, place) and (place != 28 or head.startswith(b"OggS")):
            return kind
    if head.startswith(b"RIFF") and head[8:12] == b"WAVE":
        return _wav_kind(head)
    if head[:1] == b"\xff" and len(head) > 6 and head[1] & 0xF6 == 0xF0:
        after = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
        return ADTS if after > 7 and head[after : after + 1] in (b"\xff", b"") else None
    if head[:1] == b"G" and len(head) > PACKET and head[PACKET : PACKET + 1] == b"G":
        return TRANSPORT
    return None


def _wav_kind(head: bytes) -> Kind | None:
    place = 12
    while place + 10 <= len(head) and head[place : place + 4] != b"fmt ":
        length = int.from_bytes(head[place + 4 : place + 8], "little")
        place += 8 + length + length % 2
    codec = CODECS.get(int.from_bytes(head[place + 8 : place + 10], "little"))
    return None if codec is None else evolve(WAV, name=WAV.name.format(codec=codec))
