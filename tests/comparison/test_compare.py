"""`audioforge compare` on run folders that are written here, key by key."""

import json
import subprocess
import sys

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from audioforge.cli import cli
from audioforge.measuring.bootstrap import difference_interval
from audioforge.measuring.resampling import Resampling

N, WORDS = 60, 5
SPEAKERS = [f"s{n % 12}" for n in range(N)]


def lines(errors, *, said="one", speakers=SPEAKERS, start=0):
    return [
        {
            "id": f"clip-{start + n:03d}",
            "text": "one two three four five",
            "pred_text": f"{said} {count}",
            "speaker": speaker,
            "normalizer": "words-1",
            "measured": {"wer": [count, WORDS], "cer": [count, 23]},
        }
        for n, (count, speaker) in enumerate(zip(errors, speakers, strict=True))
    ]


def write_lines(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_run(folder, base, best, **changes):
    """Write what a finished run writes, as far as it is read here."""
    improved = changes.pop("improved", True)
    summary = {
        "task": "asr",
        "metric": "wer",
        "higher_is_better": False,
        "normalizer": "words-1",
        "base": {"wer": 0.5, "n": len(base)},
        "improved": improved,
        "best": {
            "cycle": 2 * improved,
            "interpolation": 1.0,
            "wer": 0.25,
            "difference_ci95": [-0.31, -0.19],
            "interval": {"unit": "speakers", "speakers": 12, "without_speaker": 0},
            "rejected": {
                "cycle": 1,
                "interpolation": changes.pop("interpolation", 0.5),
                "wer": 0.61,
                "difference_ci95": [0.08, 0.14],
            },
        },
    } | changes.pop("summary", {})
    write_lines(folder / "cycle-00/predictions.jsonl", base)
    write_lines(folder / "best-predictions.jsonl", best)
    (folder / "summary.json").write_text(json.dumps(summary))
    config = {"model_name": "m", "selection": "best", "seed": 0, "output_dir": str(folder)}
    (folder / "config.yaml").write_text(yaml.safe_dump(config | changes))
    return folder


def errors(share, seed):
    """Errors of each utterance; those of one seed go together, so that pairing matters."""
    hard = np.random.default_rng(0).random(N)
    own = np.random.default_rng(seed).random(N)
    return [int(e) for e in np.floor(WORDS * share * (0.7 * hard + 0.3 * own) * 2).clip(0, WORDS)]


def compare(*arguments, code=0):
    result = CliRunner().invoke(cli, ["compare", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result.stdout if code == 0 else result.stderr


@pytest.fixture
def base():
    return lines(errors(0.5, 1), said="base")


@pytest.fixture
def raft(tmp_path, base):
    return write_run(tmp_path / "raft", base, lines(errors(0.2, 2), said="raft"))


@pytest.fixture
def random(tmp_path, base):
    return write_run(tmp_path / "random", base, base, improved=False, selection="random")


def test_the_pair_is_drawn_as_a_run_s_own_interval(raft, random):
    (held_out,) = json.loads(compare(raft, random, "--json"))["sets"]
    (pair,) = held_out["pairs"]
    own, other, words = np.array(errors(0.2, 2)), np.array(errors(0.5, 1)), np.full(N, WORDS)
    expected = difference_interval((own, words), (other, words), Resampling(SPEAKERS))
    assert pair["difference"] == pytest.approx((own - other).sum() / words.sum())
    assert pair["difference_ci95"] == pytest.approx(expected)
    assert pair["interval"] == {"unit": "speakers", "speakers": 12, "without_speaker": 0}
    assert pair["outside_interval"]
    # What the run says of itself is not said otherwise: it knows among how many models it chose.
    assert held_out["runs"]["raft"]["exported_minus_base"]["difference_ci95"] == [-0.31, -0.19]


def test_the_story_is_told_in_sentences(raft, random):
    printed = " ".join(compare(raft, random).split())
    assert "selection best random" in printed
    assert "output_dir" not in printed
    gain = 100 * (np.mean(errors(0.5, 1)) - np.mean(errors(0.2, 2))) / WORDS
    # One difference has one interval: that of two models that are raft's own is not told again.
    assert (
        f"raft improved: what it exported makes {gain:.1f} fewer errors per 100 words (95 %: 19.0 "
        f"to 31.0 fewer) than its base, which is what random kept." in printed
    )
    assert "raft makes" not in printed
    assert "random did not improve (WER 61.0 % after training: +8.0 to +14.0 points" in printed
    assert "for speakers like these 12" in printed
    assert all(len(line) <= 80 for line in compare(raft, random).splitlines())


def test_the_better_one_is_named_first_whatever_the_order(tmp_path, base, raft):
    other = write_run(tmp_path / "other", base, lines(errors(0.4, 3)))
    for order in ((raft, other), (other, raft)):
        assert "raft makes" in " ".join(compare(*order).split())


def test_a_kept_base_of_other_outputs_is_compared_as_any_model(tmp_path, base, raft):
    apart = lines(errors(0.6, 1), said="apart")
    kept = write_run(tmp_path / "kept", apart, apart, improved=False)
    printed = " ".join(compare(raft, kept).split())
    assert "than its base. kept did not improve" in printed
    assert "fewer errors per 100 words than the base that kept kept" in printed
    assert "raft and kept name one model, yet their bases differ" in printed


def test_a_setting_that_an_older_version_had_not_is_as_its_default(raft, random):
    for value, shown in ((0, False), (3, True)):
        config = yaml.safe_load((raft / "config.yaml").read_text()) | {"min_kept": value}
        (raft / "config.yaml").write_text(yaml.safe_dump(config))
        told = json.loads(compare(raft, random, "--json"))["settings"]
        assert ("min_kept" in told) == shown
    assert told["min_kept"] == {"raft": "3", "random": None}


def test_a_metric_of_fewer_utterances_says_of_how_many(tmp_path, base, raft, random):
    for run in (raft, random):
        for path in run.rglob("*predictions.jsonl"):
            rows = [json.loads(line) for line in path.read_text().splitlines()]
            for row in rows[:4]:
                del row["measured"]["cer"]
            write_lines(path, rows)
    page = tmp_path / "page.html"
    printed = compare(raft, random, "--html", page)
    assert "CER is of 56 of 60 utterances." in printed
    assert "WER is of" not in printed
    assert "CER, held out: 56 of 60 utterances" in page.read_text()


def test_a_page_that_cannot_be_written_is_refused_before_anything(tmp_path, raft):
    page = tmp_path / "nodir/page.html"
    said = " ".join(compare(raft, tmp_path / "none", "--html", page, code=2).split())
    assert f"there is no folder {page.parent}; make it, or name another file" in said
    said = compare(raft, tmp_path / "none", "--html", raft / "config.yaml", code=2)
    assert "a page's name ends in .html" in " ".join(said.split())


def test_utterances_on_which_they_differ_come_most_first(raft, random):
    told = json.loads(compare(raft, random, "--json"))["sets"][0]
    spread = np.abs(np.array(errors(0.2, 2)) - np.array(errors(0.5, 1)))
    assert told["differing"] == np.count_nonzero(spread) == len(told["utterances"])
    assert [
        abs(u["runs"]["raft"]["measured"][0] - u["runs"]["random"]["measured"][0])
        for u in told["utterances"]
    ] == sorted(spread[spread > 0], reverse=True)
    printed = compare(raft, random, "--utterances", "2")
    assert printed.count("  right ") == 2
    assert f"They differ on {told['differing']} of {N} utterances" in printed


def test_where_the_base_was_kept_what_was_trained_is_compared_too(tmp_path, base, raft):
    trained = lines(errors(0.35, 4), said="trained")
    kept = [
        write_run(tmp_path / name, base, base, improved=False, interpolation=1.0)
        for name in ("kept", "too")
    ]
    for run in kept:
        write_lines(run / "cycle-01/predictions.jsonl", trained)
    own, other, words = np.array(errors(0.2, 2)), np.array(errors(0.35, 4)), np.full(N, WORDS)
    (one,) = json.loads(compare(raft, kept[0], "--json"))["sets"]
    (pair,) = one["trained_pairs"]
    expected = difference_interval((own, words), (other, words), Resampling(SPEAKERS))
    assert pair["difference_ci95"] == pytest.approx(expected)
    assert "Whether exported or not, what raft trained makes" in compare(raft, kept[0])
    # Where nobody exported what it trained, that is what is shown of each utterance.
    write_lines(kept[1] / "cycle-01/predictions.jsonl", lines(errors(0.2, 2), said="other"))
    printed = compare(*kept)
    assert "kept and too kept the same base: they exported one model" in printed
    assert "Nobody exported what it trained; shown is what that says" in printed
    assert "  too    other " in printed


def test_no_difference_beyond_chance_is_called_none(tmp_path, base, raft):
    draw = np.random.default_rng(5)
    shuffled = [int(e) for e in np.array(errors(0.2, 2)) + draw.choice([-1, 0, 1], N)]
    other = write_run(tmp_path / "other", base, lines([max(e, 0) for e in shuffled]))
    assert "cannot be told apart" in " ".join(compare(raft, other).split())


def test_few_utterances_tell_nothing(tmp_path):
    few = SPEAKERS[:10]
    good, bad = (lines([e] * 10, speakers=few) for e in (0, 4))
    runs = [write_run(tmp_path / n, bad, best) for n, best in (("a", good), ("b", bad))]
    assert "10 utterances cannot tell it from chance" in " ".join(compare(*runs).split())
    assert not json.loads(compare(*runs, "--json"))["sets"][0]["pairs"][0]["outside_interval"]


def test_other_held_out_clips_are_left_out_and_counted(tmp_path, raft):
    moved = lines(errors(0.5, 1), start=20)
    other = write_run(tmp_path / "other", moved, moved)
    told = json.loads(compare(raft, other, "--json"))
    assert told["sets"][0]["n"] == 40
    assert told["sets"][0]["left_out"] == {"raft": 20, "other": 20}
    assert "compared on the 40 utterances that all share; left out are 20 of raft" in compare(
        raft, other
    ).replace("\n", " ")
    # The same ids with other transcripts are other utterances.
    for line in moved:
        line["text"] = "another"
    write_run(tmp_path / "apart", moved, moved)
    assert "share no utterance" in compare(raft, tmp_path / "apart", code=2)


def test_seeds_are_compared_by_their_mean(tmp_path, base, random):
    group = tmp_path / "three"
    for seed in (0, 1):
        write_run(group / f"seed-{seed}", base, lines(errors(0.2, 2 + seed)), seed=seed)
    (group / "group.yaml").write_text("seeds: [0, 1]\nsettings: {}\n")
    told = json.loads(compare(group, random, "--json"))
    mean = np.mean([errors(0.2, 2), errors(0.2, 3)]) / WORDS
    exported = told["sets"][0]["runs"]["three"]["exported"]["wer"]["value"]
    assert exported == pytest.approx(mean)
    assert told["settings"]["seed"] == {"three": "0, 1", "random": "0"}
    assert "three improved, 2 of 2 seeds:" in compare(group, random)


def test_what_another_system_said_is_measured_here(tmp_path, raft):
    """A file without counts, and one of another normaliser, are counted as the first run."""
    said = [
        {key: line[key] for key in ("id", "text", "speaker")} | {"pred_text": "One, two three"}
        for line in lines([0] * N)
    ]
    other = tmp_path / "other"
    write_lines(other / "predictions.jsonl", said)
    result = {"task": "asr", "metric": "wer.wer", "higher_is_better": False}
    result |= {"model": "x", "dataset": "y", "normalizer": "none"}
    (other / "metrics.json").write_text(json.dumps(result))
    told = json.loads(compare(raft, other, "--json"))
    assert told["sets"][0]["runs"]["other"]["base"] is None
    assert told["sets"][0]["runs"]["other"]["exported"]["wer"]["value"] == pytest.approx(2 / WORDS)
    assert "under the normaliser none; here it is under words-1" in told["notes"][0]


def test_a_test_set_that_all_share_is_compared_too(tmp_path, base, raft, random):
    for run, share in ((raft, 0.2), (random, 0.5)):
        write_lines(run / "test-predictions-base.jsonl", base)
        write_lines(run / "test-predictions.jsonl", lines(errors(share, 7)))
    sets = json.loads(compare(raft, random, "--json"))["sets"]
    assert [one["set"] for one in sets] == ["held out", "test"]
    printed = compare(raft, random)
    assert "Test: 60 utterances" in printed
    assert "would be independent" not in printed


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda run: (run / "summary.json").unlink(), "the run is not finished"),
        (lambda run: (run / "summary.json").write_text("{}"), "do not hold what a run writes"),
        (lambda run: (run / "summary.json").write_text("["), "cannot be read"),
        (lambda run: (run / "config.yaml").unlink(), "there is no run in it"),
        (
            lambda run: (run / "best-predictions.jsonl").write_text('{"id": 1}\n'),
            "best-predictions.jsonl:1: is no line that a run",
        ),
        (
            lambda run: write_lines(
                run / "best-predictions.jsonl", lines([1, 1], speakers="ab") * 2
            ),
            "'clip-000' is there a second time",
        ),
    ],
)
def test_what_cannot_be_compared_is_named(raft, random, break_it, said):
    break_it(raft)
    assert said in compare(raft, random, code=2).replace("\n", " ")


def test_one_run_or_one_twice_is_no_comparison(raft):
    assert "two runs or more" in compare(raft, code=2)
    assert "named twice" in compare(raft, raft, code=2)


def test_runs_of_one_name_are_told_apart(tmp_path, base):
    folders = [write_run(tmp_path / n / "run", base, base) for n in ("a", "b")]
    told = json.loads(compare(*folders, "--json"))
    assert [run["name"] for run in told["runs"]] == ["a/run", "b/run"]


def test_transcripts_cannot_move_the_cursor_nor_end_a_line(tmp_path, base, raft):
    evil = lines(errors(0.9, 2), said="\x1b[2J\u202e\nright  fine")
    other = write_run(tmp_path / "evil", base, evil)
    printed = compare(raft, other)
    assert "\x1b" not in printed
    assert "\u202e" not in printed
    assert not any(line.startswith("right") for line in printed.splitlines())


def test_torch_is_not_loaded(raft, random):
    code = (
        "import sys; from audioforge.cli import cli\n"
        f"cli(['compare', {str(raft)!r}, {str(random)!r}], standalone_mode=False)\n"
        f"cli(['runs', {str(raft.parent)!r}], standalone_mode=False)\n"
        "assert not {'torch', 'pandas', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_the_page_holds_all_of_it_and_transcripts_are_inert(tmp_path, base, raft):
    evil = lines(errors(0.9, 2), said="</script><script>alert(1)</script>\u202e")
    other = write_run(tmp_path / "evil", base, evil)
    page = tmp_path / "page.html"
    compare(raft, other, "--html", page)
    written = page.read_text()
    assert "alert(1)</script>" not in written
    assert "\u202e" not in written

    def data(name):
        script = written.partition(f'id="utterances-{name}">')[2]
        return json.loads(script.partition("</script>")[0])

    (pair,), rows = data("sets"), data("0")
    assert pair["outputs"] == ["base", "evil", "raft"]
    changes = [row["change"] for row in rows]
    assert sorted(changes, key=lambda c: -abs(c)) == changes
    gained = np.array(errors(0.9, 2)) - np.array(errors(0.2, 2))
    assert sorted(changes) == sorted(gained[gained != 0])
    assert len(changes) < N
    assert f"They differ on {len(changes)} of {N} utterances." in pair["note"]
    told = "fewer errors per 100 words than evil"
    assert told in written
    identities = [part.partition('"')[0] for part in written.split(' id="')[1:]]
    assert len(identities) == len(set(identities))


def test_a_mean_is_told_in_its_own_unit(tmp_path, base):
    def spoken(rows, seconds):
        return [
            {**row, "measured": {**row["measured"], "mean_pace": [23, seconds]}} for row in rows
        ]

    best = spoken(lines(errors(0.2, 2)), 2.3)
    one = write_run(tmp_path / "one", spoken(base, 2.875), best)
    other = write_run(tmp_path / "other", spoken(base, 2.875), best, seed=1)
    page = tmp_path / "page.html"
    told = compare(one, other, "--html", page)
    (row,) = [line for line in told.split("mean pace")[1].splitlines() if "one" in line][:1]
    assert [cell.strip() for cell in row.split("  ") if cell.strip()] == [
        "one", "8.0", "8.0 to 8.0", "10.0", "10.0 to 10.0",
    ]  # fmt: skip
    figures = page.read_text().split("mean pace, held out</caption>")[1].split("</table>")[0]
    assert ">8.0<" in figures
    assert ">10.0 to 10.0<" in figures
