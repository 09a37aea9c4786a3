"""What benchmarks/real_whisper.py plans, pairs and writes; the training is AudioForge's own."""

import json
import shlex
import shutil
from pathlib import Path

import attrs
import pytest
import yaml
from attrs import evolve
from real_speech import arms, brief, manifests, tables, training
from real_speech.arms import COFFEE, NONNATIVE, SWEEP, TESTED
from real_speech.paired import Measured
from real_speech.plan import SYMBOLIC, Setup, arm_folder, commands, stages
from real_speech.results import collect, keep

from audioforge import AudioRAFTConfig
from audioforge.cli.setting_options import given_flags
from audioforge.cli.train import train as command
from audioforge.errors import UsageError
from audioforge.files.atomic import write_json, write_jsonl

ARMS = (*TESTED, *SWEEP)


@pytest.mark.parametrize("arm", ARMS, ids=lambda arm: arm.name)
def test_each_row_is_a_command_with_the_settings_of_its_runs(arm):
    first, *others = stages(arm, 0, SYMBOLIC)
    told, *loops = commands(arm, [0, 1])
    parsed = command.make_context("train", shlex.split(told)[2:]).params
    given = given_flags({k: v for k, v in parsed.items() if k in first.settings})
    assert AudioRAFTConfig.from_mapping(given | {"seed": 0}) == AudioRAFTConfig.from_mapping(
        first.settings
    )
    assert (parsed["seeds"], parsed["output_dir"]) == ("0,1", str(first.folder.parent))
    for loop, stage in zip(loops, others, strict=True):
        AudioRAFTConfig.from_mapping(stage.settings)
        assert loop.startswith("for SEED in 0 1; do audioforge train ")
        assert f"--continue {str(stage.parent)[:-1]}$SEED --output" in loop


def test_arms_are_told_apart_and_those_that_are_compared_take_equal_steps():
    assert len({arm.name for arm in ARMS}) == len(ARMS)
    done = {(arm.corpus, arm.stages, arm.reads) for arm in ARMS}
    assert len({arm_folder(arm, SYMBOLIC) for arm in ARMS}) == len(done)
    for corpus in (NONNATIVE, COFFEE):
        tested = [arm for arm in TESTED if arm.corpus == corpus]
        compared = [stage for arm in tested for stage in stages(arm, 0, SYMBOLIC)]
        names = ("num_cycles", "steps_per_cycle", "batch_size", "limit")
        assert len({tuple(stage.settings.get(name) for name in names) for stage in compared}) == 1


def test_a_stage_begins_with_what_the_one_before_it_exported_and_shares_its_run():
    by_name = {arm.name: arm for arm in TESTED}
    alone = stages(by_name["transcripts"], 2, SYMBOLIC)[0]
    first, then = stages(by_name["transcripts, then reward"], 2, SYMBOLIC)
    assert first == alone
    assert then.parent == alone.folder
    assert not {"seed", "model_name"} & then.settings.keys()


def test_what_learns_without_transcripts_cannot_read_any(tmp_path):
    line = {"audio_filepath": "a.flac", "text": "a latte", "text_raw": "A latte", "speaker": "s"}
    for corpus, parts in manifests.PARTS.items():
        for part in parts:
            path = tmp_path / "data" / corpus / f"{part}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_jsonl(path, [line | {"slots": {"drink": "latte"}}])
    setup = Setup(tmp_path / "data", "model", tmp_path / "output")
    manifests.check(setup)
    manifests.write_unlabelled(setup)
    bare = [arm for arm in ARMS if arm.reads == arms.WITHOUT_TRANSCRIPTS]
    assert bare
    for arm in bare:
        (stage,) = stages(arm, 0, setup)
        (read,) = Path(stage.settings["dataset"]).read_text(encoding="utf-8").splitlines()
        assert json.loads(read) == {
            "audio_filepath": str(tmp_path / "data" / arm.corpus / "a.flac"),
            "speaker": "s",
            "slots": {"drink": "latte"},
        }


def test_data_that_are_not_there_are_named_before_anything_is_trained(tmp_path):
    with pytest.raises(UsageError, match=r"nonnative/train\.jsonl.*docs/real-whisper\.md"):
        manifests.check(Setup(tmp_path, "model", tmp_path))


def test_a_run_of_another_recipe_is_not_taken_for_this_one(tmp_path):
    setup = Setup(tmp_path, "model", tmp_path, {"limit": 4})
    arm = TESTED[0]
    (stage,) = stages(arm, 0, setup)
    made = AudioRAFTConfig.from_mapping(stage.settings).as_mapping()
    stage.folder.mkdir(parents=True)
    (stage.folder / "config.yaml").write_text(yaml.safe_dump(made), encoding="utf-8")
    with pytest.raises(UsageError, match="made with another limit; remove it"):
        training.train(arm, 0, evolve(setup, instead={"limit": 5}))


def measurement(errors, speakers, style=None):
    words = [10.0] * len(errors)
    return {
        "result": {"n": len(errors)} | ({"style": style} if style else {}),
        "ids": [str(number) for number in range(len(errors))],
        "speakers": speakers,
        "parts": {"wer": [errors, words]},
    }


def test_a_mean_over_seeds_is_compared_speaker_by_speaker(tmp_path):
    speakers = [f"s{number % 10}" for number in range(20)]
    base, *seeds = (tmp_path / name for name in ("base", "0", "1"))
    records = (
        (base, [4.0] * 20),
        (seeds[0], [1.0] * 10 + [3.0] * 10),
        (seeds[1], [3.0] * 10 + [1.0] * 10),
    )
    for folder, errors in records:
        folder.mkdir()
        for name in ("adults", "children"):
            style = {"capitals": 1.0, "punctuation": None}
            write_json(folder / f"{name}.json", measurement(errors, speakers, style))
    setup = Setup(tmp_path, "model", tmp_path, kept=tmp_path / "kept")
    other = Measured.read([base], ["adults", "children"], "wer", setup)
    own = Measured.read(seeds, ["adults", "children"], "wer", setup)
    row = own.as_mapping()
    assert (row["values"], row["mean"], row["spread"]) == ([0.2, 0.2], 0.2, 0.0)
    assert row["interval"]["unit"] == "speakers"
    assert row["style"] == {"capitals": 1.0}
    # Each speaker makes half of the errors, whoever is drawn.
    against = own.against(other)
    assert against["difference_ci95"] == pytest.approx([-0.2, -0.2])
    assert against["errors"] == pytest.approx(-0.5)
    assert Measured.read(seeds, ["adults", "other"], "wer", setup) is None


def test_what_is_not_measured_has_no_row(tmp_path):
    setup = Setup(tmp_path, "model", tmp_path, kept=tmp_path / "kept")
    nothing = collect(ARMS, [0, 1], setup)
    assert nothing == {"seconds": 0, "heldout": [], "test": [], "pairs": []}


def summary(value):
    cycle = {"difference_ci95": [-0.2, -0.1], "cut": 0, "seconds": {"rollout": 2.0}, "kept": 8}
    return {
        "metric": "wer",
        "base": {"wer": 0.4, "cer": 0.2},
        "improved": False,
        "best": {"cycle": 0, "rejected": {"cycle": 2}},
        "cycles": [{"cycle": n, "wer": value + 0.1 / n, **cycle} for n in (1, 2)],
        "learnability": None,
    }


def test_what_was_found_stays_when_the_runs_go(tmp_path):
    """And another seed is added on another machine."""
    arm = TESTED[0]
    kept, seeds = tmp_path / "kept", [0, 1]
    whole, first, second = (
        Setup(tmp_path, "model", tmp_path / name, kept=kept / name)
        for name in ("whole", "first", "second")
    )
    second = evolve(second, kept=first.kept)
    speakers = [f"s{number % 10}" for number in range(20)]
    for setup, own in ((whole, seeds), (first, [0]), (second, [1])):
        base = setup.output / NONNATIVE / "base" / "greedy"
        for name in ("adults", "children", "clean", "other"):
            write_json(path_in(base / f"{name}.json"), measurement([4.0] * 20, speakers))
        for seed in own:
            (stage,) = stages(arm, seed, setup)
            write_json(path_in(stage.folder / "summary.json"), summary(0.3 + seed / 100))
            for name in ("adults", "children", "clean", "other"):
                found = measurement([1.0 + seed] * 19 + [2.5], speakers, {"capitals": 0.5})
                write_json(path_in(stage.folder / "test" / f"{name}.json"), found)
        keep(ARMS, seeds, setup)
    shutil.rmtree(first.output)
    shutil.rmtree(second.output)
    gathered = collect(ARMS, seeds, first)
    assert gathered == collect(ARMS, seeds, whole)
    (row,) = gathered["heldout"]
    assert [run["value"] for run in row["runs"]] == pytest.approx([0.35, 0.36])
    assert {test["subject"] for test in gathered["test"]} == {"base", arm.name}
    assert all(len(test["values"]) == 2 for test in gathered["test"] if test["subject"] != "base")


def path_in(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def test_what_is_kept_is_of_the_same_utterances(tmp_path):
    setup = Setup(tmp_path, "model", tmp_path / "output", kept=tmp_path / "kept")
    path = setup.output / NONNATIVE / "base" / "greedy" / "adults.json"
    for count in (20, 21):
        write_json(path_in(path), measurement([1.0] * count, ["s"] * count))
        if count == 20:
            keep(ARMS, [0], setup)
    with pytest.raises(ValueError, match=r"not measured on the utterances of .*adults\.json"):
        keep(ARMS, [0], setup)


def test_the_command_of_the_short_table_has_the_recipe():
    told = shlex.split(brief.COMMAND.replace("\\\n", " "))
    parsed = command.make_context("train", told[2:]).params
    known = {field.name for field in attrs.fields(AudioRAFTConfig)}
    config = AudioRAFTConfig.from_mapping(
        given_flags({name: value for name, value in parsed.items() if name in known})
    )
    recipe = {**arms.RECIPES[NONNATIVE], "temperature": None}  # 0.6 is what suits a Whisper
    assert {name: getattr(config, name) for name in recipe} == recipe


def test_options_of_a_row_are_those_of_its_stages():
    assert brief.flags(["reference", "rloo@learning_rate=3e-5;top_p=0.9"]) == (
        "`--selection reference`, then `--continue` it with "
        "`--selection rloo --learning-rate 3e-5 --top-p 0.9`"
    )


def test_the_figures_of_the_pages_are_those_of_the_json(root):
    """They are written by the command, not by hand."""
    kept = root / "docs/real-whisper.json"
    if not kept.is_file():
        pytest.skip("nothing is kept")
    content = json.loads(kept.read_text(encoding="utf-8"))
    written = {"docs/real-whisper.md": tables.tables, "README.md": brief.brief}
    for page, write in written.items():
        between = (root / page).read_text(encoding="utf-8").split("<!-- real: begin -->")[1]
        assert between.split("<!-- real: end")[0].strip() == write(content).strip()
