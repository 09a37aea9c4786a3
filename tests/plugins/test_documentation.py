"""docs/plugins.md: every hook is in it, and its example is a plugin that works."""

import inspect
import re

import pytest

from audioforge import hookspecs
from audioforge.plugins import Plugin, Registry
from audioforge.sample import AudioSample, Hypothesis
from audioforge.specs import KINDS


@pytest.fixture(scope="module")
def page(root):
    return (root / "docs/plugins.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", KINDS)
def test_each_hook_is_documented_with_its_signature(page, kind):
    hook = getattr(hookspecs, f"register_{kind}")
    assert f"`{hook.__name__}{inspect.signature(hook)}`".replace("'", "") in page


def test_the_example_scores_hypotheses(page, tmp_path, monkeypatch):
    files = re.findall(r"```python\n# (\S+)\n(.*?)```", page, re.DOTALL)
    assert [name for name, _ in files] == [
        "audioforge_brevity/plugin.py",
        "audioforge_brevity/verifier.py",
    ]
    for name, code in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    from audioforge_brevity.plugin import register_verifiers

    provides = {kind: [] for kind in KINDS} | {"verifiers": list(register_verifiers())}
    registry = Registry([Plugin("audioforge-brevity", "1", "x = y", provides)])
    brevity = registry.create("verifiers", "brevity")
    sample = AudioSample("a", reference="one two")
    scores = brevity.verify(
        [sample] * 2, [Hypothesis(0, "one two"), Hypothesis(1, "one two three")]
    )
    assert [s.reward for s in scores] == [1.0, 0.5]
    assert [s.passed for s in scores] == [True, False]
