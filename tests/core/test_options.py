"""Options as text become the types that an options class declares, or are refused."""

from pathlib import Path
from typing import Literal

import pytest
from attrs import field, frozen, validators

from audioforge.errors import ConfigError
from audioforge.plugins.options import structure_options


@frozen
class Options:
    count: int = 1
    rate: float = 0.5
    share: float | None = None
    strict: bool = False
    words: tuple[str, ...] = ()
    path: Path = Path()
    mode: Literal["fast", "exact"] = "fast"
    bounded: float = field(default=0.0, validator=validators.le(1.0))


@pytest.mark.parametrize(
    ("key", "given", "expected"),
    [
        ("count", "3", 3),
        ("count", 3.0, 3),
        ("rate", "0.25", 0.25),
        ("rate", 1, 1.0),
        ("share", "0.25", 0.25),
        ("share", None, None),
        ("strict", "false", False),
        ("strict", "Yes", True),
        ("strict", True, True),
        ("words", "one", ("one",)),
        ("words", ["one", "two"], ("one", "two")),
        ("path", "a/b", Path("a/b")),
        ("path", "~/b", Path.home() / "b"),
        ("mode", "exact", "exact"),
    ],
)
def test_text_becomes_the_declared_type(key, given, expected):
    value = structure_options("x", Options, {key: given})[key]
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("key", "given", "reason"),
    [
        ("count", "3.5", "x.count: '3.5' is not int"),
        ("count", 3.7, "write a whole number"),
        ("count", True, "write a whole number"),
        ("rate", "much", "x.rate: 'much' is not float"),
        ("rate", False, "write a number"),
        ("strict", 1, "write true or false"),
        ("words", [["nested"]], "write a text"),
        ("words", [True], "put it in quotes"),
        ("mode", "slow", "x.mode: 'slow' is not Literal"),
        ("bounded", 2.0, "bounded"),
        ("wrods", "one", "x.wrods: no such option. Did you mean words?"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_path(key, given, reason):
    with pytest.raises(ConfigError) as raised:
        structure_options("x", Options, {key: given})
    assert reason in str(raised.value)


def test_a_plugin_without_options_takes_none():
    assert structure_options("x", None, {}) == {}
    with pytest.raises(ConfigError, match=r"x\.y: no such option\. It takes no options"):
        structure_options("x", None, {"y": 1})
