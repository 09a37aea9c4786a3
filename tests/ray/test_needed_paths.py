"""What settings name must look alike to every node; a node to which it does not is told which."""

from pathlib import Path

import pytest

from audioforge import AudioRAFTConfig
from audioforge.executor import Outline
from audioforge_ray.needed_paths import look, needed_paths, problems


@pytest.fixture
def outline(tmp_path, monkeypatch) -> Outline:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").mkdir()
    (tmp_path / "model/config.json").write_text("{}")
    (tmp_path / "terms.txt").write_text("hertz\n")
    (tmp_path / "noise").mkdir()
    (tmp_path / "idea.py").write_text("")
    (tmp_path / "wer").mkdir()  # called as a verifier is: no option names it
    settings = AudioRAFTConfig(
        model_name="./model",
        verifier=["wer", "terms:terms=terms.txt,low=1", {"name": "x", "words": ["a", "wer"]}],
        augment=[f"noise:folder={tmp_path / 'noise'}"],
        dataset="absent.jsonl",
    ).as_mapping()
    return Outline(settings=settings, plugin_files=(tmp_path / "idea.py",))


def test_all_that_workers_read_is_found_and_nothing_else(outline, tmp_path):
    found = {n.path.relative_to(tmp_path).as_posix(): n.what for n in needed_paths(outline)}
    assert found == {
        "idea.py": "which --plugin names",
        "model": "the model",
        "terms.txt": "option terms of the verifier terms",
        "noise": "option folder of the augmentation noise",
    }


def test_a_model_of_the_hub_is_no_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = AudioRAFTConfig(model_name="openai/whisper-tiny.en").as_mapping()
    assert needed_paths(Outline(settings=settings)) == []


def test_a_node_that_sees_the_same_has_no_problems(outline):
    assert problems(needed_paths(outline), "node-2") == []


def test_what_is_missing_or_other_is_named_with_the_node_and_what_to_do(outline, tmp_path):
    needed = needed_paths(outline)
    (tmp_path / "terms.txt").write_text("siemens\n")
    (tmp_path / "model").rename(tmp_path / "away")
    other, missing = sorted(problems(needed, "node-2"), reverse=True)
    assert other.startswith(f"node-2: {tmp_path}/terms.txt, option terms of the verifier terms, ")
    assert "holds something else" in other
    assert missing.startswith(f"node-2: {tmp_path}/model, the model, is not there")
    assert "a folder that all nodes share" in missing


def test_a_folder_looks_as_its_files_do(tmp_path):
    def folder(name: str, **files: str) -> Path:
        (tmp_path / name).mkdir()
        for file, text in files.items():
            (tmp_path / name / file).write_text(text)
        return tmp_path / name

    same = [look(folder(name, a="one", b="two")) for name in ("first", "second")]
    assert same[0] == same[1] != ""
    assert same[0] != look(folder("longer", a="one", b="three"))
    assert same[0] != look(folder("less", a="one"))
    assert look(tmp_path / "absent") == ""
