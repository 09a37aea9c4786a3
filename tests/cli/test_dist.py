"""What `make dist` builds, installed where nothing of the workspace is."""

import json
import shutil
import subprocess
import sys
import tarfile

import pytest
from fresh_environment import FreshEnvironment

from audioforge_demo import assets


@pytest.fixture(scope="module")
def packages(root, tmp_path_factory):
    """Wheels and sdists of all distributions, built as `make dist` builds them."""
    folder = tmp_path_factory.mktemp("packages")
    for project in sorted([root / "core", *(root / "plugins").glob("*/")]):
        if (project / "pyproject.toml").is_file():
            command = "-m uv build --quiet --offline --no-build-isolation --out-dir"
            subprocess.run(
                [sys.executable, *command.split(), str(folder), str(project)], check=True
            )
    return folder


@pytest.mark.soak
def test_wheels_of_the_sdists_work_without_the_workspace(packages, tmp_path):
    fresh = FreshEnvironment.make(tmp_path / "venv")
    fresh.install(*sorted(packages.glob("*.whl")))
    data = tmp_path / "data"
    shutil.copytree(assets.target_heldout().parent, data)
    model = shutil.copytree(assets.model(), tmp_path / "model")
    run = fresh.run("audioforge", "demo", "--help", cwd=tmp_path)
    assert (run.returncode, "Usage: audioforge demo" in run.stdout) == (0, True), run.stderr
    listed = json.loads(fresh.run("audioforge", "plugins", "list", "--json").stdout)
    assert {plugin["status"] for plugin in listed} == {"ok"}
    built = {path.name.split("-")[0].replace("_", "-") for path in packages.glob("*.whl")}
    assert {plugin["distribution"] for plugin in listed} == built - {"audioforge-kit"}  # for pytest
    command = ["benchmark", "--model", str(model), "--dataset", str(data / "heldout.jsonl")]
    run = fresh.run(
        "audioforge", *command, "--limit", "8", "--device", "cpu", "--json", cwd=tmp_path
    )
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["n"] == 8
    run = fresh.run("audioforge", "transcribe", "-q", str(model), str(data), cwd=tmp_path)
    assert len(run.stdout.splitlines()) == len(list(data.rglob("*.ogg")))


@pytest.mark.soak
def test_sdists_hold_sources_licence_and_readme(packages):
    for sdist in packages.glob("*.tar.gz"):
        with tarfile.open(sdist) as archive:
            names = [name.partition("/")[2] for name in archive.getnames()]
        assert {"LICENSE", "README.md", "pyproject.toml", "PKG-INFO"} <= set(names), sdist
        assert not [name for name in names if "__pycache__" in name or name.startswith("tests")]
