"""Contract tests for plugins: as pytest tests, as functions, and in `audioforge plugins check`.

In the tests of a plugin, this is all of them:

    @pytest.mark.audioforge_contract("audioforge-politeness")
    def test_contract(contract_check):
        contract_check()

The same without pytest:

    for check in contract_checks("audioforge-politeness"):
        check()

What is checked, and how to mend what fails, is in the rules of `installation.py` and of
`KIND_contract.py` for each kind of thing that a plugin provides.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from audioforge_kit.checks import contract_checks
    from audioforge_kit.contract import CannotCheck, Check, ContractError
    from audioforge_kit.examples import (
        AggregatorExample,
        AugmentationExample,
        Case,
        DatasetExample,
        ExecutorExample,
        ExporterExample,
        ModelExample,
        SelectionExample,
        TrackerExample,
        VerifierExample,
        speech_like,
    )

_LAZY = {
    "AggregatorExample": "examples",
    "AugmentationExample": "examples",
    "CannotCheck": "contract",
    "Case": "examples",
    "Check": "contract",
    "ContractError": "contract",
    "DatasetExample": "examples",
    "ExecutorExample": "examples",
    "ExporterExample": "examples",
    "ModelExample": "examples",
    "SelectionExample": "examples",
    "TrackerExample": "examples",
    "VerifierExample": "examples",
    "contract_checks": "checks",
    "speech_like": "examples",
}

__all__ = [
    "AggregatorExample",
    "AugmentationExample",
    "CannotCheck",
    "Case",
    "Check",
    "ContractError",
    "DatasetExample",
    "ExecutorExample",
    "ExporterExample",
    "ModelExample",
    "SelectionExample",
    "TrackerExample",
    "VerifierExample",
    "contract_checks",
    "speech_like",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for: pytest loads this package at every start."""
    if name in _LAZY:
        return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
