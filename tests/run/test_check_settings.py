"""What no plugin and no machine can serve is told before anything is read, all of it at once."""

import pytest

from audioforge.config import AudioRAFTConfig, BenchmarkConfig, VerifyConfig
from audioforge.errors import ConfigError
from audioforge.run.check_settings import check_settings


def problems_of(registry, config) -> tuple[str, ...]:
    try:
        check_settings(registry, config)
    except ConfigError as error:
        return error.problems
    return ()


def test_each_setting_that_names_a_plugin_is_told_of_with_the_rest(registry):
    problems = problems_of(
        registry,
        AudioRAFTConfig(
            selection="bets",
            executor="cluster:nodes=2",
            log_with=("notes", {"name": "board"}),
            aggregator="weighted",
            verifier=("werr",),
            adapter="wisper",
            device="gpu",
            new_head=True,
        ),
    )
    keys = [problem.split(":")[0] for problem in problems]
    assert sorted(keys) == [
        "adapter", "aggregator", "device", "executor", "log_with[0]", "log_with[1]", "new_head",
        "selection", "verifier[0]",
    ]  # fmt: skip
    elsewhere = problems_of(registry, AudioRAFTConfig(executor="cluster", device="cuda"))
    assert [problem.split(":")[0] for problem in elsewhere] == ["executor"]  # its device is its own
    (selection,) = (problem for problem in problems if problem.startswith("selection"))
    assert selection.startswith("selection: no selection is called 'bets'. Did you mean best?")
    assert (
        "best, grpo, mix, mwer, random, reference, rloo, top-n, top-percent, weighted" in selection
    )


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"selection": "best:much=1"}, "selection: best.much: no such option"),
        ({"selection": {"name": "random", "seed": 1}}, "selection: random.seed: no such option"),
        ({"selection": "best:much"}, "selection: 'best:much': write settings as name:key=value"),
        ({"executor": "processes:much=1"}, "executor: processes.much: no such option"),
        ({"log_with": ["board:a=1,a=2"]}, "log_with[0]: 'board:a=1,a=2': a is there twice"),
    ],
)
def test_options_of_a_plugin_are_checked_with_its_name(registry, settings, told):
    (problem,) = problems_of(registry, AudioRAFTConfig(**settings))
    assert problem.startswith(told)


@pytest.mark.parametrize("selection", ["best", {"name": "best"}, "audioforge/best"])
def test_of_one_hypothesis_there_is_no_best_one(registry, selection):
    (problem,) = problems_of(registry, AudioRAFTConfig(samples_per_prompt=1, selection=selection))
    assert problem == (
        "samples_per_prompt: with 1 hypothesis per clip there is no best one to select; use 2 or "
        "more"
    )
    assert not problems_of(registry, AudioRAFTConfig(samples_per_prompt=2, selection=selection))


@pytest.mark.parametrize("selection", ["random", "reference", "top-percent"])
def test_one_hypothesis_is_enough_for_what_chooses_among_all(registry, selection):
    assert not problems_of(registry, AudioRAFTConfig(samples_per_prompt=1, selection=selection))


def test_a_command_is_asked_for_its_own_settings_only(registry):
    scoring = problems_of(registry, VerifyConfig(aggregator="weighted", device="gpu"))
    assert [problem.split(":")[0] for problem in scoring] == ["aggregator", "device"]
    measuring = problems_of(registry, BenchmarkConfig(adapter="wisper", executor="cluster"))
    assert [problem.split(":")[0] for problem in measuring] == ["executor", "adapter"]
