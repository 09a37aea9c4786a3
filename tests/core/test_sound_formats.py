"""Every kind of sound file: all of it is read, segments are where they are, what is cut is said.

The table of `docs/data-formats.md` names these tests.
"""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audioforge.audio import ClipCutShort, examine, load_clip
from audioforge.errors import AudioError
from audioforge.sample import AudioSample
from audioforge.sound import opening

RATE = 16_000
FRAMES = 8_321
"""No multiple of any codec's frame."""
SOUND = (
    0.2 * np.sin(np.arange(FRAMES) * 0.1) + 0.05 * np.random.default_rng(0).normal(size=FRAMES)
).astype(np.float32)

EXACT = [
    *(("WAV", kind) for kind in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")),
    *(("WAV", "ULAW"), ("WAV", "ALAW"), ("WAVEX", "PCM_24"), ("RF64", "PCM_16"), ("W64", "PCM_16")),
    *(("AIFF", "PCM_16"), ("AIFF", "FLOAT"), ("AIFF", "GSM610"), ("AU", "PCM_16"), ("AU", "FLOAT")),
    *(("WAV", "GSM610"), ("WAV", "G721_32"), ("WAV", "MS_ADPCM")),
    *(("CAF", "PCM_16"), ("CAF", "ALAC_16"), ("NIST", "PCM_16"), ("FLAC", "PCM_16")),
    *(("FLAC", "PCM_24"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")),
]
"""What libsndfile reads to the frame."""
BLOCKS = {
    ("WAV", "IMA_ADPCM"): 1017,
    ("AIFF", "ULAW"): 2,
    ("AU", "G721_32"): 120,
    ("AU", "G723_24"): 120,
}
"""What it reads in whole blocks, and the frames of one: nothing says how far the last is filled."""
BY_AV = {
    ("a.m4a", "aac"): 16,
    ("alac.m4a", "alac"): 0,
    ("opus.mp4", "libopus"): 48,
    ("a.mov", "pcm_s16le"): 0,
    ("a.webm", "libopus"): 0,
    ("a.mka", "flac"): 0,
    ("flac.ogg", "flac"): 0,
    ("a.3gp", "libopencore_amrnb"): 8,
    ("a.amr", "libopencore_amrnb"): 160,
    ("a.mkv", "aac"): 2048,
    ("a.aac", "aac"): 2048,
    ("a.ac3", "ac3"): 1536,
    ("a.wma", "wmav2"): 2048,
    ("a.flv", "aac"): 2048,
    ("a.avi", "libmp3lame"): 2 * 1152,
    ("a.mp4", "aac"): 48,
    ("mp3.wav", "libmp3lame"): 3 * 1152,
    ("aac.wav", "aac"): 2048,
    ("g722.wav", "g722"): 2,
    ("g726.wav", "g726"): 2,
    ("a.wv", "wavpack"): 0,
    ("a.tta", "tta"): 0,
}
"""What PyAV reads, and by how many frames the length may differ: by what a container rounds or,
where it does not say what the encoder added, by that. `a.mp4` is a video."""
AMR = "libopencore_amrnb"
RATES = {
    "libopus": 48_000,
    "ac3": 48_000,
    "libopencore_amrnb": 8_000,
    "g726": 8_000,
    ".flv": 44_100,
    ".mp4": 48_000,
}


def encoded(kind: str, subtype: str, samples: np.ndarray = SOUND, rate: int = RATE) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, subtype, format=kind)
    return file.getvalue()


def write_by_av(path: Path, codec: str) -> int:
    """Write the sound; return the rate in Hz."""
    av = pytest.importorskip("av")
    rate = RATES.get(codec, RATES.get(path.suffix, RATE))
    options = {
        "frag.mp4": {"movflags": "frag_keyframe+empty_moov", "frag_duration": "100000"},
        "live.webm": {"live": "1"},
    }
    with av.open(str(path), "w", options=options.get(path.name, {})) as container:
        video = container.add_stream("mpeg4", rate=10) if path.name == "a.mp4" else None
        if video is not None and codec == "aac":
            video.width = video.height = 32
            video.pix_fmt = "yuv420p"
        track = container.add_stream(codec, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(SOUND[None], "fltp", layout="mono")
        frame.rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        context = track.codec_context
        if codec in ("wmav2", "libopencore_amrnb"):
            track.bit_rate = 64_000
        fitting = av.AudioResampler(context.format, "mono", rate, frame_size=context.frame_size)
        if video is not None:
            picture = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8))
            picture.pts = 0
            container.mux(video.encode(picture))
            container.mux(video.encode(None))
        for part in [*fitting.resample(frame), *fitting.resample(None)]:
            container.mux(track.encode(part))
        container.mux(track.encode(None))
    return rate


def frames_of(audio: bytes | Path) -> int:
    facts = examine(AudioSample("x", audio))
    return round(facts.seconds * facts.sampling_rate)


def heard(audio: bytes | Path, rate: int = RATE, **part: float) -> np.ndarray:
    return load_clip(AudioSample("x", audio, **part), rate).waveform


def check_segment(audio: bytes | Path, rate: int, tolerance: float) -> None:
    """A segment is what stands there in the whole."""
    whole = heard(audio, rate)
    part = heard(audio, rate, offset=1500 / rate, duration=2000 / rate)
    assert len(part) == 2000
    np.testing.assert_allclose(part, whole[1500:3500], atol=tolerance)


@pytest.mark.parametrize(("kind", "subtype"), EXACT)
def test_the_decoded_length_is_the_true_one(kind, subtype):
    sound = encoded(kind, subtype)
    assert frames_of(sound) == FRAMES
    check_segment(sound, RATE, 1e-4)


@pytest.mark.parametrize(("kind", "subtype"), BLOCKS)
def test_a_codec_of_blocks_fills_up_the_last(kind, subtype):
    sound = encoded(kind, subtype)
    assert 0 <= frames_of(sound) - FRAMES < BLOCKS[kind, subtype]
    check_segment(sound, RATE, 1e-6)


@pytest.mark.parametrize(("name", "codec"), BY_AV)
def test_what_needs_pyav_has_its_length_too(tmp_path, name, codec):
    rate = write_by_av(tmp_path / name, codec)
    assert abs(frames_of(tmp_path / name) - FRAMES) <= BY_AV[name, codec]
    in_memory = (tmp_path / name).read_bytes()
    np.testing.assert_array_equal(heard(in_memory, rate), heard(tmp_path / name, rate))
    check_segment(tmp_path / name, rate, 1e-6)


def test_what_a_file_only_guesses_from_its_size_is_not_its_length(tmp_path, monkeypatch):
    """AMR seemed to be three hundredths longer than it is, and so cut."""
    monkeypatch.setattr(f"{__name__}.SOUND", np.tile(SOUND, 10))
    rate = write_by_av(tmp_path / "a.amr", "libopencore_amrnb")
    assert rate == 8_000
    assert 0 <= frames_of(tmp_path / "a.amr") - len(SOUND) < 160


@pytest.mark.parametrize("name", ["a.m4a", "a.webm"])
def test_a_segment_far_into_a_file_is_gone_to(tmp_path, name, monkeypatch):
    """By the container's time stamps, which WebM keeps in thousandths of a second."""
    long = np.tile(SOUND, 16)
    monkeypatch.setattr(f"{__name__}.SOUND", long)
    rate = write_by_av(tmp_path / name, "aac" if name == "a.m4a" else "libopus")
    whole = heard(tmp_path / name, rate)
    offset = 0.8 * len(long) / rate
    part = heard(tmp_path / name, rate, offset=offset, duration=0.1)
    start, reach = round(offset * rate), round(0.001 * rate)
    places = range(start - reach, start + reach + 1)
    assert min(np.abs(whole[at : at + len(part)] - part).max() for at in places) < 1e-3


@pytest.mark.parametrize("name", ["a.m4a", "a.webm", "a.amr"])
def test_without_pyav_the_mend_is_named(tmp_path, name, monkeypatch):
    write_by_av(
        tmp_path / name, {"a.m4a": "aac", "a.webm": "libopus"}.get(name, "libopencore_amrnb")
    )
    monkeypatch.setattr(opening, "has_av", lambda: False)
    with pytest.raises(AudioError, match=rf"{name}: cannot .* file, .* 'audioforge\[av\]'"):
        heard(tmp_path / name)


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [
        *(("MP3", "MPEG_LAYER_III"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("FLAC", "PCM_16")),
        *(("WAV", "PCM_16"), ("AU", "PCM_16"), ("AIFF", "PCM_16"), ("W64", "PCM_16")),
        *(("RF64", "PCM_16"), ("CAF", "PCM_16")),
    ],
)
def test_joined_recordings_are_all_read(kind, subtype, tmp_path, capfd):
    first, second = encoded(kind, subtype), encoded(kind, subtype, SOUND[::-1][:5000])
    (tmp_path / "joined").write_bytes(first + second)
    joined = heard(tmp_path / "joined")
    np.testing.assert_allclose(joined, np.concatenate([heard(first), heard(second)]), atol=1e-6)
    across = heard(tmp_path / "joined", offset=8000 / RATE, duration=1000 / RATE)
    np.testing.assert_allclose(across, joined[8000:9000], atol=1e-4)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        *(("a.m4a", "aac"), ("frag.mp4", "aac"), ("a.mov", "pcm_s16le"), ("a.3gp", AMR)),
        *(("a.webm", "libopus"), ("live.webm", "libopus"), ("a.mka", "flac"), ("a.wma", "wmav2")),
        *(("a.flv", "aac"), ("a.avi", "libmp3lame"), ("flac.ogg", "flac")),
        *(("mp3.wav", "libmp3lame"), ("g722.wav", "g722"), ("a.wv", "wavpack")),
    ],
)
def test_joined_recordings_that_need_pyav_are_all_read(name, codec, tmp_path):
    rate = write_by_av(tmp_path / name, codec)
    sound, whole = (tmp_path / name).read_bytes(), heard(tmp_path / name, rate)
    (tmp_path / name).write_bytes(sound * 3)
    joined = heard(tmp_path / name, rate)
    np.testing.assert_array_equal(joined, np.tile(whole, 3))
    np.testing.assert_array_equal(joined, heard(sound * 3, rate))
    for left_over in (b"\x81\x82\x83", encoded("MP3", "MPEG_LAYER_III")):
        with pytest.raises(ClipCutShort, match=r"\d+ bytes (from|follow) byte \d+.* after it"):
            heard(sound + left_over, rate)
    tag = b"TAG" + bytes(125)
    if name != "flac.ogg":
        assert len(heard(sound + tag, rate)) == len(whole)


def test_what_cannot_be_read_to_its_end_is_said(tmp_path):
    write_by_av(tmp_path / "a.tta", "tta")
    write_by_av(tmp_path / "mp3.wav", "libmp3lame")
    tta, wav = (tmp_path / "a.tta").read_bytes(), (tmp_path / "mp3.wav").read_bytes()
    for joined in (tta * 2, tta + b"\x81"):
        with pytest.raises(ClipCutShort, match=rf"{len(joined) - len(tta)} bytes follow byte"):
            heard(joined)
    assert frames_of(tta + b"TAG" + bytes(125)) == FRAMES
    with pytest.raises(ClipCutShort, match=r"\d+ of \d+ bytes are there; the file is cut"):
        heard(wav[: len(wav) // 2])
    with pytest.raises(AudioError, match=r"it is a Monkey's Audio file, .* convert it to FLAC"):
        heard(b"MAC " + bytes(2000))


def test_quicktime_recordings_that_cannot_be_told_apart_are_refused(tmp_path):
    write_by_av(tmp_path / "a.mov", "pcm_s16le")
    sound = (tmp_path / "a.mov").read_bytes()
    old = sound[int.from_bytes(sound[:4], "big") :]
    with pytest.raises(ClipCutShort, match=r"a second recording, which is not read, .* at byte"):
        heard(old * 2)


def test_recordings_of_other_channels_are_mixed_and_of_other_rates_refused():
    stereo = np.stack([SOUND, SOUND], axis=1)
    for kind in (("WAV", "PCM_16"), ("MP3", "MPEG_LAYER_III"), ("OGG", "VORBIS")):
        assert frames_of(encoded(*kind) + encoded(*kind, stereo)) == 2 * FRAMES
        with pytest.raises(AudioError, match="2 recordings were joined in it, at 8000 Hz and 160"):
            heard(encoded(*kind) + encoded(*kind, SOUND, 8_000))


def without_count(mp3: bytes) -> bytes:
    """An MP3 file without the first frame, which says how many follow."""
    return mp3[mp3.index(mp3[:2], 4) :]


def test_an_mp3_that_does_not_say_how_long_it_is_is_counted():
    quiet_then_loud = np.concatenate([np.zeros(40_000, np.float32), np.tile(SOUND, 4)])
    mp3 = encoded("MP3", "MPEG_LAYER_III", quiet_then_loud)
    decoder, frame = 529, 576
    bare = frames_of(without_count(mp3))
    assert 0 <= bare - len(quiet_then_loud) < decoder + 2 * frame
    assert frames_of(without_count(mp3) * 2) == 2 * bare + decoder
    assert frames_of(without_count(mp3) + mp3) == bare + len(quiet_then_loud)
    assert frames_of(mp3 + without_count(mp3)) == bare + len(quiet_then_loud)


def test_a_large_file_is_looked_through_once_and_again_when_it_changes(tmp_path, monkeypatch):
    monkeypatch.setattr(opening, "LARGE", 100)
    walked = []
    walk = opening.joined_mpeg
    monkeypatch.setattr(opening, "joined_mpeg", lambda *file: walked.append(file) or walk(*file))
    mp3 = encoded("MP3", "MPEG_LAYER_III")
    for content, times in ((mp3, 1), (mp3 * 2, 2)):
        (tmp_path / "a.mp3").write_bytes(content)
        parts = [heard(tmp_path / "a.mp3", offset=at, duration=0.1) for at in (0.1, 0.2, 0.1)]
        assert len(walked) == times
        np.testing.assert_array_equal(parts[0], parts[2])
    assert frames_of(tmp_path / "a.mp3") == 2 * FRAMES


def test_tags_are_no_sound(tmp_path, capfd):
    mp3 = encoded("MP3", "MPEG_LAYER_III")
    picture = b"APIC" + bytes(range(1, 256)) * 20
    size = len(picture)
    id3 = b"ID3\x03\0\0" + bytes([0, 0, size >> 7, size & 127]) + picture
    ape = b"APETAGEX" + (2000).to_bytes(4, "little") + (32 + 90).to_bytes(4, "little") + b"x" * 106
    lyrics = b"LYRICSBEGIN" + b"words" * 50 + b"000250LYRICS200"
    for after in (id3, ape, lyrics + b"TAG" + b"x" * 125, ape + b"TAG" + bytes(125), bytes(3000)):
        assert frames_of(id3 + mp3 + after) == FRAMES
        for name, start in (("a.mp3", b""), ("b.mp3", id3), ("c.mp3", bytes(5000))):
            (tmp_path / name).write_bytes(start + mp3 + after)
            assert frames_of(tmp_path / name) == FRAMES
    assert capfd.readouterr().err == ""
    assert frames_of(id3 + encoded("FLAC", "PCM_16")) == FRAMES
    assert frames_of(mp3 + id3 + id3 + mp3) == 2 * FRAMES
    assert frames_of(
        encoded("WAV", "PCM_16") + b"id3 " + (5000).to_bytes(4, "little") + b"x" * 5000
    )


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [
        *(("MP3", "MPEG_LAYER_III"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("WAV", "PCM_16")),
        *(("AU", "PCM_16"), ("AIFF", "PCM_16"), ("W64", "PCM_16"), ("RF64", "PCM_16")),
    ],
)
def test_a_file_that_is_cut_is_said_to_be(kind, subtype):
    sound = encoded(kind, subtype)
    with pytest.raises(ClipCutShort, match=r"x: cannot be decoded: .* cut"):
        heard(sound[: len(sound) * 2 // 3])
    with pytest.raises(ClipCutShort):
        heard(sound + sound[: len(sound) * 2 // 3])


def test_a_missing_page_is_said(tmp_path):
    pages = [
        b"OggS" + page for page in encoded("OGG", "OPUS", np.tile(SOUND, 8)).split(b"OggS")[1:]
    ]
    with pytest.raises(ClipCutShort, match="its last page is missing at byte"):
        heard(b"".join(pages[:-1]))
    with pytest.raises(ClipCutShort, match="pages 2 to 2 are missing"):
        heard(b"".join(pages[:2] + pages[3:]))
    write_by_av(tmp_path / "a.m4a", "aac")
    write_by_av(tmp_path / "a.mka", "flac")
    for name in ("a.m4a", "a.mka"):
        sound = (tmp_path / name).read_bytes()
        with pytest.raises(AudioError, match="cut"):
            heard(sound[: len(sound) * 2 // 3])


def test_bytes_that_are_left_over_are_said():
    for kind in ("WAV", "OGG", "MP3"):
        with pytest.raises(ClipCutShort, match="something else was written"):
            heard(encoded(kind, soundfile.default_subtype(kind)) + b"\x81\x82\x83" * 2000)
    mp3 = encoded("MP3", "MPEG_LAYER_III")
    with pytest.raises(
        ClipCutShort, match=r"the 300 bytes from byte .* are neither frames nor a tag"
    ):
        heard(mp3[:576] + b"abc" * 100 + mp3[576:])


@pytest.mark.parametrize("kind", ["WAV", "AIFF", "AU", "RF64", "MP3"])
def test_little_that_follows_is_said_unless_it_is_a_tag(kind):
    """A WAV file lost the MP3 of two seconds behind it."""
    sound = encoded(kind, soundfile.default_subtype(kind))
    for left_over in (b"\x81\x82\x83", encoded("OGG", "OPUS", SOUND[:2000])):
        with pytest.raises(ClipCutShort, match="something else was written"):
            heard(sound + left_over)
    assert frames_of(sound + b"APETAGEX" + bytes(24) + b"TAG" + b"x" * 125 + bytes(9)) == FRAMES


def test_an_odd_chunk_without_its_pad_byte_is_no_sound():
    wav = encoded("WAV", "PCM_16")
    odd = b"LIST" + (5).to_bytes(4, "little") + b"INFO."
    assert frames_of(wav + odd) == frames_of(wav + odd + odd) == FRAMES


@pytest.mark.parametrize("stated", [0, 0x7FFF_FFFF, 0xFFFF_FFFF])
@pytest.mark.parametrize("whole", [0, 0xFFFF_FFFF])
def test_a_wav_from_a_pipe_is_read_to_its_end(stated, whole):
    wav = encoded("WAV", "PCM_16")
    at = wav.index(b"data") + 4
    piped = wav[:4] + whole.to_bytes(4, "little") + wav[8:at] + stated.to_bytes(4, "little")
    assert frames_of(piped + wav[at + 4 :]) == FRAMES


def test_a_flac_from_a_pipe_and_odd_chunks_are_read():
    flac = bytearray(encoded("FLAC", "PCM_16"))
    flac[21] &= 0xF0
    flac[22:26] = bytes(4)
    assert frames_of(bytes(flac)) == FRAMES
    wav = encoded("WAV", "PCM_16")
    odd = b"junk" + (3).to_bytes(4, "little") + b"abc\0"
    assert frames_of(wav[:12] + odd + wav[12:] + odd) == FRAMES


@pytest.mark.parametrize("kind", ["PCM_16", "PCM_24"])
def test_a_flac_is_read_to_its_last_frame_and_what_follows_is_said(kind):
    flac = encoded("FLAC", kind, np.tile(SOUND, 3))
    half = bytearray(flac)
    half[22:26] = FRAMES.to_bytes(4, "big")
    np.testing.assert_array_equal(heard(bytes(half)), heard(flac))
    assert frames_of(flac + b"TAG" + b"x" * 125 + bytes(5000)) == 3 * FRAMES
    noise = np.random.default_rng(0).bytes(20_000)
    for left_over in (b"\x81", noise, encoded("WAV", "PCM_16"), encoded("MP3", "MPEG_LAYER_III")):
        with pytest.raises(ClipCutShort, match=r"24963 of 24963 .* from byte \d+ on are no whole"):
            heard(flac + left_over)
    for cut in (flac[:-1], flac[: len(flac) // 2]):
        with pytest.raises(ClipCutShort, match=r"frames are there, .* the file is cut"):
            heard(cut)


def test_a_header_that_was_never_finished_hides_no_sound():
    wav = encoded("WAV", "PCM_16")
    at = wav.index(b"data") + 4
    with pytest.raises(ClipCutShort, match=r"\d+ bytes follow byte 4044, where its header says"):
        heard(wav[:at] + (4000).to_bytes(4, "little") + wav[at + 4 :])


def test_whole_numbers_kept_as_floats_are_refused_and_as_whole_numbers_scaled():
    whole = np.round(SOUND * 32_767)
    for loud in (whole, np.round(SOUND * 30)):
        with pytest.raises(
            AudioError, match="full scale is 1: whole numbers of 16 bits kept as fl"
        ):
            heard(encoded("WAV", "FLOAT", loud))
    with pytest.raises(AudioError, match="whole numbers of 16 bits kept as floats"):
        load_clip(AudioSample("x", whole, RATE), RATE)
    scaled = load_clip(AudioSample("x", whole.astype(np.int16), RATE), RATE).waveform
    np.testing.assert_allclose(scaled, SOUND, atol=1e-4)
    np.testing.assert_array_equal(heard(encoded("WAV", "FLOAT", SOUND * 8)), SOUND * 8)


def test_small_blocks_of_an_mp3_are_the_same_sound(monkeypatch, capfd):
    """soundfile seeks after each read, from which libmpg123 does not recover within a block."""
    mp3 = encoded("MP3", "MPEG_LAYER_III")
    whole = heard(mp3)
    monkeypatch.setattr("audioforge.sound.libsndfile.BLOCK_VALUES", 1000)
    np.testing.assert_array_equal(heard(mp3), whole)
    assert capfd.readouterr().err == ""


def test_a_list_of_addresses_is_no_sound(tmp_path):
    (tmp_path / "a.m4a").write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/secret.aac\n")
    with pytest.raises(AudioError, match="cannot be decoded"):
        heard(tmp_path / "a.m4a")
