"""The pytest plugin: one test for each check of the plugins that a test is marked with.

pytest loads this file at every start wherever the kit is installed, so it imports nothing else
until a test is marked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from audioforge_kit.contract import Check

MARKER = "audioforge_contract"
FIXTURE = "contract_check"


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers",
        f"{MARKER}(plugin): give the test each contract check of an installed plugin, or of a "
        f"plugin file as a Path, as the fixture {FIXTURE}",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Turn a marked test into one for each check."""
    if FIXTURE not in metafunc.fixturenames:
        return
    from audioforge_kit import contract_checks

    plugins = [plugin for m in metafunc.definition.iter_markers(MARKER) for plugin in m.args]
    if not plugins:
        raise pytest.UsageError(
            f"{metafunc.definition.nodeid}: mark it with @pytest.mark.{MARKER}('distribution')"
        )
    checks = [check for plugin in plugins for check in contract_checks(plugin)]
    metafunc.parametrize(FIXTURE, checks, ids=[check.id for check in checks], indirect=True)


@pytest.fixture
def contract_check(request: pytest.FixtureRequest) -> Callable[[], None]:
    """One check of the plugin that the test is marked with; call it."""
    from audioforge_kit import CannotCheck, ContractError

    check: Check = request.param

    def run() -> None:
        __tracebackhide__ = True
        try:
            check()
        except CannotCheck as reason:
            pytest.skip(str(reason))
        except ContractError as error:
            pytest.fail(
                f"{check.subject}: {check.rule.sentence}\n  but: {error}\n  mend: "
                f"{error.mend or check.rule.mend}",
                pytrace=error.__cause__ is not None,
            )

    return run
