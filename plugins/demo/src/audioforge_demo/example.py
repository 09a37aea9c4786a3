"""What the contract tests check the dataset with: itself."""

from __future__ import annotations

from pathlib import Path

from audioforge.dataset import DatasetRequest
from audioforge_kit import DatasetExample


def example(folder: Path) -> DatasetExample:
    """Return the commands, which have references and labels."""
    return DatasetExample(request=DatasetRequest("demo", split="commands-source"))
