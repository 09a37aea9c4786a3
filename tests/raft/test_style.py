"""What a run says of the style of outputs: before it teaches another, and after it has."""

import json

import pytest
from click.testing import CliRunner

from audioforge import AudioRAFTConfig, AudioRAFTTrainer, benchmark
from audioforge.cli import cli
from audioforge.run.style import decoded_style, style_sentence, warn_of_style
from audioforge.terminal.reporter import Reporter


class Told(Reporter):
    """Remembers warnings."""

    def __init__(self):
        super().__init__(quiet=True)
        self.warnings = []

    def warn(self, message):
        self.warnings.append(message)


@pytest.fixture
def settings(shared, tmp_path):
    """Settings of a run on a few human clips, of which `write` makes the training transcripts."""

    def _settings(model, corpus, count, write=str, **others):
        for name in ("train", "heldout"):
            lines = (shared / "data" / corpus / f"{name}.jsonl").read_text().splitlines()[:count]
            rows = [json.loads(line) for line in lines]
            for row in rows:
                row["audio_filepath"] = str(shared / "data" / corpus / row["audio_filepath"])
                row["text"] = write(row["text"]) if name == "train" else row["text"]
            (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
        return {
            "model_name": str(shared / "models" / model),
            "dataset": str(tmp_path / "train.jsonl"),
            "eval_dataset": str(tmp_path / "heldout.jsonl"),
            "output_dir": tmp_path / "run",
            "num_cycles": 1,
            "device": "cpu",
            **others,
        }

    return _settings


def test_a_run_says_that_its_transcripts_taught_another_style(settings):
    given = settings(
        "nano-whisper-digits", "digits_asr", 24, "{}.".format, selection="reference",
        steps_per_cycle=12, learning_rate=1e-3, interpolate=[1.0],
    )  # fmt: skip
    summary = AudioRAFTTrainer(AudioRAFTConfig(**given), reporter=Reporter(quiet=True)).train()
    before, after = summary.base["style"], summary.cycles[0]["style"]
    assert before == {"capitals": 0.0, "small_letters": 1.0, "punctuation": 0.0}
    assert after["punctuation"] > 0.3
    said = f"Style with cycle 1: punctuation in 0 % → {100 * after['punctuation']:.0f} %"
    assert f"{said} of the held-out outputs; the transcripts are what is learnt" in (
        summary.conclusion
    )


@pytest.mark.parametrize(
    ("others", "learnt", "mend"),
    [
        ({"selection": "reference"}, "are what is learnt", "--selection best"),
        ({"selection": "mix"}, "are learnt beside hypotheses", "--selection best"),
        ({"selection": "mwer"}, "are learnt beside hypotheses", "--selection best"),
        ({"selection": "mwer:transcripts=0"}, None, ""),
        ({"selection": "best"}, None, ""),
        ({"normalizer": "none"}, "are what the reward compares with", "--normalizer english-1"),
        ({"normalizer": "none", "verifier": ["hallucination"]}, None, ""),
    ],
)
def test_who_learns_the_style_of_transcripts_is_warned(settings, others, learnt, mend):
    cased = {"capitals": 1.0, "small_letters": 1.0, "punctuation": 0.9}
    told = Told()
    config = AudioRAFTConfig(**settings("nano-whisper-digits", "digits_asr", 4, **others))
    run = AudioRAFTTrainer(config, reporter=told).prepare()
    run.executor.close()
    warn_of_style(run, cased, "a few clips")
    sentences = [w for w in told.warnings if w.startswith("style: ")]
    change = style_sentence(run, 1, cased, {**cased, "capitals": 0.0})
    assert change.startswith("Style with cycle 1: capitals in 100 % → 0 % of the held-out outputs")
    assert not style_sentence(run, 1, cased, cased)
    if learnt is None:
        assert not sentences
        assert change.endswith("look at them in predictions.jsonl before you use that model.")
        return
    (sentence,) = sentences
    assert learnt in sentence
    assert "capitals in 0 %, small letters in 100 %, punctuation in 0 %; what the model" in sentence
    assert "of a few clips holds capitals in 100 %, small letters in 100 %, punctuation" in sentence
    assert mend in sentence
    assert mend in change


def test_transcripts_in_the_models_own_style_are_no_matter(settings):
    given = settings("nano-whisper-digits", "digits_asr", 4, "It is {}.".format)
    told = Told()
    config = AudioRAFTConfig(**given, selection="reference")
    run = AudioRAFTTrainer(config, reporter=told).prepare()
    run.executor.close()
    warn_of_style(run, {"capitals": 1.0, "small_letters": 1.0, "punctuation": 1.0}, "clips")
    assert not any(w.startswith("style: ") for w in told.warnings)
    assert decoded_style(run, None) == {}, "nothing that the model writes could be lost"


@pytest.mark.soak
def test_a_dry_run_sees_what_a_real_whisper_writes(settings):
    given = settings("whisper-tiny.en", "nonnative", 4)
    result = CliRunner().invoke(
        cli,
        [
            "train", "--model", given["model_name"], "--dataset", given["dataset"], "--dry-run",
            "--eval-dataset", given["eval_dataset"], "--device", "cpu", "--selection", "reference",
        ],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    shown = "capitals in 0 %, small letters in 100 %, punctuation in 0 %"
    assert f"style of the transcripts: {shown}" in result.stdout
    warned = f"The transcripts are what is learnt, and hold {shown}; what the model writes of a few"
    assert f"{warned} training clips holds capitals in" in result.stderr


def test_a_benchmark_reports_the_style(settings):
    given = settings("nano-wav2vec2-digits", "digits_asr", 8)
    result = benchmark(given["model_name"], given["eval_dataset"]).result
    assert result["style"] == {"capitals": 1.0, "small_letters": 0.0, "punctuation": 0.0}
