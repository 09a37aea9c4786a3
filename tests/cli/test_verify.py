"""`audioforge verify`: what another system produced, scored."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import jiwer
import numpy as np
import pytest
import soundfile
from attrs import evolve
from click.testing import CliRunner, Result

from audioforge.cli import cli
from audioforge.plugins import Plugin, Registry, discover
from audioforge.sample import Score
from audioforge.scoring.predictions import PredictionFile
from audioforge.specs import VerifierSpec
from audioforge.tasks import speech_task
from audioforge.verifier import CorpusMetric, Verifier

PAIRS = [
    ("one two three four", "one two three four"),
    ("one two three four", "one two tree"),
    ("five", "five six seven"),
    ("eight nine", ""),
]


class Judge(Verifier):
    """Judges as the sample's id says: the reward after the last '/', 'none', 'nan' or 'raise'."""

    tasks = ("asr", "tts")
    metrics = ("length",)
    corpus_metrics = (CorpusMetric("length", ("length",), "items", higher_is_better=True),)

    def verify(self, samples, hypotheses):
        return [
            self._score(s.id.rpartition("/")[2], h)
            for s, h in zip(samples, hypotheses, strict=True)
        ]

    def _score(self, verdict, hypothesis):
        if verdict == "raise":
            raise ZeroDivisionError("no such luck")
        if verdict == "none":
            return Score(None)
        if verdict == "nan":
            return Score(0.5, True, {"length": float("nan"), "items": 1.0})
        reward = float(verdict)
        return Score(reward, reward >= 0.5, {"length": len(hypothesis.text), "items": 1.0})


class Crowd(Verifier):
    """Judges a sample's hypotheses by how many there are in the call, and counts the call."""

    tasks = ("asr",)
    scope = "rollout"

    def verify(self, samples, hypotheses):
        together = [sum(s is other for other in samples) for s in samples]
        return [Score(1 / count, True, {"call": len(samples)}) for count in together]


class Listener(Verifier):
    """Judges by the recording: 1 where it can be had."""

    tasks = ("asr", "tts")

    def verify(self, samples, hypotheses):
        from audioforge.audio import load_clip
        from audioforge.errors import AudioError

        scores = []
        for sample in samples:
            try:
                seconds = load_clip(sample, 8000).seconds
                scores.append(Score(1.0, True, {"seconds": seconds}))
            except AudioError:
                scores.append(Score(None))
        return scores


class Loud(Verifier):
    """Judges generated audio by its peak, and whether it is the recording that it has heard."""

    tasks = ("tts",)

    def verify(self, samples, hypotheses):
        return [self._score(s, h) for s, h in zip(samples, hypotheses, strict=True)]

    def _score(self, sample, hypothesis):
        peak = float(np.abs(soundfile.read(hypothesis.audio)[0]).max())
        return Score(min(1, peak), peak > 0.5, {"has_voice": float(sample.audio is not None)})


VERIFIERS = [
    VerifierSpec(name=n.lower(), summary="", tasks=c.tasks, factory=f"judges_of_verify:{n}")
    for n, c in {"Judge": Judge, "Crowd": Crowd, "Listener": Listener, "Loud": Loud}.items()
]


@pytest.fixture(autouse=True)
def _judges(monkeypatch: pytest.MonkeyPatch) -> None:
    """Install the verifiers of this file beside what is there."""
    monkeypatch.delenv("AUDIOFORGE_PLUGINS", raising=False)
    monkeypatch.setitem(sys.modules, "judges_of_verify", sys.modules[__name__])
    judges = Plugin("judges", "1", "judges = judges_of_verify")
    judges.provides["verifiers"] = VERIFIERS
    registry = Registry([*discover().plugins, judges])
    monkeypatch.setattr("audioforge.cli.verify.discover", lambda **_: registry)


def write(path: Path, lines: list[object]) -> Path:
    """Write objects as JSON lines, and texts as they are."""
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("".join(f"{text}\n" for text in texts))
    return path


def pairs(path: Path, texts: list[tuple[str, str]] = PAIRS) -> Path:
    return write(
        path,
        [
            {"audio_filepath": f"{i}.wav", "text": text, "pred_text": said}
            for i, (text, said) in enumerate(texts)
        ],
    )


def judged(path: Path, *verdicts: object) -> Path:
    return write(
        path,
        [{"id": f"{i}/{v}", "text": "a", "pred_text": "bb"} for i, v in enumerate(verdicts)],
    )


def verify(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["verify", *map(str, arguments), "--device", "cpu"])


def measured(*arguments: object) -> dict:
    result = verify(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_figures_are_jiwers(tmp_path: Path) -> None:
    result = measured(
        pairs(tmp_path / "p.jsonl"), "--normalizer", "none",
        "--verifier", "wer", "--verifier", "cer:weight=0",
    )  # fmt: skip
    references, said = zip(*PAIRS, strict=True)
    assert result["metrics"]["wer"] == pytest.approx(jiwer.wer(list(references), list(said)))
    assert result["metrics"]["cer"] == pytest.approx(jiwer.cer(list(references), list(said)))
    rewards = [max(0, 1 - jiwer.wer(r, s)) for r, s in PAIRS]
    assert result["reward"] == pytest.approx(np.mean(rewards))
    assert (result["n"], result["scored"], result["unscored"]) == (4, 4, 0)
    assert result["passed"] == 1 / 4
    assert result["normalizer"] == "none"
    low, high = result["ci95"]["wer"]
    assert low < result["metrics"]["wer"] < high


def test_the_style_is_that_of_the_outputs_as_written(tmp_path: Path) -> None:
    said = ["One two.", "two", "THREE"]
    path = pairs(tmp_path / "p.jsonl", [("One.", text) for text in said])
    style = measured(path)["style"]
    assert style == {"capitals": 2 / 3, "small_letters": 2 / 3, "punctuation": 1 / 3}
    assert "capitals in 67 %, small letters in 67 %, punctuation in 33 %" in verify(path).stdout


def test_what_a_limit_cut_is_scored_as_it_is_and_counted(tmp_path: Path) -> None:
    rows = [{"text": r, "pred_text": said} for r, said in PAIRS]
    rows[1]["cut"] = True
    rows[3]["pred_text"] = "eight " * 60
    path, output = tmp_path / "p.jsonl", tmp_path / "scores.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = measured(path, "--normalizer", "none", "--output", str(output))
    assert (result["cut"], result["runaway"]) == (1, 2)
    rates = [
        jiwer.wer([row["text"] for row in chosen], [row["pred_text"] for row in chosen])
        for chosen in (rows, rows[::2])
    ]
    assert result["metrics"]["wer"] == pytest.approx(rates[0])
    assert result["without_runaway"]["wer"] == pytest.approx(rates[1])
    assert [line.get("cut") for line in lines(output)] == [None, True, None, None]
    assert [line.get("runaway") for line in lines(output)] == [None, True, None, True]
    told = verify(path, "--normalizer", "none").stdout
    assert "; run-away: 2; cut short: 1 of 4" in told
    (row,) = [line for line in told.splitlines() if line.startswith("wer ") and "to" in line]
    assert row.endswith(f"{rates[1]:.4f}")


def test_the_keys_are_as_documented(tmp_path: Path) -> None:
    result = measured(pairs(tmp_path / "p.jsonl"))
    assert result.keys() >= {"n", "scored", "unscored", "reward", "passed", "metrics"}
    assert result["verifiers"].keys() == {"wer"}, "the task's own verifier"
    keys = {"weight", "reward", "passed", "scored", "unscored", "failed"}
    assert result["verifiers"]["wer"].keys() == keys


def test_the_table_has_the_same_figures(tmp_path: Path) -> None:
    result = verify(judged(tmp_path / "p.jsonl", 1, 0.5, 0, "none"), "--verifier", "judge")
    assert result.exit_code == 0, result.output
    rows = [line.split() for line in result.stdout.splitlines()]
    assert ["judge", "1", "0.5000", "66.7", "%", "1"] in rows
    assert rows[4][:2] == ["reward", "0.5000"]
    assert "3 of 4 scored; 66.7 % of these passed" in result.stdout
    assert "Warning: 1 not scored: no verifier could judge it (first: " in result.stderr
    assert "p.jsonl:4" in result.stderr


def test_the_reward_decides_the_exit_code(tmp_path: Path) -> None:
    file = judged(tmp_path / "p.jsonl", 0.9, 0.9, 0.9)
    for limit, code in (("0.9", 0), ("0.90001", 1), ("1", 1), ("0", 0)):
        result = verify(file, "--verifier", "judge", "--fail-under", limit)
        assert result.exit_code == code, limit
        assert "0.9000" in result.stdout, "everything is printed before"
    assert "the mean reward 0.9 is below --fail-under 1" in verify(
        file, "--verifier", "judge", "--fail-under", "1", "--json"
    ).stderr  # fmt: skip


@pytest.mark.parametrize("limit", ["nan", "inf", "1.5", "-1", "much"])
def test_a_limit_that_no_reward_can_reach_is_refused(tmp_path: Path, limit: str) -> None:
    result = verify(pairs(tmp_path / "p.jsonl"), "--fail-under", limit)
    assert result.exit_code == 2
    assert "--fail-under" in result.stderr


def test_nothing_scored_is_a_failure_and_no_zero(tmp_path: Path) -> None:
    result = verify(judged(tmp_path / "p.jsonl", "none", "none"), "--verifier", "judge", "--json")
    assert result.exit_code == 1
    assert "nothing could be scored" in result.stderr
    report = json.loads(result.stdout)
    assert (report["n"], report["scored"], report["unscored"]) == (2, 0, 2)
    assert report["reward"] is None
    assert report["passed"] is None
    assert report["metrics"] == {}
    assert report["ci95"] == {}


def test_what_cannot_be_judged_is_in_no_mean(tmp_path: Path) -> None:
    file = judged(tmp_path / "p.jsonl", 0.8, "none", 0.4)
    result = measured(file, "--verifier", "judge")
    assert result["reward"] == pytest.approx(0.6)
    assert result["passed"] == 1 / 2
    assert result["reasons"] == {"no verifier could judge it": 1}
    assert result["metrics"] == {"length": 2.0}


def test_a_verifier_of_weight_0_is_only_recorded(tmp_path: Path) -> None:
    file = judged(tmp_path / "p.jsonl", 0.2, 0.2)
    result = measured(file, "--verifier", "judge:weight=0", "--verifier", "crowd")
    assert (result["reward"], result["passed"]) == (1.0, 1.0)
    assert result["verifiers"]["judge"]["reward"] == pytest.approx(0.2)
    assert (result["verifiers"]["judge"]["passed"], result["verifiers"]["judge"]["weight"]) == (
        0,
        0,
    )


def test_the_output_has_a_line_for_each_line(tmp_path: Path) -> None:
    file = write(
        tmp_path / "p.jsonl",
        [
            {"id": "a/1", "audio_filepath": "x.wav", "text": "ä", "pred_text": "ö", "extra": 1},
            "",
            "not json",
            {"id": "b/none", "text": "c", "pred_text": "d"},
        ],
    )
    out = tmp_path / "new" / "scores.jsonl"
    result = measured(file, "--verifier", "judge", "--output", out)
    assert (result["n"], result["scored"], result["unscored"]) == (3, 1, 2)
    scored, broken, unjudged = lines(out)
    assert scored == {
        "id": "a/1",
        "audio_filepath": "x.wav",
        "text": "ä",
        "pred_text": "ö",
        "reward": 1.0,
        "scores": {"judge": {"reward": 1.0, "passed": True, "metrics": {"length": 1, "items": 1}}},
        "reason": None,
    }
    assert broken["reward"] is None
    assert "p.jsonl:3: not JSON" in broken["reason"]
    assert unjudged["reward"] is None
    assert unjudged["scores"]["judge"]["reward"] is None
    assert unjudged["reason"] == "no verifier could judge it"
    assert [p.name for p in out.parent.iterdir()] == ["scores.jsonl"]


def test_an_output_that_is_there_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "scores.jsonl").write_text("mine")
    result = verify(tmp_path / "missing.jsonl", "--output", tmp_path / "scores.jsonl")
    assert result.exit_code == 2
    assert "is there already" in result.stderr
    assert (tmp_path / "scores.jsonl").read_text() == "mine"
    result = verify(tmp_path / "missing.jsonl", "--output", tmp_path / "scores.jsonl" / "x")
    assert result.exit_code == 2
    assert "cannot be made" in result.stderr


def test_consecutive_lines_of_a_sample_are_its_hypotheses(tmp_path: Path) -> None:
    def line(identity: str, said: str = "x", text: str = "a") -> dict:
        return {"audio_filepath": identity, "text": text, "pred_text": said}

    out = tmp_path / "s.jsonl"
    file = [line("a"), "broken", line("a"), line("b"), line("a"), line("a", text="other")]
    measured(write(tmp_path / "p.jsonl", file), "--verifier", "crowd", "--output", out)
    assert [row["reward"] for row in lines(out)] == [0.5, None, 0.5, 1, 1, 1]


def test_no_batch_parts_a_sample_and_none_holds_the_whole_file(tmp_path: Path) -> None:
    rows = [{"id": i // 3, "text": "a b", "pred_text": "a"} for i in range(999)]
    out = tmp_path / "s.jsonl"
    file = write(tmp_path / "p.jsonl", rows)
    result = measured(file, "--verifier", "crowd", "--output", out)
    assert result["n"] == 999
    assert result["reward"] == pytest.approx(1 / 3)
    assert max(row["scores"]["crowd"]["metrics"]["call"] for row in lines(out)) < 300


def test_the_interval_counts_samples_not_hypotheses(tmp_path: Path) -> None:
    """Ten copies of each hypothesis tell nothing new."""
    rng = np.random.default_rng(0)
    rewards = rng.integers(0, 11, size=40) / 10
    once = [{"id": f"{i}/{r}", "text": "a", "pred_text": "b"} for i, r in enumerate(rewards)]
    tenfold = [line for line in once for _ in range(10)]
    one = measured(write(tmp_path / "1.jsonl", once), "--verifier", "judge")
    ten = measured(write(tmp_path / "10.jsonl", tenfold), "--verifier", "judge")
    assert ten["n"] == 400
    assert ten["reward"] == pytest.approx(one["reward"])
    assert ten["ci95"]["reward"] == pytest.approx(one["ci95"]["reward"])


def test_many_samples_have_the_interval_that_few_would_lead_to_expect(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    rewards = rng.random(12_000).round(3)
    file = [{"id": f"{i}/{r}", "text": "a", "pred_text": "b"} for i, r in enumerate(rewards)]
    low, high = measured(write(tmp_path / "p.jsonl", file), "--verifier", "judge")["ci95"]["reward"]
    expected = 2 * 1.96 * rewards.std() / np.sqrt(len(rewards))
    assert high - low == pytest.approx(expected, rel=0.1)


def test_one_sample_has_an_id_of_its_own(tmp_path: Path) -> None:
    file = write(tmp_path / "p.jsonl", [{"id": 1, "text": "a", "pred_text": "b"}] * 1001)
    result = verify(file)
    assert result.exit_code == 2
    assert "more than 1000 lines in a row are of the sample '1'" in result.stderr


def test_limit_counts_samples(tmp_path: Path) -> None:
    rows = [{"id": i // 2, "text": "a", "pred_text": "a"} for i in range(20)]
    assert measured(write(tmp_path / "p.jsonl", rows), "--limit", 3)["n"] == 6


@pytest.mark.parametrize(
    ("verdict", "message"),
    [("raise", "ZeroDivisionError: no such luck"), ("nan", "length"), ("2", "a reward must be")],
)
def test_a_verifier_that_fails_is_named(tmp_path: Path, verdict: str, message: str) -> None:
    file = judged(tmp_path / "p.jsonl", 1, verdict)
    result = verify(file, "--verifier", "judge", "--output", tmp_path / "s.jsonl", "--json")
    assert result.exit_code == 1
    assert "verifier 'judge'" in result.stderr
    assert message in result.stderr
    assert result.stdout == ""
    assert not (tmp_path / "s.jsonl").exists(), "what is half done is not left"


def test_recordings_are_heard_where_they_are_and_abstained_from_where_not(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(8000), 8000)
    rows = [
        {"audio_filepath": "a.wav", "text": "a", "pred_text": "a"},
        {"audio_filepath": "a.wav", "offset": 0.5, "duration": 0.25, "text": "a", "pred_text": "a"},
        {"audio_filepath": "/elsewhere/b.wav", "text": "a", "pred_text": "a"},
        {"text": "a", "pred_text": "a"},
    ]
    out = tmp_path / "s.jsonl"
    file = write(tmp_path / "p.jsonl", rows)
    result = measured(file, "--verifier", "wer", "--verifier", "listener", "--output", out)
    assert result["scored"] == 4
    assert result["verifiers"]["listener"]["unscored"] == 2
    heard = [row["scores"]["listener"]["metrics"].get("seconds") for row in lines(out)]
    assert heard == [1.0, 0.25, None, None]


def test_the_languages_of_the_lines_decide_the_normaliser(tmp_path: Path) -> None:
    rows = [{"text": "a", "pred_text": "a", "lang": lang} for lang in ("en", "pl")]
    assert measured(write(tmp_path / "p.jsonl", rows))["normalizer"] == "by-language-1"
    assert measured(write(tmp_path / "o.jsonl", rows[1:]))["normalizer"] == "words-1"
    assert measured(write(tmp_path / "e.jsonl", rows[:1]))["normalizer"] == "english-1"
    flags = ("--language", "en")
    assert measured(tmp_path / "p.jsonl", *flags)["normalizer"] == "english-1"


def test_lines_that_state_no_language_have_that_of_most_or_of_their_letters(
    tmp_path: Path,
) -> None:
    def line(text: str, **columns: str) -> dict:
        return {"text": text, "pred_text": text, **columns}

    def spoken(name: str, *rows: dict, asked: str | None = None) -> dict[str | None, int]:
        file = PredictionFile(write(tmp_path / name, list(rows)), speech_task("asr"))
        file = evolve(file, asked=asked, otherwise=file.survey().otherwise)
        return Counter(entry.sample.language for entry in file.read())

    stated = [line("jeden", lang="pol"), line("dwa", language="pl-PL"), line("trzy")]
    assert spoken("most.jsonl", *stated) == {"pl": 3}
    assert spoken("few.jsonl", *stated[1:], line("cztery")) == {"pl": 1, None: 2}
    assert spoken("asked.jsonl", *stated, asked="en") == {"en": 3}
    assert spoken("letters.jsonl", line("नमस्ते"), line("दुनिया")) == {"hi": 2}
    assert spoken("unknown.jsonl", line("jeden", lang="klingonish")) == {None: 1}


def test_another_key_can_hold_the_reference(tmp_path: Path) -> None:
    file = write(tmp_path / "p.jsonl", [{"transcript": "a", "pred_text": "a"}])
    assert verify(file).exit_code == 1, "without a reference nothing can be judged"
    assert measured(file, "--text-column", "transcript")["reward"] == 1


def test_classes_are_known_from_the_file(tmp_path: Path) -> None:
    rows = [
        {"id": 1, "text": "yes", "pred_text": "yes"},
        {"id": 2, "text": "no|off", "pred_text": "off"},
        {"id": 3, "label": ["left", "right"], "text": "spoken words", "pred_text": "up"},
        {"id": 4, "label": 7, "pred_text": "7"},
    ]
    out = tmp_path / "s.jsonl"
    file = write(tmp_path / "p.jsonl", rows)
    result = measured(file, "--task", "classification", "--output", out)
    assert [row["reward"] for row in lines(out)] == [1, 1, 0, 1]
    assert result["passed"] == 3 / 4
    assert [row["text"] for row in lines(out)] == ["yes", "no|off", "left|right", "7"]


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    """A folder of generated sound files, each as loud as its name says."""
    for name in ("1", "b/0.25", "b/0.5", "0.75"):
        path = tmp_path / "out" / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.full(800, min(float(path.stem), 0.999)), 8000)
    (tmp_path / "out" / ".hidden.wav").write_text("")
    (tmp_path / "out" / "notes.txt").write_text("")
    return tmp_path / "out"


def test_a_folder_of_speech_is_matched_by_id_or_recording(tmp_path: Path, speech: Path) -> None:
    rows = [
        {"id": "1", "text": "a"},
        {"id": "0.25", "text": "b"},
        {"audio_filepath": "C:\\corpus\\b\\0.5.flac", "text": "c"},
        {"id": "missing", "text": "d"},
        {"id": "other/0.25", "text": "e"},
        {"id": "b/0.25", "text": "f"},
        {"text": "g"},
    ]
    out = tmp_path / "s.jsonl"
    result = verify(
        "--task", "tts", "--audio-dir", speech, "--verifier", "loud", "--output", out, "--json",
        "--manifest", write(tmp_path / "m.jsonl", rows),
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    rewards = [row["reward"] for row in lines(out)]
    assert rewards[:3] == pytest.approx([1, 0.25, 0.5], abs=0.01)
    assert rewards[3:] == [None] * 4
    reasons = [row["reason"] for row in lines(out)[3:]]
    assert "is called 'missing'" in reasons[0]
    assert "is called 'other/0.25'" in reasons[1], "another folder's file is not it"
    assert "is taken as the output of" in reasons[2]
    assert "neither 'id' nor a recording" in reasons[3]
    report = json.loads(result.stdout)
    assert report["reasons"] == {"without audio": 4}
    assert report["unmatched_files"] == 1
    assert "no line asks for 1 sound files" in result.stderr
    assert "0.75.wav" in result.stderr


def test_a_name_that_two_files_have_is_no_match(tmp_path: Path, speech: Path) -> None:
    soundfile.write(speech / "b" / "1.flac", np.zeros(800), 8000)
    flags = ("--task", "tts", "--audio-dir", speech, "--verifier", "loud", "--manifest")
    exact = measured(*flags, write(tmp_path / "m.jsonl", [{"id": "1", "text": "a"}]))
    assert exact["reward"] == pytest.approx(1, abs=0.01), "the one at the top has just this name"
    either = verify(*flags, write(tmp_path / "n.jsonl", [{"id": "x/b/1", "text": "a"}]), "--json")
    assert json.loads(either.stdout)["reasons"] == {"without audio": 1}


def test_lines_can_name_their_sound_files(tmp_path: Path, speech: Path) -> None:
    soundfile.write(tmp_path / "voice.wav", np.zeros(800), 8000)
    rows = [
        {"text": "a", "audio_filepath": "voice.wav", "pred_audio": "out/1.wav"},
        {"text": "a", "audio_filepath": "out/1.wav", "pred_audio": "out/1.wav"},
        {"text": "a", "pred_audio": "out/gone.wav"},
        {"text": "a"},
    ]
    out = tmp_path / "s.jsonl"
    file = write(tmp_path / "p.jsonl", rows)
    result = measured(file, "--task", "tts", "--verifier", "loud", "--output", out)
    assert result["reasons"] == {"without audio": 1, "without pred_audio": 1}
    voices = [row["scores"]["loud"]["metrics"]["has_voice"] for row in lines(out)[:2]]
    assert voices == [1, 0], "generated audio is no recording of the voice"
    assert lines(out)[0]["pred_audio"] == "out/1.wav"


def test_a_file_that_does_not_decode_is_bad_output(tmp_path: Path, speech: Path) -> None:
    (speech / "broken.wav").write_bytes(b"RIFF")
    (speech / "text.wav").write_text("no sound", encoding="utf-8")
    rows = [{"text": "a", "pred_audio": f"out/{name}.wav"} for name in ("1", "broken", "text")]
    out = tmp_path / "s.jsonl"
    file = write(tmp_path / "p.jsonl", rows)
    result = measured(file, "--task", "tts", "--verifier", "quality", "--output", out)
    assert (result["n"], result["scored"], result["unscored"]) == (3, 3, 0)
    assert [row["reward"] for row in lines(out)[1:]] == [0, 0]


def test_speech_without_any_audio_says_how_to_give_it(tmp_path: Path) -> None:
    result = verify(pairs(tmp_path / "p.jsonl"), "--task", "tts", "--verifier", "loud")
    assert result.exit_code == 2
    assert "no line has the key 'pred_audio'" in result.stderr
    assert "--audio-dir" in result.stderr
    (tmp_path / "empty").mkdir()
    flags = ("--task", "tts", "--verifier", "loud", "--audio-dir", tmp_path / "empty")
    result = verify(tmp_path / "p.jsonl", *flags)
    assert result.exit_code == 2
    assert "holds no sound file" in result.stderr


def test_predictions_of_benchmark_give_its_figures(tmp_path: Path) -> None:
    from audioforge_demo import assets

    result = CliRunner().invoke(
        cli,
        [
            *("benchmark", "--model", str(assets.model()), "--dataset", "demo:split=heldout"),
            *("--limit", "30", "--device", "cpu", "--output", str(tmp_path / "b"), "--json"),
            *("--normalizer", "none"),
        ],
    )  # fmt: skip
    benchmark = json.loads(result.stdout)
    verified = measured(tmp_path / "b" / "predictions.jsonl", "--normalizer", "none")
    assert verified["n"] == benchmark["n"] == 30
    assert verified["metrics"]["wer"] == benchmark["wer"]
    assert verified["ci95"]["wer"] == benchmark["ci95"]


def test_as_a_user_runs_it(tmp_path: Path) -> None:
    file = pairs(tmp_path / "p.jsonl")
    command = [sys.executable, "-m", "audioforge", "verify", str(file), "--fail-under", "0.99"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "of 4 scored" in result.stdout
    assert result.stderr.startswith("Error: the mean reward")


def test_each_rate_says_of_how_many_samples_it_is(tmp_path: Path) -> None:
    rows = [
        {"text": "turn it off", "pred_text": "turn it of", "lang": "en"},
        {"text": "turn it on", "pred_text": "turn it on", "lang": "en"},
        {"text": "今天下午", "pred_text": "今天上午", "lang": "zh"},
        {"text": "", "pred_text": "", "lang": "zh"},
    ]
    file = write(tmp_path / "p.jsonl", rows)
    result = measured(file)
    assert result["counted"] == {"reward": 4, "wer": 2, "mer": 1}
    assert result["metrics"] == {"wer": pytest.approx(1 / 6), "mer": 0.25}
