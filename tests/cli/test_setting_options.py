"""Flags that commands share are generated from the same settings, and mean the same."""

import attrs
import click
import pytest
from click.testing import CliRunner

from audioforge.cli import cli
from audioforge.cli.benchmark import benchmark
from audioforge.cli.train import train
from audioforge.cli.verify import verify
from audioforge.config import AudioRAFTConfig, BenchmarkConfig, VerifyConfig

SETTINGS = {train: AudioRAFTConfig, benchmark: BenchmarkConfig, verify: VerifyConfig}

BENCHMARK = (
    "--model --dataset --task --split --text-column --label-column --data-dir --streaming "
    "--audio-column --speaker-column --audio-root "
    "--limit --language --verifier --normalizer --on-error --max-verifier-failures "
    "--verifier-timeout --batch-size --max-new-tokens --adapter --dtype --device --output "
    "--word-times --plugin --json --quiet -q --verbose -v --log-json"
)
VERIFY = (
    "--task --manifest --audio-dir --verifier --aggregator --normalizer --language --text-column "
    "--label-column --wer-threshold --on-error --max-verifier-failures --verifier-timeout --limit "
    "--device --fail-under --output --plugin --json --pred-column --format --reference --max-wer "
    "--at-most --at-least --junit"
)


def flags_of(command: click.Command) -> dict[str, list[str]]:
    return {str(o.name): o.opts for o in command.params if isinstance(o, click.Option)}


@pytest.mark.parametrize("command", SETTINGS, ids=lambda command: command.name)
def test_each_setting_of_a_command_is_a_flag_that_says_what_it_means(command):
    told = CliRunner().invoke(cli, [command.name, "--help"]).stdout
    flags = flags_of(command)
    for attribute in attrs.fields(SETTINGS[command]):
        (flag,) = flags[attribute.name]
        assert flag in told
    assert all(o.help for o in command.params if isinstance(o, click.Option))


def test_a_flag_that_commands_share_is_the_same_one():
    of_train = flags_of(train)
    for command in (benchmark, verify):
        for name in {a.name for a in attrs.fields(SETTINGS[command])} & of_train.keys():
            assert flags_of(command)[name] == of_train[name]


def test_a_benchmark_trains_nothing_and_scoring_runs_no_model():
    of_benchmark = {flag for flags in flags_of(benchmark).values() for flag in flags}
    added = {"--executor", "--aggregator", "--metric", "--wer-threshold"}
    added |= {"--max-tokens-per-second", "--temperature-fallback"}
    assert of_benchmark == {*BENCHMARK.split(), *added}
    assert {flag for flags in flags_of(verify).values() for flag in flags} == set(VERIFY.split())


@pytest.mark.parametrize("left_out", ["--model", "--dataset"])
def test_a_benchmark_is_of_a_model_on_a_dataset(left_out):
    given = {"--model": "m", "--dataset": "d"}
    del given[left_out]
    result = CliRunner().invoke(cli, ["benchmark", *(x for pair in given.items() for x in pair)])
    assert result.exit_code == 2
    assert f"Missing option '{left_out}'" in result.stderr


@pytest.mark.parametrize(
    "arguments", [["benchmark", "--model", "m", "--dataset", "d"], ["verify", "f"]]
)
def test_everything_wrong_is_told_at_once(arguments):
    wrong = ["--task", "asl", "--limit", "0", "--on-error", "stop", "--verifier", "wer:weight=x"]
    result = CliRunner().invoke(cli, [*arguments, *wrong])
    assert result.exit_code == 2
    assert "4 settings are wrong" in result.stderr
    for key in ("task: 'asl' is not one of asr", "limit: 0", "on_error: 'stop'", "verifier[0]:"):
        assert key in result.stderr
