"""A new plugin of any kind, with one thing changed, and the rules that it breaks then."""

import importlib
from itertools import count

import pytest

from audioforge_kit import CannotCheck, contract_checks
from audioforge_kit.scaffold.project import write_project

METADATA = """Metadata-Version: 2.4
Name: audioforge-{name}
Version: 0.1.0
Summary: A plugin with a fault.
License-Expression: Apache-2.0
Requires-Python: >=3.11
Requires-Dist: audioforge<0.2,>=0.1
"""

STARTS_PROCESSES = {"is_light", "works_in_a_worker"}
"""Rules that take a second to check; they are left out unless asked for."""

numbers = count()


@pytest.fixture
def broken_rules(tmp_path, monkeypatch):
    """`broken_rules(kind, file, old, new)` are the rules that a new plugin breaks when changed."""

    def check(kind, file, old, new, asked_for=frozenset()):
        name = f"fault-{next(numbers)}"
        folder = write_project(name, kind, tmp_path)
        package = f"audioforge_{name.replace('-', '_')}"
        info = folder / "src" / f"{package}-0.1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(METADATA.format(name=name))
        (info / "entry_points.txt").write_text(f"[audioforge]\n{name} = {package}.plugin\n")
        path = info / "METADATA" if file == "METADATA" else folder / "src" / package / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
        monkeypatch.delenv("AUDIOFORGE_PLUGINS", raising=False)
        monkeypatch.setenv("PYTHONPATH", str(folder / "src"))
        monkeypatch.syspath_prepend(folder / "src")
        importlib.invalidate_caches()
        checks = contract_checks(f"audioforge-{name}")
        left_out = STARTS_PROCESSES - asked_for
        return {c.rule.name for c in checks if c.rule.name not in left_out and fails(c)}

    return check


def fails(check):
    try:
        check()
    except CannotCheck:
        return False
    except AssertionError as error:
        return bool(str(error).strip() and check.rule.mend)  # one that says nothing does not count
    return False
