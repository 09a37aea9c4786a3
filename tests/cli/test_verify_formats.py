"""`audioforge verify`: formats of predictions and references, limits, and what CI systems read."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from audioforge.cli import cli


@pytest.fixture(autouse=True)
def _all_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUDIOFORGE_PLUGINS", raising=False)


def verify(*arguments: object, stdin: str | None = None) -> Result:
    command = ["verify", *map(str, arguments), "--device", "cpu"]
    return CliRunner().invoke(cli, command, input=stdin)


def measured(*arguments: object, stdin: str | None = None) -> dict:
    result = verify(*arguments, "--json", stdin=stdin)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def write(path: Path, *lines: object) -> Path:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def parsed(path: Path) -> ElementTree.Element:
    return ElementTree.fromstring(path.read_text())  # noqa: S314 - our own


TRUTH = ["one two three four", "five six", "seven"]
SAID = ["one two tree four", "", "seven"]
WER = 3 / 7

TABLES = {
    "p.csv": ('id,text,"system"', '{0},"{1}",{2}'),
    "semicolons.csv": ("id; text ;system", "{0};{1};{2}"),
    "p.tsv": ("id\ttext\tsystem", "{0}\t{1}\t{2}"),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_read_with_any_columns(tmp_path: Path, name: str) -> None:
    """An empty cell of what was said is nothing said, which is wrong, and not left out."""
    head, row = TABLES[name]
    rows = [
        row.format(i, text, said) for i, (text, said) in enumerate(zip(TRUTH, SAID, strict=True))
    ]
    result = measured(write(tmp_path / name, head, *rows), "--pred-column", "system")
    assert (result["n"], result["scored"]) == (3, 3)
    assert result["metrics"]["wer"] == pytest.approx(WER)


def test_rows_of_a_table_that_cannot_be_scored_are_named(tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", "text,pred_text", "a,a", "a,b,c", "", ",a")
    result = verify(path, "--json")
    assert json.loads(result.stdout)["reasons"] == {"bad row": 1, "no verifier could judge it": 1}
    assert f"{path}:3: 3 cells, where the first line names 2 columns" in result.stderr
    broken = verify(write(tmp_path / "b.csv", "text,pred_text", 'a,"a'))
    assert broken.exit_code == 2
    assert "broken table" in broken.stderr
    unnamed = verify(path, "--pred-column", "hypothesis")
    assert unnamed.exit_code == 2
    assert "no line has the key 'hypothesis'" in unnamed.stderr
    assert "The keys are: pred_text, text" in " ".join(unnamed.stderr.split())


def trn(path: Path, texts: list[str]) -> Path:
    return write(path, ";; comment", *(f"{text} (ann-{i})" for i, text in enumerate(texts)))


def test_a_trn_is_scored_against_another_by_id(tmp_path: Path) -> None:
    said, right = trn(tmp_path / "h.trn", SAID[::-1]), trn(tmp_path / "r.trn", TRUTH[::-1])
    assert measured(said, "--reference", right)["metrics"]["wer"] == pytest.approx(WER)
    refused = verify(said)
    assert refused.exit_code == 2
    assert "give that as --reference FILE" in refused.stderr


def test_what_a_reference_lacks_or_has_too_many_of_is_named_not_scored(tmp_path: Path) -> None:
    said = write(tmp_path / "h.trn", "a (1)", "b (2)", "no id", "{ c / d } (4)")
    right = write(tmp_path / "r.trn", "a (1)", "d (4)", "e (5)")
    result = verify(said, "--reference", right, "--json")
    report = json.loads(result.stdout)
    assert (report["scored"], report["metrics"]["wer"]) == (1, 0)
    assert report["reasons"] == {
        "without a prediction": 2,
        "without a reference": 1,
        "bad line": 1,
        "alternatives": 1,
    }
    assert f"{said}:2: {right} has no reference for '2'" in result.stderr
    assert f"{right}:2: nothing was predicted for '4'" in result.stderr
    assert verify(said, "--reference", right, "--on-error", "fail").exit_code == 2
    twice = write(tmp_path / "twice.trn", "a (1)", "b (1)")
    refused = verify(said, "--reference", twice)
    assert refused.exit_code == 2
    assert "the id '1' is taken by" in refused.stderr


def test_a_manifest_says_what_is_right_by_the_name_of_the_recording(tmp_path: Path) -> None:
    said = trn(tmp_path / "h.trn", SAID)
    rows = [{"audio_filepath": f"far/ann-{i}.flac", "text": t} for i, t in enumerate(TRUTH)]
    out = tmp_path / "s.jsonl"
    result = measured(said, "--reference", write(tmp_path / "m.jsonl", *rows), "--output", out)
    assert result["metrics"]["wer"] == pytest.approx(WER)
    assert lines(out)[0]["audio_filepath"] == str(tmp_path / "far/ann-0.flac")


CTM = [
    ";; recording, channel, start, length, word",
    "call A 2.10 0.30 bye",
    "call A 0.50 0.20 hello 0.98",
    "call A 0.80 0.20 there",
    "call B 0.10 0.20 yes",
]


def test_a_ctm_is_cut_by_the_segments_of_the_reference(tmp_path: Path) -> None:
    said = write(tmp_path / "h.ctm", *CTM)
    right = write(
        tmp_path / "r.stm",
        "call A ann 0.0 1.5 <o,f0,female> hello there",
        "call A ann 2.0 3.0 good bye",
        "call B ben 0.0 1.0 yes",
        "call B ben 1.0 2.0 IGNORE_TIME_SEGMENT_IN_SCORING",
    )
    out = tmp_path / "s.jsonl"
    flags = ("--reference", right, "--normalizer", "none")
    assert measured(said, *flags, "--output", out)["metrics"]["wer"] == 1 / 5
    assert [row["pred_text"] for row in lines(out)] == ["hello there", "bye", "yes"]
    rows = [
        {"audio_filepath": "far/call.wav", "id": i, "start": i, "end": i + 2, "text": text}
        for i, text in ((0, "hello there"), (2, "bye"))
    ]
    manifest = write(tmp_path / "m.jsonl", *rows)
    assert measured(write(tmp_path / "a.ctm", *CTM[:4]), "--reference", manifest)["reward"] == 1
    write(said, *CTM, "call A 9.0 0.1 what")
    reasons = measured(said, *flags)["reasons"]
    assert reasons == {"outside of every segment": 1}


def test_a_ctm_of_whole_recordings_is_in_the_order_of_time(tmp_path: Path) -> None:
    said = write(tmp_path / "h.ctm", *CTM[:4], "b 1 0.0 0.1 no", "b 1 x 0.1 no")
    right = write(tmp_path / "r.csv", "id,text", "call,hello there bye", "b,no")
    result = measured(said, "--reference", right)
    assert (result["scored"], result["metrics"]["wer"]) == (2, 0)
    assert result["reasons"] == {"bad line": 1}


def test_standard_input_is_read_twice_and_named(tmp_path: Path) -> None:
    rows = [{"text": t, "pred_text": s} for t, s in zip(TRUTH, SAID, strict=True)]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    assert measured("-", stdin=text)["metrics"]["wer"] == pytest.approx(WER)
    table = "text,pred_text\none,one\n"
    assert measured("-", "--format", "csv", stdin=table)["reward"] == 1
    broken = verify("-", stdin=text + "{")
    assert "(first: stdin:4: not JSON" in broken.stderr
    assert verify("-", stdin="").exit_code == 2


@pytest.mark.parametrize(
    ("limit", "code", "message"),
    [
        (["--max-wer", "0.43"], 0, ""),
        (["--max-wer", "0.42"], 1, "wer 0.428571 is above --max-wer 0.42"),
        (["--at-most", "cer=0.7", "--at-least", "reward=0.5"], 0, ""),
        (["--at-most", "cer=0.1"], 1, "is above --at-most cer 0.1"),
        (["--at-least", "wer=0.5"], 1, "wer 0.428571 is below --at-least wer 0.5"),
        (["--at-most", "mer=0.5"], 1, "no mer was measured"),
        (["--max-wer", "nan"], 2, "--max-wer"),
        (["--max-wer", "-1"], 2, "--max-wer"),
        (["--max-wer", "10"], 2, "10 is no rate from 0 to 5: 0.1 is 10 %"),
        (["--at-most", "wer"], 2, "METRIC=VALUE"),
        (["--at-least", "wer=much"], 2, "--at-least"),
    ],
)
def test_any_figure_can_be_limited(tmp_path: Path, limit: list, code: int, message: str) -> None:
    rows = [{"text": t, "pred_text": s} for t, s in zip(TRUTH, SAID, strict=True)]
    path = write(tmp_path / "p.jsonl", *rows)
    result = verify(path, "--verifier", "wer", "--verifier", "cer:weight=0", *limit)
    assert result.exit_code == code, result.output
    assert message in result.stderr


def test_what_has_no_prediction_fails_under_a_limit_unless_skipped(tmp_path: Path) -> None:
    said = write(tmp_path / "h.trn", "one two (a)")
    right = write(tmp_path / "r.trn", "one two (a)", "three (b)", "four (c)")
    flags = (said, "--reference", right, "--max-wer", "0.1")
    junit = tmp_path / "j.xml"
    result = verify(*flags, "--junit", junit)
    assert (result.exit_code, "without a prediction: 2" in result.stderr) == (1, True)
    (suite,) = parsed(junit)
    cases = {case.get("name"): case.find("failure") for case in suite.iter("testcase")}
    assert [name for name, failed in cases.items() if failed is not None] == ["unscored"]
    assert verify(*flags, "--on-error", "skip").exit_code == 0
    assert verify(*flags[:3]).exit_code == 0, "no limit, no check"


def test_junit_has_a_case_for_each_limit_and_names_the_worst(tmp_path: Path) -> None:
    rows = [
        {"id": f"<{i}>", "text": t, "pred_text": s}
        for i, (t, s) in enumerate(zip(TRUTH, SAID, strict=True))
    ]
    rows.append({"id": 3, "text": "a", "pred_text": "\x1b b c"})
    path, junit = write(tmp_path / "p.jsonl", *rows, {"text": "x"}), tmp_path / "new" / "j.xml"
    flags = ("--max-wer", "0.1", "--fail-under", "0.1", "--normalizer", "none")
    result = verify(path, *flags, "--junit", junit)
    assert result.exit_code == 1
    (suite,) = parsed(junit)
    assert {name: suite.get(name) for name in ("tests", "failures", "errors")} == {
        "tests": "4",
        "failures": "2",
        "errors": "0",
    }
    cases = {case.get("name"): case.find("failure") for case in suite.iter("testcase")}
    failed = cases.pop("wer <= 0.1")
    assert cases.pop("unscored").get("message").startswith("without a prediction: 1")
    assert cases == {"predictions can be scored": None, "reward >= 0.1": None}
    assert failed.get("message") == "wer 0.75 is above --max-wer 0.1"
    named = failed.text.splitlines()[1:]
    assert [line.split(":")[0] for line in named] == ["<1>", "3", "<0>"], "the right one is none"
    assert "\x1b" not in junit.read_text()
    properties = {p.get("name"): p.get("value") for p in suite.iter("property")}
    assert (properties["normalizer"], properties["scored"]) == ("none", "4")
    assert "1 not scored: without pred_text" in suite.find("system-out").text
    assert verify(path, "--junit", junit).exit_code == 0, "the next one takes its place"
    kept = path.read_bytes()
    assert verify(path, "--junit", path).exit_code == 2
    assert path.read_bytes() == kept
    assert parsed(junit)[0].get("tests") == "1"


def test_the_normaliser_that_the_file_states_is_the_one_that_counts(tmp_path: Path) -> None:
    rows = [{"text": "Colour.", "pred_text": "color", "normalizer": "none"}] * 2
    path = write(tmp_path / "p.jsonl", *rows)
    assert measured(path)["normalizer"] == "none"
    assert measured(path, "--normalizer", "none")["metrics"]["wer"] == 1
    other = verify(path, "--normalizer", "english-1")
    assert other.exit_code == 2
    assert "measured under the normaliser none" in other.stderr
    write(path, *rows, {**rows[0], "normalizer": "words-1"}, {"text": "a", "pred_text": "a"})
    mixed = verify(path)
    assert mixed.exit_code == 2
    assert "several text normalisers: none (2 lines), words-1 (1 lines)" in " ".join(
        mixed.stderr.split()
    )
    unknown = verify(write(path, {**rows[0], "normalizer": "english-0"}))
    assert unknown.exit_code == 2
    assert "english-0" in unknown.stderr
