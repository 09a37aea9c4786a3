"""The rooms of the core: who may import whom. Arrows run down this list, and never in a circle."""

import ast
from pathlib import Path

import pytest

ROOMS = [
    "cli",
    "comparison",
    "past_runs",
    "api",
    "dataset_report",
    "dataset_conversion",
    "scoring",
    "seeds",
    "trial",
    "trainer",
    "raft",
    "objectives",
    "augmentations",
    "trackers",
    "given",
    "run",
    "report",
    "measuring",
    "judging",
    "transcription",
    "huggingface",
    "find_adapter",
    "find_dataset",
    "remote",
    "hub",
    "inference",
    "plugins",
    "config",
    "isolation",
    "long_recordings",
    "audio",
    "column_names",
    "sound_part",
    "sound_array",
    "sound",
    "results",
    "files",
    "terminal",
    "torch_companions",
    "import_path",
    "importing",
    "languages",
]
"""From the top. Below them all stand the contracts and the records that pass between rooms."""

CONTRACTS = {
    *("model", "verifier", "dataset", "reward", "selection", "tracker", "executor", "exporter"),
    "augmentation",
    *("specs", "hookspecs", "own_plugin", "plugin_reference"),
    *("sample", "transcript", "tasks", "errors", "keyed_random"),
}
DOORS = {"__init__", "__main__"}
"""How AudioForge is imported, and how it is started."""

CORE = Path(__file__).parents[2] / "core/src/audioforge"


def imports_of(path: Path) -> set[str]:
    """The modules of the core that a file imports, but for those that only types are taken from."""
    tree = ast.parse(path.read_text())
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and id(node) not in for_types:
            package, _, rest = node.module.partition(".")
            if package == "audioforge":
                found |= {rest.split(".")[0]} if rest else {alias.name for alias in node.names}
    return found


def files() -> list[Path]:
    return sorted(CORE.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(CORE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("room", ROOMS)
def test_no_room_imports_one_above_it(room):
    above = set(ROOMS[: ROOMS.index(room)])
    upward = {
        f"{path.relative_to(CORE)} imports {name}"
        for path in files()
        if room_of(path) == room
        for name in imports_of(path) & above
    }
    assert not upward


def test_contracts_import_no_room():
    """What a plugin imports must not bring the engine with it."""
    for path in files():
        if room_of(path) in CONTRACTS:
            assert not imports_of(path) & set(ROOMS), path


def test_every_module_has_its_place():
    assert {room_of(path) for path in files()} == {*ROOMS, *CONTRACTS, *DOORS}


def test_the_loop_is_on_one_page_and_no_file_is_long():
    lengths = {path: len(path.read_text().splitlines()) for path in files()}
    assert lengths[CORE / "raft/loop.py"] < 150
    assert not {path for path, length in lengths.items() if length > 400}
    in_raft = [length for path, length in lengths.items() if room_of(path) == "raft"]
    assert sum(in_raft) < 2000
