"""Everything that AudioForge expects of a plugin; `audioforge plugins check .` runs the same."""

import pytest


@pytest.mark.audioforge_contract("audioforge-phone-digits")
def test_contract(contract_check):
    contract_check()
