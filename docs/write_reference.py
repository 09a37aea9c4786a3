"""Writes docs/plugin-reference.md from the code: `make docs`. A test holds it against the code."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from audioforge import (
    dataset,
    errors,
    executor,
    exporter,
    hookspecs,
    model,
    reward,
    sample,
    selection,
    specs,
    tracker,
    verifier,
)
from audioforge.plugins.api_version import API_VERSION, OLDEST_API_VERSION, STATEMENT
from audioforge.plugins.installed import COMMANDS_GROUP, GROUP
from audioforge.specs import KINDS
from audioforge_kit import examples
from audioforge_kit.checks import CONTRACTS, contract_of
from audioforge_kit.contract import Contract
from audioforge_kit.installation import InstallationContract

PAGE = Path(__file__).parent / "plugin-reference.md"

HEAD = f"""# Plugin reference

Written by `make docs` from the code; a test fails when they differ. The [tutorial](tutorial.md) is
the place to start, and [plugins.md](plugins.md) says what is around it.

This is plugin API {API_VERSION}; plugins built for {OLDEST_API_VERSION} to {API_VERSION} are
loaded. A plugin says which one it was built for by `{STATEMENT} = {API_VERSION}` in the module that
its entry point names.

| Entry-point group | Names |
| --- | --- |
| `{GROUP}` | a module, or an object in it, that implements hooks |
| `{COMMANDS_GROUP}` | a Click command, which becomes a subcommand of `audioforge` |
"""

CLASSES: dict[str, list[Any]] = {
    "Specifications": [
        specs.Spec,
        specs.ModelSpec,
        specs.VerifierSpec,
        specs.DatasetSpec,
        specs.AggregatorSpec,
        specs.SelectionSpec,
        specs.TrackerSpec,
        specs.ExecutorSpec,
        specs.ExporterSpec,
        model.Serves,
        model.KnownCheckpoint,
    ],
    "Verifiers": [verifier.Verifier, verifier.VerifierContext, verifier.CorpusMetric],
    "Reward aggregators": [reward.RewardAggregator],
    "Datasets": [dataset.Dataset, dataset.DatasetRequest],
    "Model adapters": [
        model.ModelAdapter,
        model.SamplingParams,
        model.LoadOptions,
        model.TrainOptions,
        model.WordTime,
    ],
    "Selections": [
        selection.Selection,
        selection.SelectionContext,
        selection.Selected,
        selection.Kept,
    ],
    "Trackers": [tracker.Tracker, tracker.TrackedRun],
    "Executors": [executor.Executor],
    "Exporters": [exporter.Exporter],
    "Records": [
        sample.AudioSample,
        sample.Clip,
        sample.Hypothesis,
        sample.Score,
        sample.ScoredHypothesis,
        sample.Rollout,
        sample.Problem,
    ],
    "Errors": [
        errors.AudioForgeError,
        errors.ConfigError,
        errors.PluginError,
        errors.CheckpointError,
        errors.DatasetError,
        errors.AudioError,
        errors.TrainingError,
    ],
    "Examples for the contract tests": [
        examples.VerifierExample,
        examples.AggregatorExample,
        examples.DatasetExample,
        examples.ModelExample,
        examples.SelectionExample,
        examples.TrackerExample,
        examples.ExecutorExample,
        examples.ExporterExample,
        examples.Case,
    ],
}
"""What a plugin meets, by section."""


def page() -> str:
    """Return the reference; ruff lays the code out, as it does in every page."""
    text = "\n".join([HEAD, *_hooks(), *_classes(), *_rules()]).rstrip() + "\n"
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(PAGE), "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return done.stdout


def _hooks() -> Iterator[str]:
    yield "## Hooks\n"
    yield (
        "Marked with `audioforge.hookspecs.hookimpl`. Arguments are passed by name, and a hook "
        "takes those that it names: when a later version adds one, an older plugin goes on "
        "working.\n"
    )
    for kind in KINDS:
        yield from _stub(getattr(hookspecs, f"register_{kind}"))


def _classes() -> Iterator[str]:
    for section, members in CLASSES.items():
        yield f"## {section}\n"
        for member in members:
            yield from _stub(member)


def _stub(thing: Any) -> Iterator[str]:
    """Yield the source of a class or function without what its functions do."""
    source = textwrap.dedent(inspect.getsource(thing))
    [node] = ast.parse(source).body
    yield f"### `{thing.__module__}.{thing.__qualname__}`\n"
    yield f"```python\n{ast.unparse(_Outline().visit(node))}\n```\n"


class _Outline(ast.NodeTransformer):
    """Leaves signatures, fields and docstrings; takes out bodies and what is private."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST | None:
        if node.name.startswith("_") and node.name != "__init__":
            return None
        docstring = node.body[:1] if ast.get_docstring(node) else []
        node.body = [*docstring, ast.Expr(ast.Constant(...))]
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self.generic_visit(node)
        if len(node.body) == 0:
            node.body = [ast.Expr(ast.Constant(...))]
        return node


def _rules() -> Iterator[str]:
    yield "## What the contract tests check\n"
    yield (
        "By `audioforge plugins check`, by the marker `audioforge_contract` of the pytest plugin, "
        "and by `audioforge_kit.contract_checks`.\n"
    )
    contracts: dict[str, type[Contract]] = {"The plugin": InstallationContract}
    contracts |= {f"Each {kind.removesuffix('s')}": contract_of(kind) for kind in CONTRACTS}
    for title, contract in contracts.items():
        yield f"### {title}\n"
        yield "| Rule | What must be true | What to do when it is not |"
        yield "| --- | --- | --- |"
        for rule, _ in contract.rules():
            yield f"| `{rule.name}` | {_cell(rule.sentence)} | {_cell(rule.mend)} |"
        yield ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
