"""Every unusual file through every command: what is skipped, counted or refused, and what is said.

A command ends with 0 where something is left to do, and with 2 where nothing is; never with a
traceback (which the runner lets through), never without a word.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from attrs import frozen
from click.testing import CliRunner, Result

from audioforge.cli import cli

pytestmark = pytest.mark.no_cover  # shorter tests pass the same lines


@frozen
class Outcome:
    """What `datasets show` says of a file.

    Attributes:
        usable: Clips; None where the file is refused as a whole.
        kinds: Problems by kind, of clips that are left out or should be looked at.
        said: Part of the message.
        unusable: Lines that a benchmark leaves out; None where it is refused.
    """

    usable: int | None
    kinds: dict[str, int]
    said: str = ""
    unusable: int | None = 0


NO_TEXT = {"empty reference": 1}
UNDECODABLE = {"undecodable": 1}
AGAIN = {"same sound": 1}
"""Most of these manifests have one sound, again and again."""

SOUNDS = {
    "all_nan.wav": Outcome(0, UNDECODABLE, "NaN or infinite"),
    "channels_zero.wav": Outcome(0, UNDECODABLE, "Channel count is zero"),
    "clipped.wav": Outcome(1, {}),
    "corrupt_middle.flac": Outcome(0, UNDECODABLE, "the file is cut or damaged"),
    "dc_offset.wav": Outcome(1, {}),
    "eight_channels.wav": Outcome(1, {}),
    "empty.flac": Outcome(0, UNDECODABLE, "the file is empty"),
    "empty.wav": Outcome(0, UNDECODABLE, "the file is empty"),
    "flac_renamed.wav": Outcome(1, {}),
    "float_over_one.wav": Outcome(1, {}),
    "good.flac": Outcome(1, {}),
    "header_only.flac": Outcome(0, UNDECODABLE, "there is a header and no sound after it"),
    "huge_data_size.wav": Outcome(1, {}),
    "mono_16k.ogg": Outcome(1, {}),
    "nan_inf.wav": Outcome(0, UNDECODABLE, "NaN or infinite"),
    "odd_byte.wav": Outcome(1, {}),
    "one_channel_silent.wav": Outcome(1, {}),
    "one_sample.wav": Outcome(1, {}),
    "opposite_phase.wav": Outcome(0, {"cancelled out": 1}, "turn one of them over"),
    "pcm24_44k.wav": Outcome(1, {}),
    "random_bytes.flac": Outcome(0, UNDECODABLE, "it is no WAV, FLAC"),
    "rate_11025_u8.wav": Outcome(1, {}),
    "rate_192k.wav": Outcome(1, {}),
    "rate_8k_ulaw.wav": Outcome(1, {}),
    "rate_zero.wav": Outcome(0, UNDECODABLE, "sampling rate of 0"),
    "silence_1s.wav": Outcome(1, {"silent": 1}, "every sample is 0"),
    "silence_3h.flac": Outcome(1, {"silent": 1}, "every sample is 0"),
    "stereo_44k.mp3": Outcome(1, {}),
    "stereo_48k.opus": Outcome(1, {}),
    "ten_ms.wav": Outcome(1, {}),
    "text_renamed.wav": Outcome(0, UNDECODABLE, "it is no WAV, FLAC"),
    "truncated.flac": Outcome(0, UNDECODABLE, "the file is cut or damaged"),
    "truncated.wav": Outcome(0, UNDECODABLE, "the file is cut"),
    "zero_length.wav": Outcome(0, {"too short": 1}, "the clip is empty"),
}

MANIFESTS = {
    "manifest_all_bad_audio": Outcome(
        18,
        {
            **{"undecodable": 8, "cut short": 4, "too short": 1, "cancelled out": 1},
            **{"other length": 12, "silent": 1},
        },
        "manifest_all_bad_audio.jsonl:2: ", 16,
    ),
    "manifest_bad_duration": Outcome(
        5, {"same sound": 3, "other length": 2, "two texts": 1}, ".jsonl:5: "
    ),
    "manifest_bad_json": Outcome(2, {"bad JSON": 1} | AGAIN, ".jsonl:2: not JSON", 1),
    "manifest_blank_lines": Outcome(2, AGAIN),
    "manifest_crlf_bom": Outcome(2, AGAIN),
    "manifest_duplicate_ids": Outcome(2, {"duplicate id": 1} | AGAIN, ".jsonl:2: the id 'utt1'", 1),
    "manifest_empty": Outcome(None, {}, "the file is empty", None),
    "manifest_good": Outcome(1, {}),
    "manifest_latin1": Outcome(None, {}, ".jsonl:1: not UTF-8 (byte 0xe9 at column 45)", None),
    "manifest_missing_duration": Outcome(2, AGAIN),
    "manifest_missing_file": Outcome(2, {"missing audio": 1} | AGAIN, ".jsonl:2: ", 1),
    "manifest_missing_path": Outcome(1, {"missing path": 1}, ".jsonl:2: no path", 1),
    "manifest_missing_text": Outcome(2, NO_TEXT | AGAIN, ".jsonl:2: ", 1),
    "manifest_no_final_newline": Outcome(2, AGAIN),
    "manifest_not_object": Outcome(1, {"not an object": 3}, ".jsonl:2: expected a JSON object", 3),
    "manifest_null_text": Outcome(
        2, {"empty reference": 2, "bad text": 2} | AGAIN, ".jsonl:3: ", None
    ),
    "manifest_path_up": Outcome(1, {}),
    "manifest_unicode": Outcome(6, {"two texts": 5}),
    "manifest_unknown_keys": Outcome(1, {}),
}  # fmt: skip

PREDICTIONS = {
    "manifest_bad_json": (2, 1, ".jsonl:2: not JSON"),
    "manifest_not_object": (1, 3, ".jsonl:2: expected a JSON object"),
    "manifest_missing_text": (1, 1, "no verifier could judge it"),
    "manifest_null_text": (1, 3, "'text' must be text"),
    "manifest_crlf_bom": (2, 0, ""),
    "manifest_unicode": (6, 0, ""),
    "manifest_duplicate_ids": (3, 0, ""),
    "manifest_missing_file": (3, 0, ""),
    "manifest_bad_duration": (5, 0, ""),
}
"""Manifests with a prediction added to each line that is a JSON object: scored, unscored, said."""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(a) for a in arguments], catch_exceptions=False)


def refused(result: Result, *said: object) -> None:
    assert result.exit_code == 2, result.output
    assert "Error: " in result.output
    for text in said:
        assert str(text) in result.output


@pytest.fixture(scope="module")
def bad(shared: Path) -> Path:
    return shared / "data" / "bad"


@pytest.fixture(scope="module")
def model(shared: Path) -> Path:
    return shared / "models" / "nano-whisper-digits"


@pytest.fixture(scope="module")
def benchmark(model: Path):
    """Run a benchmark of a few tokens a clip."""

    def _benchmark(dataset: object, *options: object) -> Result:
        arguments = ["--model", model, "--dataset", dataset, "--device", "cpu"]
        return run("benchmark", *arguments, "--max-new-tokens", 4, *options)

    return _benchmark


@pytest.fixture
def train(model: Path, tmp_path: Path):
    """Learn the references, so that whatever can be used has something to teach."""

    def _train(dataset: object, *options: object) -> Result:
        arguments = ["--model", model, "--dataset", dataset, "--device", "cpu", "--cycles", 1]
        arguments += ["--steps-per-cycle", 1, "--batch-size", 4, "--max-new-tokens", 4]
        return run(
            "train", *arguments, "--selection", "reference", "--output", tmp_path / "run", *options
        )

    return _train


def test_every_file_is_decided_here(bad):
    names = {p.name for p in bad.iterdir() if p.suffix != ".md"}
    assert names == {*SOUNDS, *(f"{name}.jsonl" for name in MANIFESTS)}


def check_shown(path: Path, outcome: Outcome) -> None:
    result = run("datasets", "show", path, "--json")
    if outcome.usable is None:
        refused(result, path, outcome.said)
        return
    report = json.loads(result.stdout)
    assert (report["samples"], report["problems"]["kinds"]) == (outcome.usable, outcome.kinds)
    listed = [f"{p['where']}: {p['reason']}" for p in report["problems"]["first"]]
    assert all(path.name in line for line in listed) or path.suffix == ".jsonl"
    assert any(outcome.said in line for line in listed) or not outcome.said
    assert run("datasets", "show", path).exit_code == 0


@pytest.mark.sweep(6)
@pytest.mark.parametrize("name", SOUNDS)
def test_show_of_each_sound_file(bad, name):
    check_shown(bad / name, SOUNDS[name])


@pytest.mark.sweep(4)
@pytest.mark.parametrize("name", MANIFESTS)
def test_show_of_each_manifest(bad, name):
    check_shown(bad / f"{name}.jsonl", MANIFESTS[name])


@pytest.mark.sweep(10)
@pytest.mark.parametrize("name", SOUNDS)
@pytest.mark.parametrize("on_error", ["skip", "fail"])
def test_a_lone_sound_file_has_nothing_to_score_with(bad, benchmark, train, name, on_error):
    refused(train(bad / name, "--on-error", on_error), bad / name, "no reference text")
    measured = benchmark(bad / name, "--on-error", on_error, "--json")
    if on_error == "fail" or not SOUNDS[name].usable:
        refused(measured, bad / name)
    else:  # what the model says of it is shown, and no rate made up
        assert "wer" not in json.loads(measured.stdout)


@pytest.mark.sweep(10)
@pytest.mark.parametrize("name", SOUNDS)
def test_a_lone_sound_file_holds_no_predictions(bad, name):
    refused(run("verify", bad / name), bad / name)


@pytest.mark.sweep(6)
@pytest.mark.parametrize("name", MANIFESTS)
def test_a_benchmark_skips_and_counts_what_cannot_be_used(bad, benchmark, tmp_path, name):
    path, outcome = bad / f"{name}.jsonl", MANIFESTS[name]
    result = benchmark(path, "--json", "--output", tmp_path / "out")
    if outcome.unusable is None:
        refused(result, path)
        return
    assert result.exit_code == 0, result.output
    measured = json.loads(result.stdout)
    assert measured["skipped"] == outcome.unusable
    lines = sum(bool(line.strip()) for line in path.read_bytes().splitlines())
    assert measured["n"] + measured["skipped"] == lines
    skipped = (tmp_path / "out" / "skipped.jsonl").read_text().splitlines()
    places = [json.loads(line)["where"] for line in skipped]
    assert len(places) == outcome.unusable
    assert all(place.startswith(f"{path}:") for place in places)
    if outcome.unusable:
        assert f"skipped {outcome.unusable} of {lines}" in result.stderr


@pytest.mark.sweep(6)
@pytest.mark.parametrize("name", MANIFESTS)
def test_under_fail_the_first_bad_line_ends_it(bad, benchmark, train, name):
    path, outcome = bad / f"{name}.jsonl", MANIFESTS[name]
    if outcome.unusable == 0:
        assert benchmark(path, "--on-error", "fail").exit_code == 0
        return
    for command in (benchmark, train):
        refused(command(path, "--on-error", "fail"), path)


@pytest.mark.sweep(8)
@pytest.mark.parametrize("name", MANIFESTS)
def test_training_learns_from_what_is_left(bad, train, tmp_path, name):
    path, outcome = bad / f"{name}.jsonl", MANIFESTS[name]
    result = train(path, "--eval-dataset", path)
    if outcome.unusable is None:
        refused(result, path)
        return
    assert result.exit_code == 0, result.output
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    lines = sum(bool(line.strip()) for line in path.read_bytes().splitlines())
    assert summary["base"]["n"] == lines - outcome.unusable
    skipped = (tmp_path / "run" / "skipped.jsonl").read_text().splitlines()
    places = [json.loads(line)["where"] for line in skipped]
    assert all(place.startswith(f"{path}:") for place in places)
    assert len(places) >= 2 * outcome.unusable  # of the training and of the held-out set


@pytest.mark.sweep(8)
@pytest.mark.parametrize("name", MANIFESTS)
def test_verify_says_that_a_manifest_has_no_predictions(bad, name):
    path, outcome = bad / f"{name}.jsonl", MANIFESTS[name]
    said = outcome.said if outcome.usable is None else "audioforge benchmark --output writes them"
    refused(run("verify", path), path, said)


@pytest.mark.sweep(4)
@pytest.mark.parametrize("name", PREDICTIONS)
def test_verify_of_predictions_with_the_same_damage(bad, tmp_path, name):
    scored, unscored, said = PREDICTIONS[name]
    raw = (bad / f"{name}.jsonl").read_bytes().replace(b'{"', b'{"pred_text": "six", "')
    path = tmp_path / "predictions.jsonl"
    path.write_bytes(raw)
    result = run("verify", path, "--json")
    counts = json.loads(result.stdout)
    assert (counts["scored"], counts["unscored"]) == (scored, unscored)
    assert result.exit_code == (0 if scored else 1)
    assert said in result.stderr
    failing = run("verify", path, "--on-error", "fail")
    assert failing.exit_code == (2 if unscored and said.startswith((".jsonl", "'")) else 0)


GONE = "there is no such file or folder"
PATHS = {
    "fifo.jsonl": "it is a pipe or a device",
    "fifo.wav": "it is a pipe or a device",
    "zero.jsonl": "it is a pipe or a device",
    "loop.jsonl": "Too many levels of symbolic links",
    "empty": "the folder holds no dataset",
    "folder.jsonl": "the folder holds no dataset",
    "n" * 5000 + ".wav": GONE,
    "gone.jsonl": GONE,
}


@pytest.fixture
def odd_paths(tmp_path: Path) -> Path:
    for name in ("fifo.jsonl", "fifo.wav"):
        os.mkfifo(tmp_path / name)
    (tmp_path / "zero.jsonl").symlink_to("/dev/zero")
    (tmp_path / "zero.wav").symlink_to("/dev/zero")
    (tmp_path / "loop.jsonl").symlink_to("loop.jsonl")
    for name in ("empty", "folder.jsonl"):
        (tmp_path / name).mkdir()
    return tmp_path


@pytest.mark.sweep(4)
@pytest.mark.parametrize("name", PATHS, ids=lambda name: ascii(name[:20]))
def test_a_path_that_is_no_file_is_refused_at_once(odd_paths, benchmark, name):
    refused(run("datasets", "show", odd_paths / name), PATHS[name])
    refused(benchmark(odd_paths / name), PATHS[name])
    assert run("verify", odd_paths / name).exit_code == 2


def test_a_dataset_without_a_name_is_refused():
    refused(run("datasets", "show", ""), "the dataset has no name")


def test_odd_paths_within_a_manifest_are_problems_of_their_lines(odd_paths, benchmark, train, bad):
    names = ["zero.wav", "fifo.wav", "loop.jsonl", "empty", "n" * 5000, "nul\0.wav", "/dev/zero"]
    rows = [{"audio_filepath": name, "text": "six"} for name in names]
    good = {"audio_filepath": str(bad / "good.flac"), "text": "six six zero"}
    parts = [(1e308, None), (0, 1e308), (0, 1e-9)]
    rows += [{**good, "offset": offset, "duration": length} for offset, length in parts]
    path = odd_paths / "m.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows, good, good]))
    measured = json.loads(benchmark(path, "--json").stdout)
    assert (measured["n"], measured["skipped"]) == (2, len(rows))
    trained = train(path, "--eval-dataset", path)
    assert trained.exit_code == 0, trained.output
    shown = json.loads(run("datasets", "show", path, "--json").stdout)
    assert shown["samples"] == 2
    problems = [p for p in shown["problems"]["first"] if p["kind"] != "same sound"]
    assert {p["where"].split(": ")[0] for p in problems} == {
        f"{path}:{number}" for number in range(1, len(rows) + 1)
    }


NAMES = [
    b"new\nline.flac",
    b"caf\xe9.flac",
    "zażółć.flac".encode(),
    b"\x1b[2Jred.flac",
    b"a b.flac",
]


@pytest.mark.sweep(6)
@pytest.mark.parametrize("raw", NAMES, ids=ascii)
def test_a_file_may_have_any_name(bad, benchmark, tmp_path, raw):
    folder = tmp_path / os.fsdecode(raw.replace(b".flac", b""))
    folder.mkdir()
    shutil.copy(bad / "good.flac", folder / os.fsdecode(raw))
    report = json.loads(run("datasets", "show", folder / os.fsdecode(raw), "--json").stdout)
    assert report["samples"] == 1
    shown = run("datasets", "show", folder / os.fsdecode(raw)).output
    assert "\x1b" not in shown
    assert "new\nline" not in shown
    shutil.copy(bad / "good.flac", folder / "a.flac")
    (folder / "m.jsonl").write_text('{"audio_filepath": "a.flac", "text": "six"}\n{}\n')
    result = benchmark(folder / "m.jsonl", "--output", tmp_path / "out")
    assert result.exit_code == 0, result.output
    [skipped] = (tmp_path / "out" / "skipped.jsonl").read_text().splitlines()
    assert json.loads(skipped)["where"] == f"{folder / 'm.jsonl'}:2"


TEXT_FILES = {
    "deep": (b'{"audio_filepath": ' + b"[" * 100_000, "nested too deep"),
    "digits": (b'{"audio_filepath": ' + b"9" * 5_000 + b"}", "a number is too long"),
    "utf16": ('{"audio_filepath": "a.wav"}\n'.encode("utf-16"), "iconv -f UTF-16"),
    "latin1": ('{"text": "é"}\n'.encode("latin1"), "iconv -f LATIN1"),
    "binary": (bytes(range(256)), "It is no text file"),
    "zeros": (b"\0" * 10_000, "no line of it is a JSON object"),
    "blank": (b"\n \n\t\n", "the file is empty"),
}


@pytest.mark.parametrize("name", TEXT_FILES)
def test_a_file_that_is_no_manifest_is_refused_with_the_mend(benchmark, tmp_path, name):
    raw, said = TEXT_FILES[name]
    path = tmp_path / "m.jsonl"
    path.write_bytes(raw)
    for result in (run("datasets", "show", path), benchmark(path), run("verify", path)):
        refused(result, path, said)


LISTED = (
    b'[{"audio_filepath": "a.wav", "text": "x"}]',
    b'{\n "audio_filepath": "a.wav",\n "text": "x"\n}\n',
)


@pytest.mark.parametrize("raw", LISTED, ids=["list", "indented"])
def test_predictions_are_lines_and_no_list(tmp_path, raw):
    (tmp_path / "m.jsonl").write_bytes(raw)
    refused(run("verify", tmp_path / "m.jsonl"), tmp_path / "m.jsonl", "jq -c '.[]'")


TABLES = {
    "empty.csv": (b"", "the file is empty"),
    "headless.csv": (b"a.wav,ann,six\n", "its first line is a clip already"),
    "twice.csv": (b"path,text,text\na.wav,x,y\n", "the column 'text' is there twice"),
    "open_quote.csv": (b'path,text\na.wav,"six\nb.wav,one\n', "broken table"),
    "long_cell.csv": (b"path,text\na.wav," + b"x" * 200_000, "a cell is longer than 131,072"),
    "latin1.tsv": ("path\ttext\na.wav\té\n".encode("latin1"), "latin1.tsv:2: not UTF-8"),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_broken_table_is_refused_with_its_line(tmp_path, name):
    raw, said = TABLES[name]
    (tmp_path / name).write_bytes(raw)
    refused(run("datasets", "show", tmp_path / name), tmp_path / name, said)


def test_a_table_from_windows_reads(bad, tmp_path):
    path = tmp_path / "m.csv"
    row = f"{bad / 'good.flac'},six\r\n"
    path.write_bytes(b"\xef\xbb\xbf" + f"path,text\r\n{row}".encode())
    report = json.loads(run("datasets", "show", path, "--json").stdout)
    assert (report["samples"], report["with_reference"]) == (1, 1)


OPTIONS = {
    "a model of another task": (["--model", "{models}/nano-digit-classifier"], "not for asr"),
    "a folder without weights": (["--model", "{tmp}/weightless"], "there are no weights"),
    "an empty folder": (["--model", "{tmp}/empty"], "no config.json"),
    "a file as a model": (["--model", "{bad}/good.flac"], "there is no such folder"),
    "a name too long": (["--model", "x" * 5000], "there is no such folder"),
    "several at once": (["--limit", "0", "--batch-size", "x", "--on-error", "y"], "3 settings"),
    "no such key": (["--text-column", "txt"], "no line has the key 'txt'"),
    "a split of a manifest": (["--split", "test"], "--split does not apply"),
    "an output that is a file": (["--output", "{bad}/good.flac"], "is a file"),
    "an output below a file": (["--output", "{bad}/good.flac/run"], "good.flac"),
    "an unknown option": (["--nosuch"], "No such option"),
}


@pytest.mark.sweep(6)
@pytest.mark.parametrize("command", ["benchmark", "train"])
@pytest.mark.parametrize("name", OPTIONS)
def test_wrong_options_are_refused_before_anything_is_done(
    shared, bad, model, tmp_path, command, name
):
    (tmp_path / "empty").mkdir()
    (tmp_path / "weightless").mkdir()
    for path in model.glob("*.json"):
        shutil.copy(path, tmp_path / "weightless")
    options, said = OPTIONS[name]
    places = {"models": shared / "models", "tmp": tmp_path, "bad": bad}
    arguments = ["--model", model, "--dataset", bad / "manifest_missing_duration.jsonl"]
    if command == "train" and "--output" not in options:
        arguments += ["--output", tmp_path / "run"]
    filled = [o.format(**places) if "{" in o else o for o in options]
    refused(run(command, *arguments, "--device", "cpu", *filled), said)
    assert not (tmp_path / "run" / "cycle-01").exists()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="needs to become another user")
def test_what_may_not_be_read_is_refused(bad, benchmark, tmp_path_factory):
    closed = tmp_path_factory.mktemp("closed")  # of root, and of nobody else
    shutil.copy(bad / "manifest_good.jsonl", closed / "m.jsonl")
    run("datasets", "show", closed / "m.jsonl")  # imports, as root
    os.seteuid(65534)
    try:
        result = run("datasets", "show", closed / "m.jsonl")
    finally:
        os.seteuid(0)
    refused(result, closed / "m.jsonl", "Permission denied")


def test_a_full_disk_ends_a_benchmark_with_a_word(bad, model, tmp_path, without_coverage):
    """In a process of its own, which may write no file beyond 200 bytes."""
    code = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200));"
        "from audioforge.cli import main; main()"
    )
    arguments = ["benchmark", "--model", model, "--dataset", bad / "manifest_unicode.jsonl"]
    command = [sys.executable, "-B", "-c", code, *map(str, arguments), "--device", "cpu"]
    done = subprocess.run(
        [*command, "--output", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=False,
        env=without_coverage,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "predictions.jsonl: cannot be " in done.stderr
    assert "File too large" in done.stderr
    assert not (tmp_path / "out").exists()


PEAK = """
import resource, sys
sys.argv = ["audioforge", *sys.argv[1:]]
from audioforge.cli import main
try:
    main()
finally:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""


def peak_megabytes(*arguments: object) -> float:
    """Return the most memory that a command of its own held."""
    command = [sys.executable, "-c", PEAK, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stderr.splitlines()[-1]) / 1024


@pytest.mark.soak
def test_memory_does_not_grow_with_a_recording_a_line_or_a_manifest(bad, tmp_path):
    """Against one good file: three hours, one line of 50 MB, and 100,000 lines."""
    base = peak_megabytes("datasets", "show", bad / "manifest_good.jsonl")
    assert peak_megabytes("datasets", "show", bad / "silence_3h.flac") < base + 30
    row = json.dumps({"audio_filepath": str(bad / "good.flac"), "text": "six"})
    long_line = tmp_path / "long_line.jsonl"
    with long_line.open("w") as file:
        file.write(f'{row}\n{{"audio_filepath": "a.wav", "text": "')
        for _ in range(50):
            file.write("x" * 1_000_000)
        file.write(f'"}}\n{row}\n')
    assert peak_megabytes("datasets", "show", long_line) < base + 40
    report = json.loads(run("datasets", "show", long_line, "--json").stdout)
    assert (report["samples"], report["problems"]["kinds"]) == (2, {"line too long": 1})
    assert report["problems"]["first"][0]["where"] == f"{long_line}:2"
    many = tmp_path / "many.jsonl"
    with many.open("w") as file:
        for number in range(100_000):
            file.write(
                f'{{"audio_filepath": "clips/{number}.flac", "text": "x", "id": {number}}}\n'
            )
    assert peak_megabytes("datasets", "show", many) < base + 40  # ids: 70 bytes each


def test_a_limit_stops_the_reading(bad, benchmark, tmp_path):
    """The line after the limit's last one is never reached: it is not UTF-8, and would stop it."""
    row = json.dumps({"audio_filepath": str(bad / "good.flac"), "text": "six"})
    path = tmp_path / "m.jsonl"
    path.write_bytes(f"{row}\n{row}\n".encode() + b'{"text": "\xe9"}\n' + b"x" * 10_000_000)
    assert json.loads(benchmark(path, "--limit", 2, "--json").stdout)["n"] == 2
    assert run("datasets", "show", path, "--limit", 2).exit_code == 0
    refused(benchmark(path), f"{path}:3")


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")
def test_reading_shows_on_a_terminal_how_far_it_is(tmp_path):
    import pty

    path = tmp_path / "m.jsonl"
    with path.open("w") as file:
        for number in range(20_000):
            file.write(f'{{"audio_filepath": "clips/{number}.flac", "text": "x"}}\n')
    ours, theirs = pty.openpty()
    seen = bytearray()

    def read() -> None:
        while True:
            try:
                seen.extend(os.read(ours, 65536))
            except OSError:  # the other end is closed
                return

    reader = threading.Thread(target=read)
    reader.start()
    code = "from audioforge.cli import main; main()"
    command = [sys.executable, "-c", code, "datasets", "show", str(path)]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    done = subprocess.run(
        command, stdout=subprocess.DEVNULL, stderr=theirs, env=environment, check=False
    )
    os.close(theirs)
    reader.join(10)
    assert done.returncode == 0
    assert b"Reading" in seen
    assert b"20,000" in seen
