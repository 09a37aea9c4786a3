"""What the wheel of each distribution holds, and what it says of itself."""

import tomllib
import zipfile
from email.parser import HeaderParser

import pytest

DISTRIBUTIONS = {
    "core": "audioforge",
    "plugins/classification": "audioforge_classification",
    "plugins/datasets": "audioforge_datasets",
    "plugins/demo": "audioforge_demo",
    "plugins/export": "audioforge_export",
    "plugins/kit": "audioforge_kit",
    "plugins/pocket-tts": "audioforge_pocket_tts",
    "plugins/ray": "audioforge_ray",
    "plugins/speecht5": "audioforge_speecht5",
    "plugins/verifiers": "audioforge_verifiers",
    "plugins/wav2vec": "audioforge_wav2vec",
    "plugins/whisper": "audioforge_whisper",
}


@pytest.fixture(scope="module")
def wheels(wheel, root):
    """The built wheel of each distribution, by its folder in the repository."""
    return {folder: zipfile.ZipFile(wheel(root / folder)) for folder in DISTRIBUTIONS}


@pytest.mark.parametrize(("folder", "package"), DISTRIBUTIONS.items())
def test_a_wheel_holds_its_package_and_the_licence_and_nothing_else(wheels, folder, package, root):
    files = wheels[folder].namelist()
    info = f"{package}-0.1.0.dist-info"
    assert {name.split("/")[0] for name in files} == {package, info}
    assert f"{package}/py.typed" in files
    licence = wheels[folder].read(f"{info}/licenses/LICENSE")
    assert licence == (root / "LICENSE").read_bytes()


def test_data_files_are_in_the_wheels(wheels):
    assert (
        "audioforge_verifiers/data/english_spelling.json" in wheels["plugins/verifiers"].namelist()
    )
    demo = wheels["plugins/demo"].namelist()
    for name in ("model/model.safetensors", "target/train.jsonl", "target/audio/train-000.ogg"):
        assert f"audioforge_demo/assets/{name}" in demo


@pytest.mark.parametrize("folder", DISTRIBUTIONS)
def test_metadata_invents_nobody_and_bounds_what_it_needs(wheels, folder):
    name = next(n for n in wheels[folder].namelist() if n.endswith("/METADATA"))
    metadata = HeaderParser().parsestr(wheels[folder].read(name).decode())
    assert metadata["Author"] == "AudioForge contributors"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    for absent in ("Author-email", "Maintainer", "Home-page", "Project-URL"):
        assert metadata[absent] is None
    needed = [line for line in metadata.get_all("Requires-Dist") if "extra ==" not in line]
    assert needed
    assert all(">=" in line for line in needed), needed


def test_the_extras_name_every_plugin(root):
    extras = tomllib.loads((root / "core/pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    plugins = sorted(package.replace("_", "-") for package in list(DISTRIBUTIONS.values())[1:])
    assert sorted([*extras.pop("all"), "audioforge-ray"]) == plugins
    trackers = ("tensorboard", "wandb", "mlflow", "trackio")
    for library in (*trackers, "notebook", "zstd", "remote", "av", "vad"):  # of others
        del extras[library]
    assert {f"audioforge-{extra}" for extra in extras} == set(plugins)
    folders = {f"plugins/{path.parent.name}" for path in root.glob("plugins/*/pyproject.toml")}
    assert folders == set(DISTRIBUTIONS) - {"core"}
