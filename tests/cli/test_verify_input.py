"""`audioforge verify`: files that cannot be used, lines that cannot be scored, wrong usage."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from audioforge.cli import cli


@pytest.fixture(autouse=True)
def _all_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUDIOFORGE_PLUGINS", raising=False)


def write(path: Path, lines: list[object]) -> Path:
    """Write objects as JSON lines, and texts and bytes as they are."""
    texts = [line if isinstance(line, str | bytes) else json.dumps(line) for line in lines]
    encoded = [text if isinstance(text, bytes) else text.encode() for text in texts]
    path.write_bytes(b"\n".join(encoded) + b"\n")
    return path


def verify(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["verify", *map(str, arguments), "--device", "cpu"])


BAD_LINES = [
    ("not json", "bad JSON"),
    ('{"text": "a", "pred_text": "a\x01"}', "bad JSON"),
    ("[1]", "not an object"),
    ("[" * 100_000, "bad JSON"),
    ('{"text": "a"}', "without pred_text"),
    ('{"text": "a", "pred_text": null}', "without pred_text"),
    ('{"text": "a", "pred_text": NaN}', "bad text"),
    ('{"text": 5, "pred_text": "a"}', "bad text"),
    ('{"text": "\\ud800", "pred_text": "a"}', "bad text"),
    ('{"id": "\\ud800", "text": "a", "pred_text": "a"}', "bad text"),
    ('{"audio_filepath": ["a"], "text": "a", "pred_text": "a"}', "bad path"),
    ('{"audio_filepath": "a\\u0000", "text": "a", "pred_text": "a"}', "bad path"),
    ('{"offset": NaN, "text": "a", "pred_text": "a"}', "bad offset"),
    ('{"offset": -1, "text": "a", "pred_text": "a"}', "bad offset"),
    ('{"offset": 1, "duration": 0, "text": "a", "pred_text": "a"}', "bad duration"),
    ('{"start": 2, "end": 1, "text": "a", "pred_text": "a"}', "bad segment"),
    ('{"channel": -1, "text": "a", "pred_text": "a"}', "bad channel"),
    ('{"text": "a", "text": "b", "pred_text": "a"}', "repeated key"),
    ('{"text": "<|en|> a", "pred_text": "a"}', "special tokens"),
]
GOOD_LINES = [
    '{"text": "", "pred_text": ""}',
    '{"text": "", "pred_text": "a"}',
    '{"text": "a\\u001b[2J", "pred_text": "a"}',
    '{"text": "a", "pred_text": "a", "duration": NaN}',
    '{"text": "a", "pred_text": "a", "duration": 1' + "0" * 400 + "}",
    '\ufeff{"text": "a", "pred_text": "a"}',
]


@pytest.mark.parametrize(("line", "kind"), BAD_LINES)
def test_a_line_that_cannot_be_scored_is_counted_and_named(
    tmp_path: Path, line: str, kind: str
) -> None:
    good = {"text": "a", "pred_text": "a"}
    file = write(tmp_path / "p.jsonl", [good, line])
    result = verify(file, "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert (report["n"], report["scored"], report["reward"]) == (2, 1, 1.0)
    assert report["reasons"] == {kind: 1}
    assert f"Warning: 1 not scored: {kind} (first: " in result.stderr
    assert "p.jsonl:2: " in result.stderr
    refused = verify(file, "--on-error", "fail", "--output", tmp_path / "s.jsonl")
    assert refused.exit_code == 2
    assert "p.jsonl:2: " in refused.stderr
    assert not (tmp_path / "s.jsonl").exists()


@pytest.mark.parametrize("line", GOOD_LINES)
def test_a_line_that_is_odd_is_scored(tmp_path: Path, line: str) -> None:
    result = verify(write(tmp_path / "p.jsonl", [line]), "--json", "--normalizer", "none")
    report = json.loads(result.stdout)
    assert (report["n"], report["scored"]) == (1, 1), result.stderr
    assert "\x1b" not in result.output


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "is empty"),
        (["", "  "], "is empty"),
        (
            [{"text": "a", "hypothesis": "b"}, {"text": "c"}],
            "no line has the key 'pred_text', which holds what the system said. The keys are: "
            "hypothesis, text",
        ),
        ([b'{"text": "\xe9", "pred_text": "a"}'], "p.jsonl:1: not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path: Path, content: list, message: str) -> None:
    result = verify(write(tmp_path / "p.jsonl", content))
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_a_pipe_cannot_be_read_twice(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    result = verify(tmp_path / "pipe")
    assert result.exit_code == 2
    assert "save what it gives to a file first" in " ".join(result.stderr.split())


def test_a_file_without_any_json_is_refused_with_the_reason(tmp_path: Path) -> None:
    result = verify(write(tmp_path / "p.jsonl", ["\x00\x01", "words"]))
    assert result.exit_code == 2
    assert "no line of it is a JSON object" in result.stderr
    assert "p.jsonl:1: not JSON" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give one file"),
        (["{file}", "--manifest", "{file}"], "give one file"),
        (["missing.jsonl"], "missing.jsonl: cannot be read: No such file"),
        (["{file}", "--audio-dir", "."], "--audio-dir goes with --task tts"),
        (["{file}", "--verifier", "werr"], "Did you mean wer"),
        (["{file}", "--verifier", "wer:foo=1"], "foo"),
        (["{file}", "--verifier", "quality"], "serves tts, not asr"),
        (["{file}", "--verifier", "wer:weight=0"], "every weight is 0"),
        (["{file}", "--verifier", "wer:threshold=nan"], "'threshold' must be >= 0"),
        (["{file}", "--aggregator", "best"], "weighted_mean"),
        (["{file}", "--normalizer", "x"], "english-1"),
        (["{file}", "--device", "tpu"], "tpu"),
        (["{file}", "--limit", "0"], "at least 1"),
        (["{file}", "--on-error", "stop"], "skip, fail"),
        (["{file}", "--task", "tts", "--audio-dir", "nowhere"], "there is no such folder"),
    ],
)
def test_wrong_usage(tmp_path: Path, arguments: list[str], message: str) -> None:
    file = write(tmp_path / "p.jsonl", [{"text": "a", "pred_text": "a"}])
    result = CliRunner().invoke(cli, ["verify", *(a.format(file=file) for a in arguments)])
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert "Traceback" not in result.stderr
