"""What people and programs see of the commands: lines, JSON, help, completion, tables."""

import io
import json
import re

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner
from rich.console import Console

from audioforge.cli import cli
from audioforge.cli.sections import FIRST_TITLE, SECTIONS
from audioforge.terminal import console
from audioforge.terminal.json_log import EVENTS
from audioforge_demo import assets

TABLES = [
    ["models"],
    ["datasets"],
    ["plugins", "list"],
    ["presets"],
    ["datasets", "show", "demo", "--limit", "3"],
]


def run(*arguments: object):
    return CliRunner().invoke(cli, list(map(str, arguments)), catch_exceptions=False)


def train(folder, *more: object):
    flags = ("--steps-per-cycle", 1, "--cycles", 1, "--limit", 24, "--device", "cpu")
    data = ("--model", assets.model(), "--dataset", "demo", "--output", folder)
    return run("train", *data, *flags, *more)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    result = train(tmp_path_factory.mktemp("run") / "run", "--log-json")
    assert result.exit_code == 0, result.output
    return result


def test_a_json_log_tells_the_whole_run_in_documented_events(trained):
    events = [json.loads(line) for line in trained.stderr.splitlines()]
    kinds = {event["event"] for event in events}
    assert kinds <= EVENTS.keys()
    assert {"info", "progress", "rollouts", "learnability", "step", "cycle", "end"} <= kinds
    assert events[0]["message"].startswith("loading PyTorch, ")
    cycles = [event for event in events if event["event"] == "cycle"]
    assert [event["cycle"] for event in cycles] == [0, 1]
    assert cycles[1]["figures"]["steps"] == 1
    progress = [event for event in events if event["event"] == "progress"]
    left = {event["phase"][:16]: event["run_seconds_left"] for event in progress}
    assert left["cycle 0 evaluate"] >= left["cycle 1 update"] >= left["cycle 1 evaluate"] == 0
    end = events[-1]
    assert (end["event"], end["finished"], end["improved"]) == ("end", True, False)
    assert "To try: " in trained.stdout


def test_quiet_leaves_the_final_line(tmp_path, trained):
    result = train(tmp_path / "run", "-q")
    last = trained.stdout.splitlines()[-1]
    assert result.stdout.count("\n") == 1
    assert result.stdout.startswith("Not improved: ")
    assert last.startswith("Not improved: ")
    assert all(line.startswith("Warning: ") for line in result.stderr.splitlines())


def test_a_benchmark_is_quiet_or_tells_events():
    command = ("benchmark", "--model", assets.model(), "--dataset", "demo", "--limit", 12)
    command += ("--device", "cpu")
    quiet, told = run(*command, "-q"), run(*command, "--log-json", "--json")
    assert quiet.stdout.count("\n") == 1
    assert quiet.stdout.startswith("WER ")
    assert all(line.startswith("Warning: ") for line in quiet.stderr.splitlines())
    events = [json.loads(line) for line in told.stderr.splitlines()]
    assert {event["event"] for event in events} <= EVENTS.keys()
    assert {"info", "progress"} <= {event["event"] for event in events}
    assert 0 < json.loads(told.stdout)["wer"] < 1


def test_an_error_is_an_event_too(tmp_path):
    result = train(tmp_path / "run", "--log-json", "--verifier", "nobody")
    *_, last = (json.loads(line) for line in result.stderr.splitlines())
    assert result.exit_code == 1 or result.exit_code == 2
    assert last["event"] == "error"
    assert "nobody" in last["message"]


def test_more_and_less_cannot_both_be(tmp_path):
    assert "choose one" in run("train", "-q", "-v").stderr


def test_a_dry_run_says_how_long_and_with_how_much_memory(tmp_path):
    plan = json.loads(train(tmp_path / "run", "--dry-run", "--json").stdout)
    expected = plan["expected"]
    assert expected["clips"] == 8
    assert set(expected["seconds"]) == {"evaluate", "sample", "update"}
    assert min(expected["seconds"].values()) > 0
    assert expected["memory_bytes"] > 2**20
    assert len(plan["held_out"]) == len(set(plan["held_out"])) > 0
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("command", TABLES, ids=" ".join)
def test_a_terminal_of_80_columns_breaks_no_word(command, monkeypatch):
    piped = run(*command).stdout
    terminal = Console(force_terminal=True, width=80, file=io.StringIO(), highlight=False)
    monkeypatch.setattr(console, "stdout", lambda: terminal)
    with terminal.capture() as capture:
        run(*command)
    shown = re.sub(r"\x1b\[[0-9;]*m", "", capture.get())
    heads = {"checkpoint", "format", "name"}  # of what is no longer a table
    assert set(piped.split()) - set(shown.split()) <= heads
    words_fit = [line for line in shown.splitlines() if max(map(len, line.split()), default=0) < 60]
    assert all(len(line.rstrip()) <= 80 for line in words_fit)


def test_the_help_has_its_sections_in_order_and_each_option_once():
    told = run("train", "--help").stdout
    titles = re.findall(r"^(\w[\w ]+):$", told, flags=re.MULTILINE)
    assert titles == [FIRST_TITLE, *SECTIONS]
    first = told[told.index(f"{FIRST_TITLE}:") : told.index("\nData:")]
    assert len(re.findall(r"^  -", first, flags=re.MULTILINE)) == 10
    flags = re.findall(r"^  (?:-\w, )?(--[a-z-]+)", told, flags=re.MULTILINE)
    assert len(flags) == len(set(flags))
    assert run("benchmark", "--help").stdout.count("--model TEXT") == 1


@pytest.mark.parametrize(
    ("typed", "begun", "offered"),
    [
        (["train", "--verifier"], "w", {"wer"}),
        (["train", "--preset"], "agg", {"aggressive"}),
        (["train", "--selection"], "top", {"top-n", "top-percent"}),
        (["train", "--task"], "t", {"tts"}),
        (["presets"], "con", {"conservative"}),
        (["datasets", "show"], "dem", {"demo"}),
        ([], "bench", {"benchmark"}),
    ],
)
def test_a_shell_completes_names(typed, begun, offered):
    found = ShellComplete(cli, {}, "audioforge", "_AUDIOFORGE_COMPLETE").get_completions(
        typed, begun
    )
    assert {item.value for item in found if item.type == "plain"} == offered
    kinds = [item.type for item in found]
    assert kinds == sorted(kinds), "files come first: bash forgets what came before them"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_its_script(shell):
    assert "_AUDIOFORGE_COMPLETE" in run("completion", shell).stdout
