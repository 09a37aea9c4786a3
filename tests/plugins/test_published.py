"""Plugins from wheels in fresh environments: what a user sees of each, to the letter."""

import json
import os

import pytest
from fresh_environment import OF_PLUGINS

from .published import write_project

NEEDED = ("jiwer", "rapidfuzz")
"""Libraries of plugins that the example needs too."""

ENGINE = (
    "0.1.0    ok      4    selections: best, grpo, mix, mwer, random, reference, rloo, top-n, "
    "top-percent, weighted; trackers: mlflow, tensorboard, trackio, "
    "wandb; executors: processes; augmentations: noise\n"
)
"""What the list says of the engine's own plugin."""


@pytest.fixture(scope="module")
def environment(shared_environment, once, root):
    """`environment(*names)` has the core, the example plugin, and third parties' plugins."""

    def project(name):
        return once(f"published {name}", lambda folder: write_project(folder, name)) / name

    def make(*names):
        return shared_environment(
            root / "docs/examples/audioforge-phone-digits",
            *map(project, names),
            leave_out=tuple(set(OF_PLUGINS) - set(NEEDED)),
        )

    return make


def listed(environment):
    result = environment.run("audioforge", "plugins", "list")
    assert result.stderr == ""
    assert result.returncode == 0
    return result.stdout


def test_core_alone(shared_environment):
    core = shared_environment(leave_out=OF_PLUGINS)
    assert listed(core) == (
        "distribution  version  status  API  provides\n"
        f"audioforge    {ENGINE}\n"
        "No other plugin is installed. Install audioforge[whisper], audioforge[verifiers], "
        "audioforge[datasets] and audioforge[demo], or audioforge[all].\n"
    )


def test_the_example(environment):
    assert listed(environment()) == (
        "distribution             version  status  API  provides\n"
        f"audioforge               {ENGINE}"
        "audioforge-phone-digits  0.1.0    ok      4    verifiers: phone-digits\n"
    )


def test_a_plugin_that_breaks_when_it_is_imported(environment):
    both = environment("acme-broken")
    assert listed(both) == (
        "distribution             version  status  API  provides\n"
        "acme-broken              2.0      failed  -    -\n"
        f"audioforge               {ENGINE}"
        "audioforge-phone-digits  0.1.0    ok      4    verifiers: phone-digits\n"
        "\n"
        "acme-broken: acme_broken.plugin: ModuleNotFoundError: No module named "
        "'a_library_that_nobody_installed'\n"
    )
    result = both.run("audioforge", "plugins", "info", "sincerity")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        "Error: nothing is called 'sincerity'. Known: acme-broken, audioforge, "
        "audioforge-phone-digits, best, grpo, mix, mlflow, mwer, noise, phone-digits, processes, "
        "random, reference, rloo, tensorboard, top-n, top-percent, trackio, wandb, weighted.\n"
        "  plugin acme-broken failed: acme_broken.plugin: ModuleNotFoundError: No module named "
        "'a_library_that_nobody_installed'\n"
    )


def test_two_plugins_with_one_name(environment, tmp_path, root):
    both = environment("acme-politeness", "zenith-politeness")
    assert listed(both) == (
        "distribution             version  status  API  provides\n"
        "acme-politeness          2.0      failed  1    verifiers: politeness\n"
        f"audioforge               {ENGINE}"
        "audioforge-phone-digits  0.1.0    ok      4    verifiers: phone-digits\n"
        "zenith-politeness        2.0      failed  1    verifiers: politeness\n"
        "\n"
        "acme-politeness: verifier 'politeness' is also provided by zenith-politeness: "
        "ask for it as 'acme-politeness/politeness'\n"
        "\n"
        "zenith-politeness: verifier 'politeness' is also provided by acme-politeness: "
        "ask for it as 'zenith-politeness/politeness'\n"
    )
    predictions = tmp_path / "predictions.jsonl"
    predictions.write_text('{"text": "a", "pred_text": "open it please"}\n')
    result = both.run("audioforge", "verify", predictions, "--verifier", "politeness")
    assert result.returncode == 2
    assert (
        "verifier[0]: verifier 'politeness' is provided by more than one plugin: choose "
        "acme-politeness/politeness or zenith-politeness/politeness.\n"
    ) in result.stderr


@pytest.mark.parametrize("name", ["acme-politeness", "zenith-politeness", "Acme_Politeness"])
def test_the_full_name_always_works(environment, name):
    both = environment("acme-politeness", "zenith-politeness")
    result = both.run("audioforge", "plugins", "info", "--json", f"{name}/politeness")
    assert result.returncode == 0, result.stderr
    [found] = json.loads(result.stdout)
    assert found["facts"]["from"] == f"{name.lower().replace('_', '-')} 2.0"
    assert found["example"].endswith(f"--verifier {found['facts']['full name']}")


def test_a_plugin_that_needs_a_newer_api(environment, tmp_path):
    newer = environment("acme-newer")
    marker = tmp_path / "imported"
    result = newer.run("audioforge", "plugins", "list", IMPORTED=str(marker))
    assert result.stdout == (
        "distribution             version  status  API  provides\n"
        "acme-newer               2.0      failed  7    -\n"
        f"audioforge               {ENGINE}"
        "audioforge-phone-digits  0.1.0    ok      4    verifiers: phone-digits\n"
        "\n"
        "acme-newer: it was built for plugin API 7, and this AudioForge has 4: update audioforge\n"
    )
    assert not marker.exists(), "nothing of it is imported"
    result = newer.run("audioforge", "plugins", "info", "sincerity")
    assert result.returncode == 2
    assert result.stderr.endswith(
        "  plugin acme-newer failed: it was built for plugin API 7, and this AudioForge has 4: "
        "update audioforge\n"
    )
    rows = json.loads(newer.run("audioforge", "plugins", "list", "--json").stdout)
    assert [(row["distribution"], row["api_version"]) for row in rows] == [
        ("acme-newer", 7),
        ("audioforge", 4),
        ("audioforge-phone-digits", 4),
    ]


def test_nothing_is_loaded_from_the_working_directory(environment, tmp_path):
    """What lies there looks like a plugin, and like modules of Python and of AudioForge's."""
    info = tmp_path / "lurker-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.4\nName: lurker\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[audioforge]\nlurker = lurker\n")
    for name in ("lurker", "json", "typing", "attrs", "pip", "audioforge_phone_digits", "idea"):
        (tmp_path / f"{name}.py").write_text("open('imported', 'w')\nraise SystemExit('lurked')\n")
    fresh = environment()
    expected = listed(fresh)
    for command in (["audioforge"], ["python", "-m", "audioforge"]):
        for path in (None, "", os.pathsep, f"{os.pathsep}/nowhere"):
            result = fresh.run(*command, "plugins", "list", cwd=tmp_path, PYTHONPATH=path)
            assert result.stdout == expected, (command, path, result.stderr)
    for arguments in (["plugins", "info", "phone-digits"], ["plugins", "install", "./nothing"]):
        fresh.run("audioforge", *arguments, cwd=tmp_path)
    assert not (tmp_path / "imported").exists()


@pytest.mark.soak
@pytest.mark.slow
def test_the_example_takes_part_in_a_training_run(shared_environment, tmp_path, root):
    projects = [path.parent for path in sorted(root.glob("plugins/*/pyproject.toml"))]
    everything = shared_environment(*projects, root / "docs/examples/audioforge-phone-digits")
    where = "from audioforge_demo import assets; print(assets.model())"
    model = everything.run("python", "-c", where).stdout.strip()
    assert model.startswith(str(everything.site)), "the wheel's, not the repository's"
    (tmp_path / "run.yaml").write_text(
        f"model_name: {model}\ndataset: demo\neval_dataset: 'demo:split=heldout'\n"
        "verifier: [wer, {name: audioforge-phone-digits/phone-digits, weight: 0.5, zeros: [oh]}]\n"
        "num_cycles: 1\nsteps_per_cycle: 2\nlimit: 8\nbatch_size: 8\noutput_dir: run\n"
    )
    result = everything.run("audioforge", "train", "--config", "run.yaml", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    lines = (tmp_path / "run/cycle-01/rollouts-00000.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    scores = [h["scores"]["phone-digits"] for row in rows for h in row["hypotheses"]]
    assert len(scores) == 8 * 4
    assert all({"digits", "digit_errors"} <= score["metrics"].keys() for score in scores)
    environment = json.loads((tmp_path / "run/environment.json").read_text())
    assert environment["plugins"]["audioforge-phone-digits"] == {"version": "0.1.0", "status": "ok"}
    metrics = json.loads((tmp_path / "run/cycle-01/metrics.json").read_text())
    assert "number_accuracy" in json.dumps(metrics)
