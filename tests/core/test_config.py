"""Settings: converted, checked all at once, the same in YAML, as flags and as keywords."""

from pathlib import Path

import attrs
import click
import pytest
import yaml

from audioforge.cli.train import build_config, train
from audioforge.config import (
    AudioRAFTConfig,
    VerifierSetting,
    VerifyConfig,
    from_cycle,
    read_config_file,
)
from audioforge.config.units import UNITS
from audioforge.errors import ConfigError

RENAMED = {
    "model_name": "--model",
    "num_cycles": "--cycles",
    "output_dir": "--output",
    "parent": "--continue",
}


def problems_of(values: dict) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as raised:
        AudioRAFTConfig.from_mapping(values)
    return raised.value.problems


def from_yaml(folder: Path, text: str) -> AudioRAFTConfig:
    path = folder / "run.yaml"
    path.write_text(text, encoding="utf-8")
    return AudioRAFTConfig.from_mapping(read_config_file(path))


def test_every_problem_is_reported_at_once_and_starts_with_its_key():
    problems = problems_of(
        {
            "num_cycle": 3,
            "learning_rate": "fast",
            "batch_size": 0,
            "selection": 3,
            "temperature": -1,
            "verifier": [3],
            "task": "asl",
        }
    )
    assert sorted(problem.split(":")[0] for problem in problems) == [
        "batch_size",
        "learning_rate",
        "num_cycle",
        "selection",
        "task",
        "temperature",
        "verifier",
    ]
    text = str(ConfigError(problems))
    assert "7 settings are wrong" in text
    assert "Did you mean num_cycles?" in text
    assert "asr, classification, tts" in text


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("num_cycles", True, "True is not a number"),
        ("num_cycles", 2.5, "2.5 is not a whole number"),
        ("num_cycles", "2.5", "'2.5' is not a whole number"),
        ("num_cycles", 0, "0 must be at least 1"),
        ("num_cycles", float("nan"), "nan is not a whole number"),
        ("num_cycles", 10**400, "is not a number"),
        ("learning_rate", float("inf"), "inf is not a finite number"),
        ("learning_rate", "nan", "nan is not a finite number"),
        ("learning_rate", 0, "0 must be greater than 0"),
        ("top_p", 1.5, "1.5 must be at most 1"),
        ("streaming", "yes", "'yes' is neither true nor false"),
        ("streaming", 1, "1 is neither true nor false"),
        ("language", False, "False is not text; put it in quotes"),
        ("language", "", "'' is not text"),
        ("retention_dataset", ["a", 1], "1 is not text"),
        ("retention_dataset", 5, "5 is not a list"),
        ("interpolate", "0.5,half", "'half' is not a number"),
        ("interpolate", [0.5, 1.5], "1.5 must be at most 1"),
        ("interpolate", [0.0], "0 must be greater than 0"),
        ("interpolate", True, "True is not a number"),
        ("output_dir", 3, "3 is not text"),
        ("seed", None, "must have a value"),
    ],
)
def test_a_wrong_value_is_refused_with_its_reason(key, value, reason):
    (problem,) = problems_of({key: value})
    assert problem.startswith(f"{key}: ")
    assert reason in problem


def test_numbers_may_be_text_as_yaml_reads_5e_5(tmp_path):
    config = from_yaml(tmp_path, "learning_rate: 5e-5\nnum_cycles: '3'\nsamples_per_prompt: 1e1\n")
    assert config.learning_rate == 5e-5
    assert (config.num_cycles, config.samples_per_prompt) == (3, 10)
    assert type(config.num_cycles) is int


@pytest.mark.parametrize("seed", [9007199254740993, "9007199254740993"])
def test_a_large_seed_is_not_rounded(seed):
    assert AudioRAFTConfig(seed=seed).seed == 9007199254740993


def test_a_single_value_stands_for_a_list_of_one():
    config = AudioRAFTConfig.from_mapping(
        {"retention_dataset": "old.jsonl", "interpolate": 0.5, "verifier": {"name": "cer"}}
    )
    assert config.retention_dataset == ("old.jsonl",)
    assert config.interpolate == (0.5,)
    assert [v.name for v in config.verifiers] == ["cer"]
    assert AudioRAFTConfig(interpolate="0.25, 0.5,").interpolate == (0.25, 0.5)


@pytest.mark.parametrize("text", ["", "# nothing\n", "null\n", "---\n"])
def test_an_empty_file_sets_nothing(tmp_path, text):
    assert from_yaml(tmp_path, text) == AudioRAFTConfig()


def test_null_is_the_default_only_where_there_is_none(tmp_path):
    assert from_yaml(tmp_path, "limit: null\noutput_dir: ~\n") == AudioRAFTConfig()
    with pytest.raises(ConfigError, match="num_cycles: must have a value"):
        from_yaml(tmp_path, "num_cycles: null\n")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"- a\n- b\n", "expected settings as 'key: value', not list"),
        (b"seed 3", "expected settings as 'key: value', not str"),
        (b"seed: [1", "not YAML"),
        (b"seed: 2001-99-99", "not YAML: month must be in 1..12"),
        (b"seed: " + b"1" * 5000, "not YAML"),
        (b"[" * 5000, "not YAML"),
        (b"\xff\xfe\xfa", "not UTF-8"),
        (b"seed: !!python/object/apply:os.getcwd []", "not YAML"),
        (b"#" * 200_000, "larger than 100,000 bytes"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused(tmp_path, content, reason):
    path = tmp_path / "run.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as raised:
        read_config_file(path)
    assert reason in str(raised.value)
    assert str(path) in str(raised.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"absent\.yaml: cannot be read: No such file"):
        read_config_file(tmp_path / "absent.yaml")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        read_config_file(tmp_path)


@pytest.mark.parametrize("merge", [False, True])
def test_yaml_that_unfolds_without_end_is_refused_at_once(tmp_path, merge):
    lines = ["a0: &a0 {x: 1}" if merge else "a0: &a0 [x, x]"]
    for n in range(1, 25):
        again = ", ".join([f"*a{n - 1}"] * 9)
        lines.append(f"a{n}: &a{n} {{<<: [{again}]}}" if merge else f"a{n}: &a{n} [{again}]")
    path = tmp_path / "run.yaml"
    path.write_text("\n".join(lines) + "\nmodel_name: *a24\n")
    with pytest.raises(ConfigError, match="aliases"):
        read_config_file(path)  # unfolded it would be longer than any memory


def test_a_message_stays_short_whatever_the_value():
    (problem,) = problems_of({"model_name": [["x" * 1000] * 1000] * 1000})
    assert len(problem) < 2000


def test_every_setting_is_a_flag():
    flags = {o.name: o.opts for o in train.params if isinstance(o, click.Option)}
    for name in (a.name for a in attrs.fields(AudioRAFTConfig)):
        assert flags[name] == [RENAMED.get(name, f"--{name.replace('_', '-')}")]


def test_every_setting_can_be_set_by_its_flag_as_text():
    texts = {"int": "3", "float": "0.5", "path": "a/b", "floats": "0.5", "flag": True}
    texts |= {"language": "pt-BR", "schedule": "0.5,0.4"}
    flags = {}
    for attribute in attrs.fields(AudioRAFTConfig):
        kind, choices = attribute.metadata["kind"], attribute.metadata["choices"]
        value = choices[-1] if choices else texts.get(kind, "name")
        flags[attribute.name] = (value,) if kind in ("texts", "plugins") else value
    del flags["parent"]  # which must be there
    config = build_config(None, flags)
    defaults = AudioRAFTConfig()
    unchanged = [name for name in flags if getattr(config, name) == getattr(defaults, name)]
    assert unchanged == []
    assert (config.num_cycles, config.output_dir) == (3, Path("a/b"))


def test_flags_override_the_file_and_leave_the_rest(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("num_cycles: 2\nseed: 7\nretention_dataset: [a, b]\n")
    flags = {"seed": "9", "num_cycles": None, "retention_dataset": (), "verifier": ("cer",)}
    config = build_config(path, flags)
    assert (config.num_cycles, config.seed, config.retention_dataset) == (2, 9, ("a", "b"))
    assert config.verifier == ("cer",)


def test_problems_of_file_and_flags_come_together(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("sede: 7\nbatch_size: none\n")
    with pytest.raises(ConfigError) as raised:
        build_config(path, {"top_p": "2"})
    assert sorted(p.split(":")[0] for p in raised.value.problems) == ["batch_size", "sede", "top_p"]


@pytest.mark.parametrize(("wer", "reward"), [(0.3, 0.7), (0, 1.0), (0.5, 0.5), (1, 0), (1.5, 0)])
def test_the_reward_threshold_follows_the_wer_threshold(wer, reward):
    assert AudioRAFTConfig(wer_threshold=wer).effective_reward_threshold == reward
    fixed = AudioRAFTConfig(wer_threshold=wer, reward_threshold=[0.0, 0.5])
    assert [fixed.reward_threshold_of(cycle) for cycle in (1, 2, 3)] == [0.0, 0.5, 0.5]


def test_one_learning_rate_decays_per_cycle_and_several_are_as_they_stand():
    decaying = AudioRAFTConfig(learning_rate=1e-4, lr_decay_per_cycle=0.5)
    rates = [decaying.learning_rate_of(cycle) for cycle in (1, 2, 3)]
    assert rates == pytest.approx([1e-4, 5e-5, 2.5e-5])
    listed = AudioRAFTConfig(learning_rate=[1e-4, 3e-5], lr_decay_per_cycle=0.5)
    assert [listed.learning_rate_of(cycle) for cycle in (1, 2, 3)] == [1e-4, 3e-5, 3e-5]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (0.8, 0.8),
        ("0.8", 0.8),
        ([0.8], 0.8),
        ("1.2,1.0,0.8", (1.2, 1.0, 0.8)),
        ([1.2, "1e0"], (1.2, 1.0)),
    ],
)
def test_a_schedule_is_one_number_or_one_for_each_cycle(given, kept):
    config = AudioRAFTConfig(temperature=given, reward_threshold=0.5)
    assert config.temperature == kept
    assert AudioRAFTConfig.from_mapping(config.as_mapping()) == config
    last = kept if isinstance(kept, float) else kept[-1]
    assert [config.temperature_of(cycle) for cycle in (4, 90)] == [last, last]


@pytest.mark.parametrize(
    ("schedule", "reason"),
    [
        ([1.0, 0], "0 must be greater than 0"),
        ("1.0,fast", "'fast' is not a number"),
        ([], "must have a value"),
        ("", "must have a value"),
        ({"first": 1}, "is not a list"),
        ([1.0, True], "True is not a number"),
    ],
)
def test_each_number_of_a_schedule_is_checked(schedule, reason):
    (problem,) = problems_of({"temperature": schedule})
    assert problem.startswith("temperature: ")
    assert reason in problem


def test_what_is_left_of_a_schedule_begins_with_a_later_cycle():
    assert from_cycle((3.0, 2.0, 1.0), 2) == (2.0, 1.0)
    assert from_cycle((3.0, 2.0, 1.0), 3) == from_cycle((3.0, 2.0, 1.0), 9) == 1.0
    assert from_cycle(0.7, 9) == 0.7


def test_the_rate_is_warmed_up_in_equal_steps():
    config = AudioRAFTConfig(learning_rate=[4e-5, 1e-5], warmup_steps=3)
    rates = [config.learning_rate_of(1, step) for step in (1, 2, 3, 4, 5)]
    assert rates == pytest.approx([1e-5, 2e-5, 3e-5, 4e-5, 4e-5])
    assert config.learning_rate_of(2, 1) == pytest.approx(0.25e-5)


def test_points_between_base_and_tuned_by_default_only_with_a_retention_set():
    assert AudioRAFTConfig().effective_interpolate == (1.0,)
    with_set = AudioRAFTConfig(retention_dataset=("old",))
    assert with_set.effective_interpolate == (0.25, 0.4, 0.5, 0.6, 0.75, 1.0)
    both = AudioRAFTConfig(retention_dataset=("old",), interpolate=(0.1,))
    assert both.effective_interpolate == (0.1,)


@pytest.mark.parametrize(
    "reference",
    [
        "acme/politeness:weight=0.5,id=kind,terms=a.txt",
        {"name": "acme/politeness", "weight": 0.5, "id": "kind", "terms": "a.txt"},
    ],
)
def test_weight_and_id_of_a_verifier_are_the_runs_and_the_rest_its_own(reference):
    setting = VerifierSetting.parse(reference)
    assert (setting.name, setting.id, setting.weight) == ("acme/politeness", "kind", 0.5)
    assert setting.options == {"terms": "a.txt"}


def test_a_verifier_is_called_by_its_short_name_and_weighs_one():
    setting = VerifierSetting.parse("acme/politeness")
    assert (setting.id, setting.weight, setting.options) == ("politeness", 1.0, {})


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("wer:weight=-1", "weight -1 is not a number from 0"),
        ("wer:weight=nan", "weight nan is not"),
        ("wer:weight=inf", "weight inf is not"),
        ("wer:weight=much", "'much' is not a number"),
        ("wer:strict", "write settings as name:key=value"),
        ("wer:weight=1,weight=2", "weight is there twice"),
        ("wer:id=", "id is empty"),
        (":weight=1", "a verifier needs a name"),
        ({"weight": 1}, "a verifier needs a name"),
        ({"name": "wer", "weight": True}, "True is not a number"),
    ],
)
def test_a_wrong_verifier_setting_is_named_by_its_place(reference, reason):
    (problem,) = problems_of({"verifier": ["cer", reference]})
    assert problem.startswith("verifier[1]: ")
    assert reason in problem


def test_the_tasks_own_verifiers_are_the_default():
    assert [v.name for v in AudioRAFTConfig().verifiers] == ["wer"]
    tts = AudioRAFTConfig(task="tts").verifiers
    assert sum(v.weight for v in tts) == pytest.approx(1.0)


def test_written_settings_read_back_the_same(tmp_path):
    config = AudioRAFTConfig(
        model_name="m",
        output_dir="runs/ą",
        verifier=("wer", {"name": "cer", "weight": 0.2}),
        interpolate=(0.5, 1),
        learning_rate=5e-5,
    )
    text = yaml.safe_dump(config.as_mapping(), allow_unicode=True)
    assert from_yaml(tmp_path, text) == config


def test_contradictions_come_together_with_wrong_values():
    problems = problems_of(
        {"temperature": -1, "verifier": ["wer:weight=-1"], "retention_dataset": ["a", "b", "a"]}
    )
    assert [p.split(":")[0] for p in problems] == [
        "temperature",
        "retention_dataset",
        "verifier[0]",
    ]
    assert problems[1] == "retention_dataset: a is there twice"


def test_the_home_folder_is_found_where_no_shell_has_replaced_it(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert AudioRAFTConfig(output_dir="~/runs").output_dir == tmp_path / "runs"


def test_every_number_says_what_it_counts():
    """docs/configuration.md has a unit for each; config/units.py is where to name it."""
    fields = [*attrs.fields(AudioRAFTConfig), *attrs.fields(VerifyConfig)]
    numbers = {
        f.name for f in fields if f.metadata["kind"] in ("int", "float", "floats", "schedule")
    }
    assert not numbers - UNITS.keys()
