"""`audioforge train` and `benchmark` through their public doors, on the demo's model."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from audioforge import AudioRAFTConfig, AudioRAFTTrainer
from audioforge.cli import cli
from audioforge.terminal.reporter import Reporter
from audioforge_demo import assets

# Many runs of the same lines; the fixtures' run is measured.
pytestmark = pytest.mark.no_cover

RECIPE = {
    "normalizer": "none",
    "learning_rate": 5e-4,
    "lr_decay_per_cycle": 0.7,
    "reward_threshold": 1,
    "steps_per_cycle": 10,
    "batch_size": 16,
    "num_cycles": 2,
    "device": "cpu",
}


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(a) for a in arguments])


def train(output: Path, **settings: object) -> dict:
    config = AudioRAFTConfig(
        model_name=str(assets.model()),
        output_dir=output,
        **{"eval_dataset": "demo:split=heldout", **RECIPE, **settings},
    )
    summary = AudioRAFTTrainer(config, reporter=Reporter(quiet=True)).train("demo:split=train")
    assert json.loads((output / "summary.json").read_text()) == summary.as_mapping()
    return summary.as_mapping()


def rollouts(folder: Path, cycle: int) -> dict[str, dict]:
    lines = {}
    for path in (folder / f"cycle-{cycle:02d}").glob("rollouts-*.jsonl"):
        for line in path.read_text().splitlines():
            lines[json.loads(line)["id"]] = json.loads(line)
    return lines


def write_part(path: Path, manifest: Path, part: slice) -> str:
    """Write some lines of a manifest to another place, and return its name."""
    lines = [json.loads(line) for line in manifest.read_text().splitlines()[part]]
    for line in lines:
        line["audio_filepath"] = str(manifest.parent / line["audio_filepath"])
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(path)


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> str:
    """As few held-out clips as an export may be chosen on, where it is not what they say."""
    folder = tmp_path_factory.mktemp("few")
    return write_part(folder / "heldout.jsonl", assets.target_heldout(), slice(20))


@pytest.fixture(scope="module")
def adapted(once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """A run with a retention and a test set."""

    def _adapt(folder: Path) -> None:
        train(
            folder / "adapted",
            limit=180,
            retention_dataset=("demo:split=source",),
            test_dataset=write_part(folder / "test.jsonl", assets.target_train(), slice(180, None)),
            seed=0,
        )

    return once("the run of test_end_to_end", _adapt) / "adapted"


@pytest.fixture(scope="module")
def summary(adapted: Path) -> dict:
    return json.loads((adapted / "summary.json").read_text())


def test_training_improves_held_out_clips_beyond_the_interval(summary: dict) -> None:
    assert summary["improved"] is True
    assert summary["best"]["difference_ci95"][1] < 0
    assert summary["best"]["wer"] < summary["base"]["wer"]
    assert summary["test"]["improved"] is True


def test_summary_has_the_documented_keys(summary: dict) -> None:
    assert {
        "task", "metric", "selection", "seed", "base", "cycles", "best", "improved",
        "higher_is_better", "normalizer", "selected_on_same_data",
    } <= summary.keys()  # fmt: skip
    assert summary["metric"] == "wer"
    assert summary["higher_is_better"] is False
    assert summary["selected_on_same_data"] is False
    assert {"wer", "ci95", "n"} <= summary["base"].keys()
    assert [c["cycle"] for c in summary["cycles"]] == [1, 2]
    for cycle in summary["cycles"]:
        assert {"wer", "ci95", "reward", "kept", "seconds", "frac_reward_zero_std"} <= cycle.keys()
        assert {"rollout", "verify", "update", "evaluate"} <= cycle["seconds"].keys()
        assert cycle["retention"]["demo:split=source"]["difference_ci95"]
    assert {"cycle", "interpolation", "wer", "difference_ci95", "checkpoint"} <= (
        summary["best"].keys()
    )
    assert summary["learnability"]["oracle_wer"] < summary["learnability"]["greedy_wer"]


def test_the_exported_point_is_on_the_line_and_admissible(summary: dict) -> None:
    points = [c["interpolation"] for c in summary["candidates"]]
    assert points == [0.25, 0.4, 0.5, 0.6, 0.75, 1.0]
    admissible = [c for c in summary["candidates"] if c["admissible"]]
    assert summary["best"]["wer"] == min(c["wer"] for c in admissible)
    for candidate in summary["candidates"]:
        low, _ = candidate["retention"]["demo:split=source"]["difference_ci95"]
        assert candidate["admissible"] == (low <= 0)


def test_run_folder_is_as_documented(adapted: Path, summary: dict) -> None:
    config = yaml.safe_load((adapted / "config.yaml").read_text())
    assert config["normalizer"] == "none"
    assert config["learning_rate"] == 5e-4
    environment = json.loads((adapted / "environment.json").read_text())
    assert environment["plugins"]["audioforge-whisper"]["status"] == "ok"
    lines = rollouts(adapted, 1)
    assert len(lines) == summary["cycles"][0]["hypotheses"] / 4
    kept = 0
    for line in lines.values():
        assert len(line["hypotheses"]) == 4
        marked = [h for h in line["hypotheses"] if h["kept"]]
        assert len(marked) <= 1
        assert all(h["reward"] == 1 and h["text"] == line["reference"] for h in marked)
        assert all(h["logprob"] < 0 for h in line["hypotheses"])
        kept += len(marked)
    assert kept == summary["cycles"][0]["kept"]
    predictions = [
        json.loads(line)
        for line in (adapted / "cycle-00" / "predictions.jsonl").read_text().splitlines()
    ]
    assert {"audio_filepath", "duration", "text", "pred_text"} <= predictions[0].keys()
    assert (adapted / "best" / "model.safetensors").is_file()
    assert not list(adapted.rglob("*.tmp")) + list(adapted.rglob("*.bin"))


PLAIN_TRANSFORMERS = """
import json, sys
import jiwer, soundfile, torch
from transformers import WhisperForConditionalGeneration, WhisperProcessor
folder, manifest = sys.argv[1:]
model = WhisperForConditionalGeneration.from_pretrained(folder).eval()
processor = WhisperProcessor.from_pretrained(folder)
references, texts = [], []
for line in map(json.loads, open(manifest)):
    samples, rate = soundfile.read(manifest.rpartition("/")[0] + "/" + line["audio_filepath"])
    features = processor(samples, sampling_rate=rate, return_tensors="pt").input_features
    with torch.no_grad():
        tokens = model.generate(features)
    references.append(line["text"])
    texts.append(processor.batch_decode(tokens, skip_special_tokens=True)[0].strip())
print(json.dumps(jiwer.wer(references, texts)))
"""


def test_plain_transformers_reproduces_the_reported_wer(adapted: Path, summary: dict) -> None:
    command = [sys.executable, "-c", PLAIN_TRANSFORMERS, adapted / "best"]
    result = subprocess.run(
        [*command, assets.target_heldout()], capture_output=True, text=True, check=True
    )
    assert json.loads(result.stdout) == pytest.approx(summary["best"]["wer"], abs=1e-12)


def test_benchmark_reproduces_the_reported_wer(
    adapted: Path, summary: dict, tmp_path: Path
) -> None:
    result = run(
        "benchmark", "--model", adapted / "best", "--dataset", assets.target_heldout(),
        "--normalizer", "none", "--batch-size", 16, "--device", "cpu", "--json",
        "--output", tmp_path / "out",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert figures["wer"] == summary["best"]["wer"]
    edits = figures["insertions"] + figures["deletions"] + figures["substitutions"]
    assert edits / figures["reference_words"] == pytest.approx(figures["wer"])
    assert figures.keys() >= {
        "model", "dataset", "task", "n", "cer", "ci95", "rtfx", "normalizer"
    }  # fmt: skip
    lines = (tmp_path / "out" / "predictions.jsonl").read_text().splitlines()
    assert len(lines) == figures["n"]


@pytest.mark.soak
def test_one_seed_gives_one_run(tmp_path: Path, few: str) -> None:
    settings = {"eval_dataset": few, "num_cycles": 1, "steps_per_cycle": 3, "limit": 40}
    first = train(tmp_path / "a", **settings)
    second = train(tmp_path / "b", **settings)
    other = train(tmp_path / "c", **settings, seed=1)
    assert rollouts(tmp_path / "a", 1) == rollouts(tmp_path / "b", 1)
    assert first["cycles"][0]["last_loss"] == second["cycles"][0]["last_loss"]
    assert rollouts(tmp_path / "a", 1) != rollouts(tmp_path / "c", 1)
    assert other["seed"] == 1
    weights = [(tmp_path / f / "cycle-01/checkpoint/model.safetensors").read_bytes() for f in "ab"]
    assert weights[0] == weights[1]


@pytest.mark.soak
def test_batch_size_does_not_change_what_is_drawn(tmp_path: Path, few: str) -> None:
    settings = {"eval_dataset": few, "num_cycles": 1, "steps_per_cycle": 1, "limit": 60}
    train(tmp_path / "a", **settings)
    train(tmp_path / "b", **settings, **{"batch_size": 7})
    first, second = rollouts(tmp_path / "a", 1), rollouts(tmp_path / "b", 1)
    assert first.keys() == second.keys()
    differing = sum(
        x["text"] != y["text"]
        for i in first
        for x, y in zip(first[i]["hypotheses"], second[i]["hypotheses"], strict=True)
    )
    assert differing <= 1  # rounding of logits; 240 hypotheses


def test_without_improvement_the_base_model_stays(tmp_path: Path) -> None:
    summary = train(
        tmp_path / "r", selection="random", num_cycles=1, steps_per_cycle=2, learning_rate=1e-9,
        limit=40,
    )  # fmt: skip
    assert summary["improved"] is False
    assert summary["best"]["cycle"] == 0
    assert summary["best"]["wer"] == summary["base"]["wer"]
    assert summary["best"]["rejected"]["cycle"] == 1
    assert "base model stays" in summary["reason"]
    from safetensors.torch import load_file

    base = load_file(assets.model() / "model.safetensors")
    best = load_file(tmp_path / "r" / "best" / "model.safetensors")
    assert all((base[name] == weight).all() for name, weight in best.items())


@pytest.mark.soak
@pytest.mark.parametrize("trainable", ["lora", "frozen-encoder"])
def test_other_trainable_weights_learn_and_export_plain(
    tmp_path: Path, few: str, trainable: str
) -> None:
    summary = train(
        tmp_path / "r", eval_dataset=few, trainable=trainable, selection="reference", num_cycles=1,
        steps_per_cycle=20, learning_rate=5e-3 if trainable == "lora" else 5e-4,
    )  # fmt: skip
    cycle = summary["cycles"][0]
    assert cycle["last_loss"] < cycle["first_loss"]
    names = {p.name for p in (tmp_path / "r/cycle-01/checkpoint").iterdir()}
    assert "model.safetensors" in names
    assert not any("adapter" in name for name in names)


@pytest.mark.soak
def test_bfloat16_trains(tmp_path: Path, few: str) -> None:
    settings = {"eval_dataset": few, "num_cycles": 1, "steps_per_cycle": 5, "limit": 40}
    summary = train(tmp_path / "r", dtype="bfloat16", **settings)
    assert summary["cycles"][0]["last_loss"] < summary["cycles"][0]["first_loss"]


def test_nothing_kept_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    write_part(path, assets.target_train(), slice(3))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps({**x, "text": "nobody says this"}) + "\n" for x in lines))
    result = run(
        "train", "--model", assets.model(), "--dataset", path,
        "--eval-dataset", "demo:split=heldout", "--output", tmp_path / "r",
        "--normalizer", "none", "--device", "cpu",
    )  # fmt: skip
    assert result.exit_code == 1
    assert "nothing was kept" in result.stderr
    assert "--reward-threshold" in result.stderr
    assert list((tmp_path / "r" / "cycle-01").glob("rollouts-*.jsonl"))


def test_held_out_part_of_the_training_data(tmp_path: Path) -> None:
    said = io.StringIO()
    config = AudioRAFTConfig(
        model_name=str(assets.model()), output_dir=tmp_path / "r", limit=60, eval_fraction=0.2,
        **RECIPE | {"num_cycles": 1, "steps_per_cycle": 1},
    )  # fmt: skip
    summary = AudioRAFTTrainer(config, reporter=Reporter(said)).train("demo:split=train")
    summary = summary.as_mapping()
    assert "(held out) has 12 utterances to measure: fewer than 20" in said.getvalue()
    assert summary["base"]["n"] == 12
    assert summary["selected_on_same_data"] is True
    trained = rollouts(tmp_path / "r", 1).keys()
    predictions = (tmp_path / "r/cycle-00/predictions.jsonl").read_text().splitlines()
    assert not trained & {json.loads(line)["id"] for line in predictions}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--dataset", "demo"], 2, "model_name: must be set"),
        (["--model", "{model}"], 2, "dataset: must be set"),
        (["--model", "nowhere", "--dataset", "demo"], 2, "nowhere"),
        (["--model", "{model}", "--dataset", "demo:split=tset"], 2, "no split 'tset'"),
        (["--model", "{model}", "--dataset", "missing.jsonl"], 2, "missing.jsonl"),
        (["--model", "{model}", "--dataset", "demo", "--verifier", "werr"], 2, "Did you mean wer"),
        (["--model", "{model}", "--dataset", "demo", "--task", "tts"], 2, "tts"),
        (["--model", "{model}", "--dataset", "demo", "--device", "tpu"], 2, "tpu"),
        (["--model", "{model}", "--dataset", "demo", "--normalizer", "x"], 2, "english-1"),
        (["--model", "{model}", "--dataset", "demo", "--aggregator", "best"], 2, "weighted_mean"),
        (["--cycles", "0", "--temperature", "hot"], 2, "2 settings are wrong"),
    ],
)
def test_wrong_arguments(tmp_path: Path, arguments: list[str], code: int, message: str) -> None:
    filled = [a.format(model=assets.model()) for a in arguments]
    result = run("train", *filled, "--output", tmp_path / "r")
    assert result.exit_code == code, result.output
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "r").exists()


def test_a_run_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    result = run("train", "--model", assets.model(), "--dataset", "demo", "--output", tmp_path)
    assert result.exit_code == 2
    assert "not empty" in result.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


def test_dry_run_writes_nothing(tmp_path: Path) -> None:
    result = run(
        "train", "--model", assets.model(), "--dataset", "demo", "--output", tmp_path / "r",
        "--dry-run", "--device", "cpu",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "WhisperAdapter" in result.stdout
    assert "4 hypotheses per clip at temperature 0.6," in result.stdout
    assert not (tmp_path / "r").exists()


def test_configuration_file_is_overridden_by_flags(tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text(
        f"model_name: {assets.model()}\ndataset: demo\nnum_cycles: 5\nlearning_rate: 5e-5\n"
    )
    result = run(
        "train", "--config", tmp_path / "run.yaml", "--cycles", 3, "--dry-run",
        "--output", tmp_path / "r", "--device", "cpu",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "cycles: 3" in result.stdout


def test_clips_that_cannot_be_used_are_named_and_counted(tmp_path: Path) -> None:
    manifest = tmp_path / "train.jsonl"
    good = [json.loads(line) for line in assets.target_train().read_text().splitlines()[:12]]
    for line in good:
        line["audio_filepath"] = str(assets.target_train().parent / line["audio_filepath"])
    import numpy as np
    import soundfile

    soundfile.write(tmp_path / "long.wav", np.zeros(16_000 * 6), 16_000)
    bad = [
        {"audio_filepath": "long.wav", "text": "one"},
        {"audio_filepath": "gone.wav", "text": "two"},
        {"audio_filepath": "long.wav", "text": None},
        "not an object",
    ]
    manifest.write_text("".join(json.dumps(line) + "\n" for line in [*good, *bad]))
    flags = [
        "train", "--model", assets.model(), "--dataset", manifest, "--device", "cpu",
        "--eval-dataset", "demo:split=heldout", "--selection", "reference", "--cycles", 1,
        "--steps-per-cycle", 1, "--normalizer", "none",
    ]  # fmt: skip
    result = run(*flags, "--output", tmp_path / "r")
    assert result.exit_code == 0, result.output
    skipped = [json.loads(line) for line in (tmp_path / "r/skipped.jsonl").read_text().splitlines()]
    assert len(skipped) == 4
    assert {s["kind"] for s in skipped} >= {"too long", "missing audio", "empty reference"}
    assert "gone.wav" in str(skipped)
    assert f"\n{len(good)} clips that are not" in (tmp_path / "r/best/README.md").read_text()
    assert "skipped" in result.stderr
    measured = run(
        "benchmark", "--model", assets.model(), "--dataset", manifest, "--normalizer", "none",
        "--device", "cpu", "--output", tmp_path / "b",
    )  # fmt: skip
    assert measured.exit_code == 0, measured.output
    named = (tmp_path / "b" / "skipped.jsonl").read_text().splitlines()
    assert sorted(json.loads(line)["kind"] for line in named) == sorted(s["kind"] for s in skipped)
    refused = run(*flags, "--output", tmp_path / "f", "--on-error", "fail")
    assert refused.exit_code == 2
    assert "train.jsonl" in refused.stderr or "long.wav" in refused.stderr


@pytest.mark.soak
def test_clips_that_are_measured_and_learnt_are_called_out(tmp_path: Path) -> None:
    result = run(
        "train", "--model", assets.model(), "--dataset", "demo:split=heldout", "--device", "cpu",
        "--eval-dataset", "demo:split=heldout", "--test-dataset", assets.target_heldout(),
        "--limit", 30, "--cycles", 1, "--steps-per-cycle", 1, "--normalizer", "none",
        "--output", tmp_path / "r",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    warnings = " ".join(result.stderr.split())
    assert "30 of 100 clips of the held-out set demo:split=heldout are also in" in warnings
    assert f"of the test set {assets.target_heldout()} are also in the held-out set" in warnings
    summary = json.loads((tmp_path / "r" / "summary.json").read_text())
    assert summary["selected_on_same_data"] is True


def test_an_unfinished_run_says_what_it_leaves(tmp_path: Path) -> None:
    import soundfile

    soundfile.write(tmp_path / "long.wav", [0.0] * 16_000 * 6, 16_000)
    lines = ["not json", *(json.dumps({"audio_filepath": "long.wav", "text": t}) for t in "ab")]
    (tmp_path / "train.jsonl").write_text("\n".join(lines))
    result = run(
        "train", "--model", assets.model(), "--dataset", tmp_path / "train.jsonl",
        "--eval-dataset", "demo:split=heldout", "--output", tmp_path / "r", "--device", "cpu",
        "--normalizer", "none",
    )  # fmt: skip
    assert result.exit_code == 1
    assert "no hypothesis has a reward" in result.stderr
    assert "skipped 3 of 3: 2 too long, 1 bad JSON" in result.stderr
    assert f"stays in {tmp_path / 'r'}" in result.stderr
    assert len((tmp_path / "r" / "skipped.jsonl").read_text().splitlines()) == 3


def test_the_oracle_is_known_whatever_rewards(tmp_path: Path, few: str) -> None:
    settings = {"eval_dataset": few, "num_cycles": 1, "steps_per_cycle": 1, "limit": 40}
    other = train(tmp_path / "cer", verifier=("cer",), **settings)
    usual = train(tmp_path / "wer", **settings)
    for key in ("greedy_wer", "oracle_wer", "n"):
        assert other["learnability"][key] == usual["learnability"][key]
    assert usual["learnability"]["n"] == 40


def test_what_cannot_be_learnt_is_not_marked_as_kept(tmp_path: Path) -> None:
    lines = [json.loads(line) for line in assets.target_train().read_text().splitlines()[:3]]
    for line in lines:
        line["audio_filepath"] = str(assets.target_train().parent / line["audio_filepath"])
    lines[0]["text"] = "one " * 500
    manifest = tmp_path / "train.jsonl"
    manifest.write_text("".join(json.dumps(line) + "\n" for line in lines))
    config = AudioRAFTConfig(
        model_name=str(assets.model()), eval_dataset="demo:split=heldout",
        output_dir=tmp_path / "r", selection="reference", **RECIPE | {"num_cycles": 1},
    )  # fmt: skip
    AudioRAFTTrainer(config, reporter=Reporter(quiet=True)).train(str(manifest))
    marked = [
        h["kept"] for line in rollouts(tmp_path / "r", 1).values() for h in line["hypotheses"]
    ]
    assert sorted(marked) == [False, True, True]


def test_all_names_that_nobody_serves_are_reported_at_once(tmp_path: Path) -> None:
    result = run(
        "train", "--model", assets.model(), "--dataset", "demo", "--output", tmp_path / "r",
        "--verifier", "werr", "--verifier", "cer:foo=1", "--aggregator", "best", "--adapter", "x",
        "--device", "tpu",
    )  # fmt: skip
    assert result.exit_code == 2
    first, *lines = result.stderr.splitlines()
    keys = [line.split(":")[0].strip() for line in lines]
    assert first.startswith("loading ")
    assert keys == ["Error", "verifier[0]", "verifier[1]", "aggregator", "adapter", "device"]


def test_dry_run_prints_json_when_asked(tmp_path: Path) -> None:
    result = run(
        "train", "--model", assets.model(), "--dataset", "demo:split=train", "--device", "cpu",
        "--eval-dataset", "demo:split=heldout", "--trainable", "lora", "--dry-run", "--json",
    )  # fmt: skip
    plan = json.loads(result.stdout)
    assert plan["settings"]["trainable"] == "lora"
    assert plan["settings"]["temperature"] == 0.6  # a Whisper's, unless it is told
    assert plan["samples"]["held out: demo:split=heldout"] == 100
    assert 0 < plan["trained_weights"] < plan["weights"] / 2


def test_benchmark_refuses_its_output_before_it_decodes(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for folder, reason in ((tmp_path, "not empty"), (tmp_path / "file" / "x", "cannot be")):
        result = run(
            "benchmark", "--model", assets.model(), "--dataset", "missing.jsonl",
            "--output", folder,
        )  # fmt: skip
        assert result.exit_code == 2, result.output
        assert reason in result.stderr
