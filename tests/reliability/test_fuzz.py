"""Rubbish by the thousand: readers answer with what they read or an error that is meant for people.

In the suite the cases are few and always the same. `AUDIOFORGE_FUZZ_CASES=20000 pytest
tests/reliability/test_fuzz.py` tries as many of each, new ones every time.
"""

import csv
import io
import json
import os
import resource
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
import soundfile
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from audioforge.audio import examine, load_clip
from audioforge.config import AudioRAFTConfig, read_config_file
from audioforge.dataset import DatasetRequest
from audioforge.errors import AudioError, ConfigError, DatasetError, UsageError
from audioforge.sample import AudioSample, Problem
from audioforge_datasets.manifest import Manifest
from audioforge_datasets.table import Table

pytestmark = pytest.mark.no_cover  # shorter tests pass the same lines

T = TypeVar("T")
ASKED = os.environ.get("AUDIOFORGE_FUZZ_CASES")
NO_HANG = timedelta(seconds=20)
MOST_MEMORY_MB = 400
"""Far above what sound files of 30 kB need, and far below what their headers can claim."""


def cases(number: int) -> Callable:
    return settings(
        max_examples=int(ASKED or number),
        derandomize=ASKED is None,
        database=None,
        deadline=NO_HANG,
        suppress_health_check=list(HealthCheck),
    )


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["a.wav", "../x", "/dev/zero", "\0", "\ud800", "9" * 400, "", "\x1b[2J"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
KEYS = ("audio_filepath", "audio", "text", "duration", "offset", "label", "id", "speaker", "lang")
rows = st.dictionaries(st.sampled_from(KEYS) | st.text(), json_values, max_size=6)
blanks = st.sampled_from([b"", b" ", b"\xef\xbb\xbf", b"\r", b"\x0c"])
lines = st.one_of(
    rows.map(lambda row: json.dumps(row).encode()),
    rows.map(lambda row: json.dumps(row, ensure_ascii=False).encode(errors="surrogatepass")),
    json_values.map(lambda value: json.dumps(value).encode()),
    st.binary(max_size=40),
    st.integers(1, 3000).map(lambda depth: b"[" * depth),
    blanks,
)
manifests = st.lists(lines, max_size=6).map(b"\n".join)


@st.composite
def damaged(draw: st.DrawFn, originals: st.SearchStrategy[bytes]) -> bytes:
    """A file with bytes overwritten, mostly near its start, and perhaps cut or prolonged."""
    data = bytearray(draw(originals))
    extremes = [b"\xff" * 4, b"\x00" * 4, b"\xff\xff\xff\x7f", b"\x00\x00\x00\x80", b"\x7f" * 8]
    patch = st.sampled_from(extremes) | st.binary(min_size=1, max_size=8)
    for _ in range(draw(st.integers(0, 6))):
        place = draw(st.integers(0, min(len(data), 120)) | st.integers(0, len(data)))
        bytes_there = draw(patch)
        data[place : place + len(bytes_there)] = bytes_there
    end = draw(st.none() | st.integers(0, len(data)))
    return bytes(data[:end]) + draw(st.just(b"") | st.binary(max_size=20))


@cases(400)
@given(data=manifests | damaged(manifests) | st.binary(max_size=200))
@example(data=b'{"audio_filepath": "a.wav", "offset": 1e999, "duration": -0.0}')
@example(data=b'{"audio_filepath": "a.wav", "id": ' + b"9" * 5000 + b"}")
def test_every_line_of_a_manifest_is_a_sample_or_a_problem(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "fuzz.jsonl"
    path.write_bytes(data)
    items = read(Manifest, path)
    if items is None:
        return
    text = data.decode().removeprefix("\ufeff")
    assert len(items) == sum(1 for line in text.split("\n") if line.strip())


cells = st.sampled_from(["audio_filepath", "text", "a.wav", "0", '"', '""', "\0", "é", "-1", " "])
tables = st.lists(st.lists(cells | st.text(max_size=5), max_size=4).map(",".join), max_size=6).map(
    lambda rows: "\r\n".join(["audio_filepath,text", *rows]).encode(errors="surrogatepass")
)


@cases(200)
@given(data=tables | damaged(tables))
def test_every_row_of_a_table_is_a_sample_or_a_problem(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "fuzz.csv"
    path.write_bytes(data)
    items = read(Table, path)
    if items is None or not data.startswith(b"audio_filepath,text\r\n"):
        return  # another head may separate, encode or end lines otherwise
    lines = data.decode().removeprefix("\ufeff").splitlines(keepends=True)
    rows = csv.reader(io.StringIO("".join(lines), newline=""))
    assert len(items) == sum(1 for row in rows if row) - 1, "the first row names the columns"


def read(reader, path: Path) -> list[AudioSample | Problem] | None:
    """What a reader makes of a file, checked; None where it refuses the file."""
    refusal, items = None, []
    try:
        items = list(reader(DatasetRequest(str(path))).load())
    except DatasetError as error:
        refusal = str(error)
    assert refusal is None or str(path) in refusal
    check_items(items)
    return items if refusal is None else None


def check_items(items):
    assert all(isinstance(item, AudioSample | Problem) for item in items)
    samples = [item for item in items if isinstance(item, AudioSample)]
    assert len({sample.id for sample in samples}) == len(samples)
    for sample in samples:
        assert isinstance(sample.audio, Path)
        assert "\0" not in str(sample.audio)
        json.dumps([sample.id, sample.reference, sample.labels]).encode()


NAMES = ("seed", "model_name", "dataset", "verifiers", "verifier", "learning_rate", "thresholds")
settings_files = st.dictionaries(
    st.sampled_from(NAMES) | st.text(max_size=5), json_values, max_size=5
).map(lambda values: yaml.safe_dump(values, allow_unicode=True).encode(errors="surrogatepass"))
TOKENS = (
    *("a", "seed", ": ", "- ", "? ", "\n", "  ", "[", "]", "{", "}", ",", "&x ", "*x", "<<", "!!"),
    *("!!python/object/apply:os.system ", "!!binary ", "!!int ", "!!float ", "!!timestamp "),
    *("'", '"', "|", ">", "#", "%YAML 1.1\n", "---\n", "59:59", "0x", "1e9", ".nan", "~", "\\"),
)
yaml_texts = st.lists(st.sampled_from(TOKENS), max_size=30).map(lambda t: "".join(t).encode())


@cases(400)
@given(data=settings_files | yaml_texts | damaged(settings_files) | st.binary(max_size=100))
@example(data=b"seed: " + b"1:" * 2000 + b"1.5")
@example(data=b"seed: 0x" + b"f" * 90_000)
def test_a_settings_file_gives_settings_or_what_is_wrong_with_them(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    path.write_bytes(data)
    values, refusal = {}, f"{path}: "
    try:
        values = read_config_file(path)
    except ConfigError as error:
        refusal = str(error)
    assert f"{path}: " in refusal
    assert isinstance(values, dict)
    with suppress(ConfigError, UsageError):
        AudioRAFTConfig.from_mapping(values)


FORMATS = (
    ("WAV", "PCM_16"),
    ("WAV", "FLOAT"),
    ("WAV", "ULAW"),
    ("WAVEX", "PCM_24"),
    ("RF64", "PCM_16"),
    ("FLAC", "PCM_16"),
    ("OGG", "VORBIS"),
    ("OGG", "OPUS"),
    ("MP3", "MPEG_LAYER_III"),
    ("AIFF", "PCM_16"),
    ("AU", "PCM_16"),
    ("CAF", "PCM_16"),
    ("W64", "PCM_16"),
)


def encoded(kind: str, subtype: str) -> bytes:
    tone = 0.3 * np.sin(np.arange(4000) * 0.2)
    file = io.BytesIO()
    soundfile.write(file, np.stack([tone, -0.5 * tone], axis=1), 16_000, subtype, format=kind)
    return file.getvalue()


SOUNDS = tuple(encoded(*kind) for kind in FORMATS)


def memory_mb() -> float:
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


@pytest.fixture(scope="module", params=["in memory", "as a file"])
def stored(request, tmp_path_factory):
    """How the decoder gets the bytes."""
    path = tmp_path_factory.mktemp("sound") / "fuzz.wav"

    def _stored(data: bytes) -> AudioSample:
        if request.param == "in memory":
            return AudioSample("fuzz", data)
        path.write_bytes(data)
        return AudioSample("fuzz", path)

    return _stored


@cases(400)
@given(data=damaged(st.sampled_from(SOUNDS)) | st.binary(max_size=60))
def test_a_damaged_sound_file_gives_a_sound_or_an_error(stored, data):
    before = memory_mb()
    sample = stored(data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # NumPy's, of overflows
        heard, refusal = outcome(lambda: load_clip(sample, 16_000))
        facts, second_refusal = outcome(lambda: examine(sample))
    assert memory_mb() - before < MOST_MEMORY_MB
    assert (heard is None) == (facts is None)
    if heard is None or facts is None:
        assert sample.origin in refusal
        assert sample.origin in second_refusal
        return
    assert facts.seconds > 0
    assert heard.waveform.dtype == np.float32
    assert heard.waveform.ndim == 1
    assert len(heard.waveform) > 0
    assert np.isfinite(heard.waveform).all()


def outcome(call: Callable[[], T]) -> tuple[T | None, str]:
    """What a call returns, or the message of its error."""
    try:
        return call(), ""
    except AudioError as error:
        return None, str(error)
