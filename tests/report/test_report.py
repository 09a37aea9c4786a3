"""What a run's page says, and what it cannot be made to do."""

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from audioforge.cli import cli
from audioforge.report.write import report_page
from audioforge.run.events import MeasuredCycle
from audioforge.run.report_file import ReportFile
from audioforge.terminal.reporter import Reporter

from .made_run import write_lines, write_object, write_run

HOSTILE = "</script><script>alert(1)</script> \u202eevil & <b>bold</b>"


def sets_of(page: str) -> dict[str, dict]:
    """The utterances that a page holds, by the name of their set."""
    found = re.findall(r'id="utterances-(\w+)">(.*?)</script>', page, flags=re.DOTALL)
    data = {name: json.loads(text) for name, text in found}
    return {one["name"]: one | {"rows": data[str(n)]} for n, one in enumerate(data["sets"])}


def test_a_finished_run_is_told_in_the_order_of_the_questions(tmp_path):
    page = report_page(write_run(tmp_path / "run"))
    assert "Improved: held-out WER" in page
    titles = re.findall(r"<h2[^>]*>([^<]*)</h2>", page)
    assert titles == [
        "Did it help?",
        "Where?",
        "Why?",
        "What exactly?",
        "What did it cost?",
        "How to repeat it",
    ]
    for chart in (
        "WER by cycle",
        "WER by speaker",
        "WER by length",
        "WER by room",
        "Reward by cycle",
        "Reward by verifier",
        "Oracle against greedy",
        "Share kept",
        "Loss by step",
        "Learning rate by step",
        "Seconds by cycle and phase",
    ):
        assert f"<strong>{chart}</strong>" in page
    assert "note" in page.partition("too many values to divide by")[2][:60]
    assert "2.5 GB" in page
    assert "audioforge train --output &#x27;my run&#x27;" in page
    assert "No test set" in page
    assert "2 of 36 hypotheses have no reward" in page


def test_utterances_come_with_errors_hypotheses_and_the_sound_of_those_that_changed(tmp_path):
    sets = sets_of(report_page(write_run(tmp_path / "run")))
    held_out = sets["held out"]
    assert held_out["outputs"] == ["base", "best: cycle 2"]
    assert [row["change"] for row in held_out["rows"][:2]] == [40, 2]
    rows = {row["id"]: row for row in held_out["rows"]}
    assert rows["clip-00001"]["change"] == -2
    assert rows["clip-00002"]["outputs"][0]["badges"] == ["run-away"]
    assert rows["clip-00003"]["outputs"][0]["errors"] == [3, 0, 0]
    assert rows["clip-00003"]["sound"].startswith("data:audio/flac;base64,")
    training = sets["training"]["rows"][0]
    assert [step["name"] for step in training["steps"]] == ["cycle 1", "cycle 2"]
    first = training["steps"][0]["hypotheses"]
    assert [h["reward"] for h in first] == [1.0, 0.75, 0.5]
    assert first[0]["kept"]
    assert first[1]["scores"] == {"wer": 0.75}


def test_sound_is_embedded_for_few_and_linked_for_the_others(tmp_path):
    page = report_page(write_run(tmp_path / "run", utterances=60))
    sounds = [row["sound"] for row in sets_of(page)["held out"]["rows"]]
    assert sum(sound.startswith("data:") for sound in sounds) < 30
    assert any(sound == f"file://{tmp_path}/clip.flac" for sound in sounds)


def test_what_is_not_counted_yet_is_counted_by_the_verifier_and_normaliser_of_the_run(tmp_path):
    run = write_run(tmp_path / "run", cycles=0, finished=False)
    path = run / "cycle-00" / "predictions.jsonl"
    line = {"id": "a", "audio_filepath": "a", "duration": 1.0, "text": "twenty one is right"}
    write_lines(
        path, [line | {"pred_text": "21 is RIGHT!"}, line | {"id": "b", "pred_text": "21 is"}]
    )
    rows = sets_of(report_page(run))["held out"]["rows"]
    assert [row["outputs"][0]["errors"] for row in rows] == [[0, 0, 0], [0, 1, 0]]


def test_an_unfinished_run_says_so_and_a_torn_line_is_not_there(tmp_path):
    run = write_run(tmp_path / "run", cycles=1, finished=False)
    (run / "cycle-02").mkdir()
    rollouts = (run / "cycle-01" / "rollouts-00000.jsonl").read_text()
    (run / "cycle-02" / "rollouts-00000.jsonl").write_text(rollouts[:-20])
    page = report_page(run)
    assert "Not finished: 1 of 2 cycles are done" in page
    assert "best so far: cycle 1" in page
    training = sets_of(page)["training"]["rows"]
    assert [len(row["steps"]) for row in training] == [2, 2, 2, 2, 2, 1]


def test_a_run_that_has_just_begun_has_a_page(tmp_path):
    run = write_run(tmp_path / "run", cycles=0, finished=False)
    for path in (run / "cycle-00").iterdir():
        path.unlink()
    assert "the base model is not measured yet" in report_page(run)


def test_a_run_without_gain_shows_what_was_not_exported(tmp_path):
    run = write_run(tmp_path / "run")
    summary = json.loads((run / "summary.json").read_text())
    best = summary["best"]
    kept = {"cycle": 0, "interpolation": 0.0, "wer": summary["base"]["wer"]}
    rejected = best | {"difference_ci95": [0.01, 0.2]}
    summary |= {
        "improved": False,
        "reason": "no gain",
        "best": best | kept | {"rejected": rejected},
    }
    write_object(run / "summary.json", summary)
    page = report_page(run)
    assert '<p class="verdict bad"><strong>Not improved</strong>: no gain.' in page
    assert sets_of(page)["held out"]["outputs"] == ["base", "cycle 2, not exported"]


def test_generated_speech_is_linked_and_judged_by_rewards_alone(tmp_path):
    run = write_run(tmp_path / "run", cycles=1, settings={"task": "tts"})
    for cycle in (0, 1):
        folder = run / f"cycle-{cycle:02d}"
        line = {"id": "a", "audio_filepath": None, "duration": 1.0, "text": "say this"}
        write_lines(folder / "predictions.jsonl", [line | {"pred_audio": "predictions/a.flac"}])
    hypothesis = {"audio": "cycle-01/audio/t-0.flac", "reward": 0.5, "scores": {}}
    rollout = {"id": "t", "cycle": 1, "reference": "say", "hypotheses": [hypothesis]}
    write_lines(run / "cycle-01" / "rollouts-00000.jsonl", [rollout])
    sets = sets_of(report_page(run))
    [row] = sets["held out"]["rows"]
    links = [output["sound"] for output in row["outputs"]]
    assert links == ["cycle-00/predictions/a.flac", "cycle-01/predictions/a.flac"]
    assert row["change"] is None
    [clip] = sets["training"]["rows"]
    assert clip["outputs"][0] == {"reward": 0.5, "scores": {}, "sound": hypothesis["audio"]}


def test_classes_are_right_or_wrong_and_divide_clips(tmp_path):
    run = write_run(tmp_path / "run", cycles=1, settings={"task": "classification"})
    for cycle, said in enumerate(("no", "yes")):
        lines = [
            {"id": f"{n}", "audio_filepath": "x", "duration": 1.0, "text": right, "pred_text": said}
            for n, right in enumerate(("yes", "no", "yes"))
        ]
        write_lines(run / f"cycle-{cycle:02d}" / "predictions.jsonl", lines)
    summary = json.loads((run / "summary.json").read_text())
    for entry in (summary["base"], *summary["cycles"], summary["best"]):
        entry |= {"metric": "accuracy", "accuracy": entry.pop("wer"), "runaway": 0}
    summary |= {"metric": "accuracy", "higher_is_better": True}
    write_object(run / "summary.json", summary)
    page = report_page(run)
    rows = sets_of(page)["held out"]["rows"]
    assert [row["change"] for row in rows] == [1, -1, 1]
    assert [output["right"] for output in rows[0]["outputs"]] == [False, True]
    assert "Accuracy by class" in page


def test_controls_and_seeds_of_the_folder_are_found_and_others_are_named(tmp_path):
    run = write_run(tmp_path / "group" / "raft")
    write_run(tmp_path / "group" / "control", settings={"selection": "random"})
    write_run(tmp_path / "group" / "other-data", settings={"dataset": "else.jsonl"})
    named = write_run(tmp_path / "elsewhere" / "named", settings={"seed": 7})
    alone = report_page(run)
    assert "control: random, seed 0" in alone
    assert "other-data" not in alone
    result = CliRunner().invoke(cli, ["report", str(run), "--with", str(named), "--json"])
    assert result.exit_code == 0, result.output
    written = json.loads(result.stdout)
    assert written["report"] == str(run / "report.html")
    page = (run / "report.html").read_text()
    assert "named: best, seed 7" in page
    assert "control: random, seed 0" in page


def test_text_from_data_is_inert(tmp_path):
    run = write_run(tmp_path / "run", texts={0: HOSTILE}, settings={"dataset": HOSTILE})
    page = report_page(run)
    assert page.count("<script>") == 3  # those of the page
    assert "<b>" not in page.partition("<script>")[0]
    assert "\u202e" not in page
    shown = {row["id"]: row for row in sets_of(page)["held out"]["rows"]}
    assert shown["clip-00000"]["outputs"][0]["text"] == HOSTILE.replace("\u202e", "\\u202e")


def test_the_policy_allows_what_stands_in_the_page_and_nothing_else(tmp_path):
    page = report_page(write_run(tmp_path / "run"))
    [policy] = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    scripts = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    [style] = re.findall(r"<style>(.*?)</style>", page, flags=re.DOTALL)

    def digests(texts: list[str]) -> str:
        made = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts]
        return " ".join(f"'sha256-{digest}'" for digest in made)

    assert rules["script-src"] == digests(scripts)
    assert rules["style-src"] == digests([style])
    assert " style=" not in page.partition("<script>")[0]


def test_what_would_make_a_page_too_large_is_left_out_and_counted(tmp_path, monkeypatch):
    monkeypatch.setattr("audioforge.report.utterance_rows.MOST_BYTES", 3_000)
    page = report_page(write_run(tmp_path / "run", utterances=40))
    held_out = sets_of(page)["held out"]
    assert held_out["note"].startswith(f"{40 - len(held_out['rows'])} more would make the page too")
    assert held_out["rows"][0]["change"] == 40  # what changed most stays


def test_a_folder_without_a_run_is_an_error_that_names_it(tmp_path):
    result = CliRunner().invoke(cli, ["report", str(tmp_path)])
    assert result.exit_code == 2
    assert f"{tmp_path}: there is no run in it (no config.yaml)" in result.stderr


@pytest.mark.parametrize(
    ("output", "reason"),
    [("run/config.yaml", "a page's name ends in .html"), ("none/page.html", "there is no folder")],
)
def test_a_page_replaces_nothing_but_pages(tmp_path, output, reason):
    run = write_run(tmp_path / "run")
    before = (run / "config.yaml").read_bytes()
    result = CliRunner().invoke(cli, ["report", str(run), "--output", str(tmp_path / output)])
    assert result.exit_code == 2
    assert reason in result.stderr
    assert (run / "config.yaml").read_bytes() == before


def test_a_page_that_cannot_be_written_is_a_warning(tmp_path, capsys):
    run = write_run(tmp_path / "run")
    (run / "report.html").mkdir()
    cycle = MeasuredCycle(number=1, figures={}, metrics={}, predictions=[], line="")
    ReportFile(run, Reporter()).measured(cycle)
    said = " ".join(capsys.readouterr().err.split())
    assert "report.html cannot be written" in said
    assert "The run goes on" in said


def test_the_charts_library_is_as_its_authors_published_it():
    folder = Path(__file__).parents[2] / "core/src/audioforge/report/assets/echarts"
    digest = hashlib.sha256((folder / "echarts.common.min.js").read_bytes()).hexdigest()
    assert digest in (folder / "README.md").read_text()


@pytest.mark.parametrize("broken", ["summary.json", "environment.json"])
def test_a_damaged_file_is_named(tmp_path, broken):
    run = write_run(tmp_path / "run")
    (run / broken).write_text("{")
    result = CliRunner().invoke(cli, ["report", str(run)])
    assert result.exit_code == 2
    assert f"{broken}: cannot be read" in result.stderr


def test_a_run_on_a_cluster_says_what_each_node_did(tmp_path):
    run = write_run(tmp_path / "run")
    assert "What each node did" not in report_page(run)
    shared = {"batches": 3, "failures": 1, "repeated": 0, "scoring_seconds": 2.0, "elapsed": 10.0}
    lines = [
        {"stage": stage, "node": "gpu-1", "workers": 2, "clips": 600, "seconds": 15.0, **shared}
        for stage in ("cycle 1 sample", "cycle 2 sample")
    ]
    scorer = {"stage": "cycle 1 sample", "node": HOSTILE, "workers": 0, "clips": 0, "seconds": 0.0}
    write_lines(run / "nodes.jsonl", [*lines, scorer | shared])
    page = report_page(run)
    table = page.partition("What each node did")[2].partition("</table>")[0]
    cells = [re.sub("<[^>]*>", "|", row) for row in table.split("<tr>")[2:]]
    assert [[c for c in row.split("|") if c.strip()][-8:] for row in cells] == [
        ["0", "0", "3", "0.0 s", "–", "2.0 s", "1", "0"],
        ["2", "1,200", "6", "30.0 s", "75 %", "4.0 s", "2", "0"],
    ]
    assert HOSTILE not in page
