"""Writes the reference pages from the code: `make docs`. A test holds them against the code.

plugin-reference.md: hooks, contracts and rules. python-reference.md: what Python users call.
configuration.md: every setting. command-line.md: every command's help. run-folder.md: the keys of
what a run writes.
"""

from __future__ import annotations

import ast
import inspect
import math
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import attrs
import command_line

import audioforge
from audioforge import (
    augmentation,
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
    transcript,
    verifier,
)
from audioforge.cli.setting_options import flag_names
from audioforge.config import (
    AudioRAFTConfig,
    BenchmarkConfig,
    Settings,
    VerifyConfig,
    export_table,
    tables,
)
from audioforge.config.units import UNITS
from audioforge.plugins.api_version import API_VERSION, OLDEST_API_VERSION, STATEMENT
from audioforge.plugins.installed import COMMANDS_GROUP, GROUP
from audioforge.run import file_keys
from audioforge.specs import KINDS
from audioforge.terminal.json_log import EVENTS
from audioforge_kit import examples
from audioforge_kit.checks import CONTRACTS, contract_of
from audioforge_kit.contract import Contract
from audioforge_kit.installation import InstallationContract

DOCS = Path(__file__).parent

HEAD = f"""# Plugin reference

Written by `make docs` from the code; a test fails when they differ. The
[tutorial](plugin-tutorial.md) is the place to start, and [plugins.md](plugins.md) says what is
around it.

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
        specs.Limits,
        specs.VerifierSpec,
        specs.DatasetSpec,
        specs.AggregatorSpec,
        specs.SelectionSpec,
        specs.TrackerSpec,
        specs.ExecutorSpec,
        specs.ExporterSpec,
        specs.AugmentationSpec,
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
        transcript.TranscriptionOptions,
        transcript.Segment,
        transcript.WordTime,
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
    "Augmentations": [augmentation.Augmentation],
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
        examples.AugmentationExample,
        examples.Case,
    ],
}
"""What a plugin meets, by section."""

TABLES = [
    t
    for t in (*vars(tables).values(), export_table.ExportSettings)
    if inspect.isclass(t) and issubclass(t, Settings) and t is not Settings
]

KINDS_IN_WORDS = {
    "int": "whole number",
    "float": "number",
    "schedule": "number, or one by cycle",
    "flag": "true or false",
    "text": "text",
    "language": "language tag or each",
    "path": "path",
    "texts": "texts",
    "floats": "numbers",
    "plugin": "plugin",
    "plugins": "plugins",
}

FILES = [
    ("`summary.json`", "One object.", file_keys.SUMMARY),
    (
        "An evaluation",
        "What `base`, each of `cycles` and `candidates`, and both of `test` hold; a cycle's "
        "`metrics.json` is its entry of `cycles`.",
        file_keys.EVALUATION,
    ),
    ("A cycle", "What each of `cycles` holds besides.", file_keys.CYCLE),
    ("The best", "What `best` holds.", file_keys.BEST),
    ("`cycle-NN/rollouts-*.jsonl`", "A line for each clip.", file_keys.ROLLOUT),
    ("A hypothesis", "What each of `hypotheses` holds.", file_keys.HYPOTHESIS),
    ("A score", "What each of `scores` holds.", file_keys.SCORE),
    (
        "`cycle-NN/predictions.jsonl`",
        "A line for each held-out clip. `best-predictions.jsonl` (the exported model, held out), "
        "`test-predictions.jsonl` (the exported model), `test-predictions-base.jsonl` and what "
        "`audioforge benchmark --output` writes have such lines too; `audioforge verify` scores "
        "them.",
        file_keys.PREDICTION,
    ),
    ("`cycle-NN/steps.jsonl`", "A line for each step of the optimiser.", file_keys.STEP),
    (
        "`--log-json`",
        "No file: a line on stderr for everything that happens in `train` and `benchmark`. Each "
        "object has `time` (UTC, ISO 8601) and `event`, one of these, beside what it says here.",
        EVENTS,
    ),
]
"""Title, a sentence, and the keys of each kind of object that a run writes."""


PYTHON_HEAD = """# Python reference

Written by `make docs` from the code; a test fails when they differ. All of it is imported from
`audioforge`, which imports nothing heavy by itself:

    from audioforge import AudioRAFTConfig, AudioRAFTTrainer, benchmark, load, open_run, score

[python.md](python.md) shows how they go together, and [configuration.md](configuration.md) has
every keyword of `AudioRAFTConfig`, `benchmark` and `score`.
"""

CONFIGURATION_HEAD = """# Configuration

Written by `make docs` from the code; a test fails when they differ. A key of the YAML file
(`--config FILE`), the flag and the keyword in Python are one setting: flags override the file.
"""

RUN_FOLDER_HEAD = """# Files of a run

Written by `make docs` from the code; a test fails when they differ from what a run writes. Rates
are fractions, times are seconds, paths are relative to the run folder but for those of your clips.
A key with a question mark is there only where it says something.
[training.md](training.md#the-run-folder) says which files there are.
"""


def pages() -> dict[str, str]:
    """Return every reference page by its name; ruff lays the code out, as it does everywhere."""
    return {
        "plugin-reference.md": _page(HEAD, _hooks(), _classes(), _rules()),
        "python-reference.md": _page(PYTHON_HEAD, _public()),
        "configuration.md": _page(CONFIGURATION_HEAD, _settings()),
        "command-line.md": _page(command_line.HEAD, command_line.commands()),
        "run-folder.md": _page(RUN_FOLDER_HEAD, _files()),
    }


def _page(head: str, *parts: Iterator[str]) -> str:
    text = "\n".join([head, *chain.from_iterable(parts)]).rstrip() + "\n"
    place = str(DOCS / "page.md")
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", place, "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return done.stdout


def _public() -> Iterator[str]:
    """Yield what `audioforge` offers; records that plugins meet too are in their reference."""
    for name in audioforge.__all__:
        thing = getattr(audioforge, name)
        if name == "__version__":
            continue
        if thing in chain.from_iterable(CLASSES.values()):
            yield f"### `audioforge.{name}`\n"
            first = (inspect.getdoc(thing) or "").partition("\n")[0]
            yield f"{first} See [the plugin reference](plugin-reference.md).\n"
            continue
        yield from _stub(thing, f"audioforge.{name}")


def _settings() -> Iterator[str]:
    """Yield a table for each table of settings."""
    of_any = (*reversed(AudioRAFTConfig.__mro__), *reversed(VerifyConfig.__mro__))
    for table in dict.fromkeys(table for table in of_any if table in TABLES):
        yield f"## {table.__name__}\n"
        yield f"{inspect.getdoc(table)}\n"
        commands = [
            c for c in (AudioRAFTConfig, BenchmarkConfig, VerifyConfig) if issubclass(c, table)
        ]
        yield f"Of {', '.join(f'`audioforge {c.command}`' for c in commands)}.\n"
        yield "| Key | Meaning | Unit | Default | Range | Flag |"
        yield "| --- | --- | --- | --- | --- | --- |"
        for attribute in attrs.fields(table):
            if not attribute.inherited:
                yield _setting_row(attribute)
        yield ""


def _setting_row(attribute: Any) -> str:
    metadata, default = attribute.metadata, attribute.default
    words = {"None": "", "()": "none", "True": "true", "False": "false"}
    shown = words.get(repr(default), f"`{default}`")
    cells = [
        f"`{attribute.name}`",
        metadata["help"],
        UNITS.get(attribute.name, ""),
        shown,
        _range(metadata),
        f"`{flag_names(attribute)[0]}`",
    ]
    return f"| {' | '.join(map(_cell, cells))} |"


def _range(metadata: Any) -> str:
    """Return which values a setting takes."""
    if metadata["choices"]:
        return ", ".join(f"`{choice}`" for choice in metadata["choices"])
    kind = KINDS_IN_WORDS[metadata["kind"]]
    bounds = []
    if metadata["above"] > -math.inf:
        bounds.append(f"above {metadata['above']:g}")
    if metadata["minimum"] > -math.inf:
        bounds.append(f"from {metadata['minimum']:g}")
    if metadata["maximum"] < math.inf:
        bounds.append(f"to {metadata['maximum']:g}")
    return " ".join([kind, *bounds]) + (", or none" if metadata["optional"] else "")


def _files() -> Iterator[str]:
    """Yield the keys of each kind of object that a run writes."""
    for title, said, keys in FILES:
        yield f"## {title}\n"
        yield f"{said}\n"
        yield "| Key | Meaning |"
        yield "| --- | --- |"
        for key, meaning in keys.items():
            yield f"| `{key}` | {_cell(meaning)} |"
        yield ""


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


def _stub(thing: Any, name: str | None = None) -> Iterator[str]:
    """Yield the source of a class or function without what its functions do."""
    source = textwrap.dedent(inspect.getsource(thing))
    [node] = ast.parse(source).body
    yield f"### `{name or f'{thing.__module__}.{thing.__qualname__}'}`\n"
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
    for name, text in pages().items():
        (DOCS / name).write_text(text, encoding="utf-8")
