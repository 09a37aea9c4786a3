"""Generated audio on disk: names, what is written, what comes back."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from audioforge.errors import AudioError, TrainingError
from audioforge.inference.hypothesis_audio import audio_seconds, file_stem, load_audio, store_audio
from audioforge.sample import Hypothesis

HOSTILE = [
    "../../etc/passwd", "/etc/passwd", "..", ".", "", " ", "a/b", "a\\b", "a_b", "a:b", "A", "a",
    "é", "e\u0301", "con", "x" * 5000, "x" * 4999, "\x00", "a\nb", "~", "-", "语音", "\ud800",
    "a~b", "*?", "a.", "LJ001-0001", "lj001-0001",
]  # fmt: skip


def tone(frames: int = 800, level: float = 0.5) -> np.ndarray:
    return (level * np.sin(np.arange(frames) * 0.3)).astype(np.float32)


@pytest.mark.parametrize("sample_id", HOSTILE)
def test_any_id_gets_a_file_of_its_own_in_the_folder(tmp_path: Path, sample_id: str) -> None:
    folder = tmp_path / "cycle-01" / "audio"
    hypotheses = [Hypothesis(i, audio=tone(100 + i), sampling_rate=8000) for i in range(2)]
    stored = store_audio(hypotheses, sample_id, folder)
    files = sorted(p for p in tmp_path.rglob("*") if p.is_file())
    assert files == sorted(h.audio for h in stored)
    assert [h.audio.parent for h in stored] == [folder, folder]
    assert [soundfile.info(str(h.audio)).frames for h in stored] == [100, 101]


def test_no_two_hostile_ids_share_a_file_on_any_file_system() -> None:
    import unicodedata

    names = [unicodedata.normalize("NFC", file_stem(i)).casefold() for i in HOSTILE]
    assert len(set(names)) == len(HOSTILE)


@given(st.tuples(st.text(), st.integers(0, 20)), st.tuples(st.text(), st.integers(0, 20)))
def test_different_hypotheses_have_different_files(
    first: tuple[str, int], second: tuple[str, int]
) -> None:
    def name(sample_id: str, index: int) -> str:
        return f"{file_stem(sample_id)}-{index}".casefold()

    assert (name(*first) == name(*second)) == (first == second)


@given(st.text(max_size=400))
def test_a_file_name_is_one_plain_part(sample_id: str) -> None:
    name = f"{file_stem(sample_id)}-99.flac"
    assert Path(name).name == name
    assert not name.startswith((".", "-"))
    assert len(name.encode()) <= 200
    assert name.isprintable()


def test_what_comes_back_is_what_was_written_to_24_bits(tmp_path: Path) -> None:
    hypothesis = Hypothesis(3, audio=tone(), sampling_rate=22050, logprob=-1.5, tokens=7)
    (stored,) = store_audio([hypothesis], "clip", tmp_path)
    assert stored.audio == tmp_path / "clip-3.flac"
    assert (stored.index, stored.logprob, stored.tokens) == (3, -1.5, 7)
    loaded = load_audio(stored)
    assert (loaded.index, loaded.logprob, loaded.sampling_rate) == (3, -1.5, 22050)
    assert loaded.audio.dtype == np.float32
    np.testing.assert_allclose(loaded.audio, hypothesis.audio, atol=2**-23)
    assert audio_seconds(stored) == audio_seconds(hypothesis) == 800 / 22050


FEATURES = [
    np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32),
    np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float16)[:, ::2],
    np.arange(6),
]


@pytest.mark.parametrize("features", FEATURES)
def test_what_the_model_wrote_comes_back_to_the_bit(tmp_path: Path, features: np.ndarray) -> None:
    spoken = Hypothesis(2, audio=tone(), sampling_rate=8000, features=features)
    (stored,) = store_audio([spoken], "Clip", tmp_path / "audio")
    assert stored.features == stored.audio.with_suffix(".safetensors")
    assert len(list((tmp_path / "audio").iterdir())) == 2
    loaded = load_audio(stored)
    assert loaded.features.dtype == features.dtype
    np.testing.assert_array_equal(loaded.features, features)
    assert load_audio(loaded).features is loaded.features


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (np.array([[0, np.nan]]), "clip-7, hypothesis 0: the model's features hold NaN"),
        ([[0.0]], "features as an array, not list"),
        (np.array(["a"]), "features as an array, not <U1"),
    ],
)
def test_features_that_cannot_be_learnt_stop_the_run(
    tmp_path: Path, features: np.ndarray, message: str
) -> None:
    spoken = Hypothesis(audio=tone(), sampling_rate=8000, features=features)
    with pytest.raises(TrainingError, match=message):
        store_audio([spoken], "clip-7", tmp_path)
    assert not list(tmp_path.glob("*.safetensors"))


def test_damaged_features_are_named(tmp_path: Path) -> None:
    spoken = Hypothesis(audio=tone(), sampling_rate=8000, features=np.zeros(3))
    (stored,) = store_audio([spoken], "a", tmp_path)
    stored.features.write_bytes(b"no safetensors")
    with pytest.raises(AudioError, match=r"a-0\.safetensors"):
        load_audio(stored)


def test_a_second_run_replaces_the_file(tmp_path: Path) -> None:
    for frames in (100, 200):
        (stored,) = store_audio([Hypothesis(audio=tone(frames), sampling_rate=8000)], "a", tmp_path)
    assert audio_seconds(stored) == 200 / 8000
    assert [p.name for p in tmp_path.iterdir()] == ["a-0.flac"]


def test_louder_than_full_scale_is_clipped_as_every_file_is(tmp_path: Path) -> None:
    (stored,) = store_audio([Hypothesis(audio=tone(level=3), sampling_rate=8000)], "a", tmp_path)
    assert np.abs(load_audio(stored).audio).max() == pytest.approx(1, abs=1e-6)


def test_what_is_no_audio_is_left_alone(tmp_path: Path) -> None:
    others = [
        Hypothesis(0, text="one"),
        Hypothesis(1, label="yes"),
        Hypothesis(2, audio=np.zeros(0, np.float32), sampling_rate=8000),
    ]
    assert [id(h) for h in store_audio(others, "a", tmp_path)] == [id(h) for h in others]
    assert [load_audio(h) for h in others] == others
    assert [audio_seconds(h) for h in others] == [0, 0, 0]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("audio", "rate", "message"),
    [
        (np.array([0, np.nan]), 8000, "clip-7, hypothesis 0: the generated audio holds NaN"),
        (np.array([np.inf]), 8000, "NaN or infinite"),
        (np.zeros((2, 3)), 8000, r"shape \(frames,\) .* not shape \(2, 3\)"),
        (np.zeros(3), None, "at None Hz"),
        (np.zeros(3), 10_000_000, "cannot be written"),
    ],
)
def test_what_cannot_be_audio_stops_the_run_and_leaves_nothing(
    tmp_path: Path, audio: np.ndarray, rate: int | None, message: str
) -> None:
    with pytest.raises(TrainingError, match=message):
        store_audio([Hypothesis(audio=audio, sampling_rate=rate)], "clip-7", tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    lost = Hypothesis(audio=tmp_path / "gone-0.flac")
    for read in (load_audio, audio_seconds):
        with pytest.raises(AudioError, match=r"gone-0\.flac"):
            read(lost)
