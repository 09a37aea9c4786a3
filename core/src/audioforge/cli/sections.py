"""Help in sections: what matters first, then option by option what each part has to be told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
"""Of the whole command line, and of a command that is called by itself."""

FIRST_TITLE = "Most used"
FIRST = (
    "model_name",
    "dataset",
    "eval_dataset",
    "output_dir",
    "output",
    "num_cycles",
    "samples_per_prompt",
    "verifier",
    "learning_rate",
    "resumed",
    "dry_run",
)
"""Parameters that come first; no command has both kinds of output."""
SECTIONS = ("Data", "Model", "Sampling", "Reward", "Update", "Evaluation", "Run")
REST = SECTIONS[-1]
"""Where an option goes that is of no setting."""


class SectionedOption(click.Option):
    """An option that knows where it stands in the help.

    Args:
        section: One of `SECTIONS`.
        names: As of Click.
        settings: As of Click.
    """

    def __init__(self, names: Sequence[str], *, section: str = REST, **settings: Any) -> None:
        """Create the option."""
        super().__init__(names, **settings)
        self.section = section


class SectionedCommand(click.Command):
    """A command whose help groups its options."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, those that matter most first and each once."""
        sections: dict[str, list[tuple[str, str]]] = {t: [] for t in (FIRST_TITLE, *SECTIONS)}
        ranked = sorted(self.get_params(ctx), key=_rank)
        for parameter in ranked:
            record = parameter.get_help_record(ctx)
            if record is not None:
                first = parameter.name in FIRST
                sections[FIRST_TITLE if first else _section(parameter)].append(record)
        for title, records in sections.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


def _section(parameter: click.Parameter) -> str:
    return parameter.section if isinstance(parameter, SectionedOption) else REST


def _rank(parameter: click.Parameter) -> int:
    """Return a place among those that come first; behind them the others stay in their order."""
    return FIRST.index(parameter.name) if parameter.name in FIRST else len(FIRST)
