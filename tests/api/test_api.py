"""What Python users call: it says what the commands say, and takes what Python has."""

import ast
import inspect
import subprocess
import sys

import numpy as np
import pytest
import soundfile

import audioforge
from audioforge import AudioRAFTConfig, AudioRAFTTrainer
from audioforge.errors import AudioError, ConfigError, UsageError
from audioforge_demo import assets

SAID = [
    {"id": "a", "text": "turn left", "pred_text": "turn left"},
    {"id": "b", "text": "stop", "pred_text": "stop it"},
]


def test_every_public_name_is_there_typed_and_described():
    source = inspect.getsource(audioforge)
    imported = {
        alias.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    for name in audioforge.__all__:
        thing = getattr(audioforge, name)
        if name != "__version__":
            assert name in imported, f"{name}: no type checker sees it"
            assert inspect.getdoc(thing), name
    assert set(dir(audioforge)) == set(audioforge.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        audioforge.nothing  # noqa: B018


def test_importing_it_imports_nothing_heavy():
    heavy = "torch pandas matplotlib transformers numpy rich IPython"
    code = (
        "import sys, audioforge; from audioforge import AudioRAFTConfig, Score, open_run;"
        f"print([name for name in '{heavy}'.split() if name in sys.modules and name != 'rich'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_misspelt_keyword_reads_as_a_misspelt_key():
    with pytest.raises(ConfigError) as of_keyword:
        AudioRAFTConfig(sample_per_prompt=4, num_cycles="x")
    with pytest.raises(ConfigError) as of_key:
        AudioRAFTConfig.from_mapping({"sample_per_prompt": 4, "num_cycles": "x"})
    assert str(of_keyword.value) == str(of_key.value)
    assert "Did you mean samples_per_prompt?" in str(of_key.value)
    assert "'x' is not a number" in str(of_key.value)


@pytest.mark.parametrize(
    ("keyword", "ours"),
    [
        ("reward_funcs", "`verifier`"),
        ("train_dataset", "train(dataset"),
        ("peft_config", "trainable='lora'"),
        ("report_to", "`log_with`"),
        ("num_generations", "`samples_per_prompt`"),
        ("per_device_train_batch_size", "`batch_size`"),
        ("num_train_epochs", "`num_cycles`"),
        ("args", "AudioRAFTConfig"),
        ("processing_class", "adapter"),
    ],
)
def test_the_words_of_other_trainers_are_answered_with_ours(keyword, ours):
    with pytest.raises(ConfigError, match=keyword) as of_config:
        AudioRAFTConfig(**{keyword: 1})
    assert ours in str(of_config.value)
    config = AudioRAFTConfig()
    with pytest.raises(UsageError, match=f"AudioRAFTTrainer has no {keyword}") as of_trainer:
        AudioRAFTTrainer(config, **{keyword: 1})
    assert ours in str(of_trainer.value)
    with pytest.raises(UsageError, match=f"train has no {keyword}"):
        AudioRAFTTrainer(config).train(**{keyword: 1})
    with pytest.raises(UsageError, match="has no model"):
        AudioRAFTTrainer(model="x", args=config)


def test_predictions_in_memory_score_as_their_file(tmp_path):
    import json

    def polite(samples, hypotheses):
        return [0.25 for _ in hypotheses]

    path = tmp_path / "said.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in SAID))
    verifier = ["wer", {"name": polite, "weight": 1}]
    of_file = audioforge.score(path, language="en", verifier=verifier)
    of_rows = audioforge.score(iter(SAID), language="en", verifier=verifier)
    assert of_rows.as_mapping() == of_file.as_mapping()
    assert [row["reward"] for row in of_rows] == [0.625, 0.125]
    assert list(of_rows.as_mapping()["verifiers"]) == ["wer", "polite"]
    assert "2 of 2 scored" in repr(of_rows)
    pandas = pytest.importorskip("pandas")
    of_frame = audioforge.score(pandas.DataFrame(SAID), language="en", verifier=verifier)
    assert of_frame.as_mapping() == of_file.as_mapping()
    assert list(of_frame.to_frame()["scores.polite.reward"]) == [0.25, 0.25]


def test_a_row_that_is_no_prediction_is_named():
    scored = audioforge.score([*SAID, ["no", "mapping"]], language="en")
    assert list(scored)[2]["reason"] == "predictions: row 3: expected a mapping, not list"


@pytest.fixture(scope="module")
def clip():
    path = assets.source_heldout().parent / "audio/heldout-000.ogg"
    return path, *soundfile.read(path, dtype="float32")


@pytest.fixture(scope="module")
def model():
    return audioforge.load(assets.model(), device="cpu")


def test_a_clip_is_transcribed_in_every_form(model, clip):
    path, samples, rate = clip
    text = model.transcribe(path)
    assert text.split()
    assert model.transcribe(samples, rate) == text
    assert model.transcribe({"array": samples, "sampling_rate": rate}) == text
    assert model.transcribe(samples.tolist(), sampling_rate=rate) == text
    assert model.transcribe([path, path.read_bytes()]) == [text, text]


def test_what_cannot_be_transcribed_is_said(model, clip):
    _, samples, _ = clip
    with pytest.raises(AudioError, match="clip 1: 'audio' is an array, which needs 'sampling_rate"):
        model.transcribe(samples)
    with pytest.raises(AudioError, match="clip 2"):
        model.transcribe([samples, np.zeros(0, np.float32)], 16_000)
    with pytest.raises(UsageError, match="cannot classify: it is a model for asr"):
        model.classify(samples, 16_000)


def test_it_measures_rows_with_a_function(clip):
    _, samples, rate = clip
    row = {"audio": samples, "sampling_rate": rate, "text": "one", "id": "x"}
    measured = audioforge.benchmark(assets.model(), [row], language="en", device="cpu")
    assert (measured.result["n"], measured.result["dataset"]) == (1, "python-dataset")
    assert "wer" in repr(measured)
    pytest.importorskip("pandas")
    assert list(measured.to_frame()["id"]) == ["x"]


def test_a_run_that_is_not_finished_has_no_model_yet(tmp_path):
    (tmp_path / "config.yaml").write_text("task: asr\n")
    with pytest.raises(UsageError, match="is not finished"):
        audioforge.load(tmp_path)


def test_scores_are_of_a_file_of_references_and_of_any_column(tmp_path):
    right = tmp_path / "right.trn"
    right.write_text("one two (a-1)\nthree (a-2)\n")
    (tmp_path / "said.trn").write_text("three (a-2)\none (a-1)\n")
    scored = audioforge.score(tmp_path / "said.trn", reference=right)
    assert scored.as_mapping()["metrics"]["wer"] == pytest.approx(1 / 3)
    rows = [{"id": "a-1", "said": "one"}, {"id": "a-2", "said": "three"}]
    again = audioforge.score(rows, reference=right, pred_column="said")
    assert again.as_mapping()["metrics"] == scored.as_mapping()["metrics"]
