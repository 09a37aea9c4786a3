"""`audioforge plugins list` and subcommands of plugins, in processes of their own."""

import json
import os
import signal
import subprocess
import sys

import pytest


@pytest.fixture
def audioforge(install):
    """`audioforge(arguments, plugins)` runs the command with test plugins installed."""

    def run(*arguments, plugins=(), restriction=None):
        return subprocess.run(
            [sys.executable, "-m", "audioforge", *arguments],
            env=environment(install(*plugins), restriction),
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def environment(folders, restriction=None):
    env = {k: v for k, v in os.environ.items() if k != "AUDIOFORGE_PLUGINS"}
    env["PYTHONPATH"] = os.pathsep.join(map(str, folders))
    if restriction is not None:
        env["AUDIOFORGE_PLUGINS"] = restriction
    return env


def test_plugins_list_json(audioforge):
    plugins = ("acme-good", "acme-missing", "acme-usurper")
    result = audioforge("plugins", "list", "--json", plugins=plugins)
    assert result.returncode == 0, result.stderr
    rows = {row["distribution"]: row for row in json.loads(result.stdout)}
    assert rows["acme-good"] == {
        "distribution": "acme-good",
        "version": "1.2.3",
        "status": "ok",
        "error": None,
        "api_version": 1,
        "provides": {
            "models": [],
            "verifiers": ["absent-module", "exits", "politeness"],
            "datasets": [],
            "aggregators": ["least"],
            "selections": [],
            "trackers": [],
            "executors": [],
            "exporters": [],
            "augmentations": [],
            "commands": ["acme"],
        },
    }
    assert rows["acme-missing"]["status"] == "failed"
    assert "a_module_that_is_not_there" in rows["acme-missing"]["error"]
    usurped = rows["acme-usurper"]["error"]
    assert "verifier 'wer' is also provided by audioforge-verifiers" in usurped
    assert "command 'train' is also provided by audioforge:" in usurped
    assert rows["audioforge"]["provides"]["selections"] == [
        "best",
        *("grpo", "mix", "mwer", "random", "reference", "rloo", "top-n"),
        "top-percent",
        "weighted",
    ]
    assert rows["audioforge"]["provides"]["executors"] == ["processes"]
    assert rows["audioforge"]["provides"]["trackers"] == [
        *("mlflow", "tensorboard", "trackio", "wandb"),
    ]
    assert rows["audioforge"]["provides"]["augmentations"] == ["noise"]
    assert "wer" in rows["audioforge-verifiers"]["provides"]["verifiers"]
    assert rows["audioforge-whisper"]["status"] == "ok"


def test_plugins_list_for_people(audioforge):
    plugins = ("acme-good", "acme-missing")
    result = audioforge("plugins", "list", plugins=plugins)
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["distribution", "version", "status", "API", "provides"]
    good = next(line for line in lines if line.startswith("acme-good "))
    assert good.split()[1:4] == ["1.2.3", "ok", "1"]
    assert good.endswith(
        "verifiers: absent-module, exits, politeness; aggregators: least; commands: acme"
    ), "piped lines are not cut"
    assert "acme-missing: acme_missing.plugin: ModuleNotFoundError" in result.stdout


def test_an_empty_restriction_is_told_apart_from_nothing_installed(audioforge):
    result = audioforge("plugins", "list", restriction="")
    assert "No other plugin is loaded: AUDIOFORGE_PLUGINS is ''. Unset it" in result.stdout
    result = audioforge("plugins", "list", "--json", restriction="")
    assert [row["distribution"] for row in json.loads(result.stdout)] == ["audioforge"]


def test_a_plugin_adds_a_subcommand(audioforge):
    result = audioforge("--help", plugins=["acme-good"])
    assert "acme Test plugin acme-good." in " ".join(result.stdout.split())
    result = audioforge("acme", "hello", plugins=["acme-good"])
    assert result.stdout == "hello from acme\n"


def test_the_restriction_holds_for_subcommands(audioforge):
    result = audioforge("acme", "hello", plugins=["acme-good"], restriction="audioforge-whisper")
    assert result.returncode == 2
    assert "no command is called 'acme'" in result.stderr


def test_a_subcommand_that_cannot_be_imported(audioforge):
    plugins = ("acme-command-missing", "acme-good")
    result = audioforge("--help", plugins=plugins)
    assert result.returncode == 0
    assert "lame" in result.stdout
    result = audioforge("lame", plugins=plugins)
    assert result.returncode == 2
    assert "'acme-command-missing/lame' (acme_command_missing.command:lame)" in result.stderr
    assert "No module named 'a_module_that_is_not_there'" in result.stderr
    assert "Traceback" not in result.stderr
    assert audioforge("acme", "hello", plugins=plugins).returncode == 0


def test_a_command_of_audioforge_keeps_its_meaning(audioforge):
    result = audioforge("train", "--help", plugins=["acme-usurper"])
    assert "the usurper" not in result.stdout
    assert "--model" in result.stdout
    result = audioforge("acme-usurper/train", plugins=["acme-usurper"])
    assert result.stdout == "the usurper trains\n"


@pytest.mark.parametrize(
    ("kind", "code"),
    [("TrainingError", 1), ("DatasetError", 2), ("UsageError", 2), ("PluginError", 2)],
)
def test_errors_end_with_their_exit_code_and_no_traceback(audioforge, kind, code):
    result = audioforge("acme", "fail", kind, plugins=["acme-good"])
    assert result.returncode == code
    assert result.stdout == ""
    assert result.stderr.endswith("Error: went [bold]wrong[/bold] \\x1b[31m\n")


def test_all_configuration_errors_are_shown(audioforge):
    result = audioforge("acme", "fail", "ConfigError", plugins=["acme-good"])
    assert result.returncode == 2
    assert "Error: 2 settings are wrong:\n  a.b: wrong\n  c: wrong too\n" in result.stderr


def test_a_bug_shows_its_traceback(audioforge):
    result = audioforge("acme", "fail", "bug", plugins=["acme-good"])
    assert result.returncode == 1
    assert "Traceback (most recent call last)" in result.stderr
    assert "ZeroDivisionError: a bug" in result.stderr


def test_interrupted_by_the_keyboard(install):
    process = subprocess.Popen(
        [sys.executable, "-m", "audioforge", "acme", "wait"],
        env=environment(install("acme-good")),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=20)
    assert process.returncode == 130
    assert stderr.endswith("Error: interrupted\n")
    assert "Traceback" not in stderr
