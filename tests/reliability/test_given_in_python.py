"""A run on functions and data that were given in Python: what it learns, and how it goes on."""

from __future__ import annotations

import json

import pytest
import soundfile
from click.testing import CliRunner

from audioforge import AudioRAFTConfig, AudioRAFTTrainer, Kept, open_run
from audioforge.cli import cli
from audioforge.errors import ConfigError, UsageError, VerifierError
from audioforge.terminal.reporter import Reporter

from .tone_run import K, read_lines, results, settings, train

QUIET = Reporter(quiet=True)


def rows(inputs, name):
    """The usable clips of a dataset as arrays."""
    for line in read_lines(inputs / f"{name}.jsonl"):
        if not line["id"].endswith("broken"):
            sound, rate = soundfile.read(inputs / line["audio_filepath"], dtype="float32")
            yield {"audio": sound, "sampling_rate": rate, "text": line["text"], "id": line["id"]}


def short(samples, hypotheses):
    return [1.0 if len(h.text) < 22 else 0.5 for h in hypotheses]


def right(samples, hypotheses):
    return [float(h.text == s.reference) for s, h in zip(samples, hypotheses, strict=True)]


def trainer(inputs, output, **changes):
    recipe = settings(inputs, retention_dataset=[], test_dataset=None, **changes)
    hears = {key: recipe.pop(key) for key in ("on_metrics", "on_utterances") if key in recipe}
    del recipe["dataset"], recipe["eval_dataset"]
    config = AudioRAFTConfig(**recipe, output_dir=output)
    return AudioRAFTTrainer(config, reporter=Reporter(quiet=True), **hears)


def data(inputs):
    return {"dataset": rows(inputs, "train"), "eval_dataset": list(rows(inputs, "heldout"))}


@pytest.fixture(scope="module")
def given(inputs):
    """A run on arrays and functions that nothing interrupted."""
    output = inputs / "given"
    trainer(inputs, output, verifier=["wer", {"name": short, "weight": 0.5}]).train(**data(inputs))
    return output


def test_arrays_are_learnt_from_as_their_files_are(inputs, whole, tmp_path):
    recipe = settings(inputs, retention_dataset=[], test_dataset=None)
    of_files = train(tmp_path / "files", recipe)
    of_arrays = trainer(inputs, tmp_path / "arrays").train(**data(inputs)).as_mapping()
    assert [c["wer"] for c in of_arrays["cycles"]] == [c["wer"] for c in of_files["cycles"]]
    assert [c["loss"] for c in of_arrays["cycles"]] == [c["loss"] for c in of_files["cycles"]]


def test_functions_score_under_their_names(given):
    summary = open_run(given).as_mapping()
    assert summary["verifiers"] == {"wer": 1.0, "short": 0.5}
    for line in open_run(given).rollouts(cycle=1):
        for hypothesis in line["hypotheses"]:
            scores = hypothesis["scores"]
            assert scores["short"]["reward"] == (1.0 if len(hypothesis["text"]) < 22 else 0.5)
            mean = (scores["wer"]["reward"] + 0.5 * scores["short"]["reward"]) / 1.5
            assert hypothesis["reward"] == pytest.approx(mean)


def test_a_function_that_selects_decides_what_is_kept(inputs, tmp_path):
    def last(rollouts, context):
        return [Kept(r.sample, r.hypotheses[-1].hypothesis) for r in rollouts]

    run = trainer(inputs, tmp_path / "run", selection=last, num_cycles=1)
    summary = run.train(**data(inputs))
    assert summary.as_mapping()["selection"] == "last"
    kept = [[h["kept"] for h in line["hypotheses"]] for line in summary.rollouts(1)]
    assert kept == [[False] * (K - 1) + [True]] * len(kept)


def test_a_run_that_was_stopped_asks_for_all_again_and_ends_the_same(inputs, given, tmp_path):
    run = tmp_path / "run"

    def stop(step, values):
        if step == 3:
            raise KeyboardInterrupt

    verifiers = ["wer", {"name": short, "weight": 0.5}]
    stopped = trainer(inputs, run, verifier=verifiers, on_metrics=stop)
    with pytest.raises(KeyboardInterrupt):
        stopped.train(**data(inputs))
    result = CliRunner().invoke(cli, ["train", "--resume", str(run)])
    assert result.exit_code == 2
    assert "begun in Python, with the verifier short as a function" in result.output
    assert f"AudioRAFTTrainer.resume('{run}', given=[short])" in result.output
    with pytest.raises(UsageError, match="begun without the function right"):
        AudioRAFTTrainer.resume(run, reporter=QUIET, given=[short, right])
    resumed = AudioRAFTTrainer.resume(run, reporter=QUIET, given=[short])
    with pytest.raises(UsageError, match="python-dataset are data that were given in Python"):
        resumed.train()
    fewer = list(rows(inputs, "train"))[:-1]
    with pytest.raises(UsageError, match="train: python-dataset: had 20 samples, has 19"):
        resumed.train(fewer, eval_dataset=data(inputs)["eval_dataset"])
    resumed.train(**data(inputs))
    left = {n: v for n, v in results(run).items() if "state/" not in n}
    whole = {n: v for n, v in results(given).items() if "state/" not in n}
    assert left.keys() == whole.keys()
    assert {n for n in left if left[n] != whole[n]} == set()


def test_another_function_of_the_name_is_refused(inputs, tmp_path):
    def judge(samples, hypotheses):
        return [1.0 for _ in hypotheses]

    def stop(step, values):
        raise KeyboardInterrupt

    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        trainer(inputs, run, verifier=[judge], on_metrics=stop).train(**data(inputs))

    def judge(samples, hypotheses):
        return [0.9 for _ in hypotheses]

    with pytest.raises(UsageError, match="the code of python/judge: changed"):
        AudioRAFTTrainer.resume(run, reporter=QUIET, given=[judge]).train(**data(inputs))


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda s, h: [1.0], r"returned 1 rewards for 2 hypotheses"),
        (lambda s, h: [2.0 for _ in h], r"must be in \[0, 1\] or None, not 2.0"),
        (lambda s, h: 1.0, "returned float instead of a list of rewards"),
        (lambda s, h: ["good" for _ in h], "'good' as a reward, which is no number"),
        (lambda s, h: [s.missing for _ in h], "AttributeError"),
    ],
)
def test_a_function_that_is_no_verifier_is_said_at_the_start(inputs, tmp_path, function, said):
    run = trainer(inputs, tmp_path / "run", verifier={"name": function, "id": "mine"})
    with pytest.raises(VerifierError, match=rf"verifier 'mine', tried on '.*': .*{said}"):
        run.train(**data(inputs))
    assert not (tmp_path / "run/config.yaml").exists()


def test_what_a_function_fails_on_later_is_counted_as_of_a_plugin(inputs, tmp_path):
    def moody(samples, hypotheses):
        if any(h.text != s.reference for s, h in zip(samples, hypotheses, strict=True)):
            raise RuntimeError("not my kind of text")
        return [1.0 for _ in hypotheses]

    run = trainer(inputs, tmp_path / "run", verifier=[moody])
    with pytest.raises(VerifierError, match=r"'moody' failed on .*not my kind of text") as caught:
        run.train(**data(inputs))
    assert "test_given_in_python.py:" in str(caught.value)  # the line of the function


def test_listeners_hear_and_one_that_fails_ends_nothing(inputs, tmp_path, capsys):
    steps, seen = [], []

    def utterances(cycle, outputs):
        seen.append((cycle, len(list(outputs))))
        raise RuntimeError("full")

    run = trainer(
        inputs,
        tmp_path / "run",
        on_metrics=lambda step, values: steps.append((step, values)),
        on_utterances=utterances,
    )
    summary = run.train(**data(inputs))
    losses = [line["loss"] for cycle in (1, 2) for line in summary.steps(cycle)]
    assert [values["loss"] for _, values in steps if "loss" in values] == losses
    assert seen == [(0, 20)]
    assert "'on_utterances' failed at utterances: RuntimeError: full" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("verifier", "said"),
    [
        (lambda s, h: [], r"a lambda has no name: write {'name': lambda …, 'id': 'short'}"),
        ([short, short], "the function short is called as another function"),
        ({"name": short, "id": "wer"}, "the function wer is called as what is installed"),
        ({"name": short, "id": "a/b"}, "'a/b' is no name for a function"),
    ],
)
def test_what_a_function_is_called_is_its_own(inputs, tmp_path, verifier, said):
    with pytest.raises((ConfigError, UsageError), match=said):
        trainer(inputs, tmp_path / "run", verifier=verifier).train(**data(inputs))


def test_settings_and_files_know_names_alone(given):
    recorded = json.loads((given / "environment.json").read_text())["plugins"]["python"]["given"]
    assert recorded == [
        ["verifiers", "short"],
        ["datasets", "python-dataset"],
        ["datasets", "python-eval-dataset"],
    ]
    assert "name: short" in (given / "config.yaml").read_text()
