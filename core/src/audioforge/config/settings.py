"""What every table of settings has: conversion, checks, and problems reported at once."""

from __future__ import annotations

from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any, ClassVar, Self

import attrs
from attrs import define

from audioforge.config.other_names import meant
from audioforge.config.setting_kinds import checked
from audioforge.errors import ConfigError, did_you_mean
from audioforge.plugin_reference import plain_reference


# Without slots, since two classes that have some cannot be inherited from together.
@define(kw_only=True, slots=False)
class Settings:
    """Settings that belong together; a command's are the tables that it inherits from.

    Raises:
        ConfigError: With one line for each setting that is wrong.

    Attributes:
        command: The command of `audioforge` that has the settings.
        section: Where a table's settings stand in the help of commands.
    """

    command: ClassVar[str]
    section: ClassVar[str]

    def __new__(cls, *args: Any, **values: Any) -> Self:
        """Refuse a misspelt keyword as a misspelt key of a YAML file is refused."""
        if values.keys() - attrs.fields_dict(cls).keys():
            cls.from_mapping(values)  # names all that is wrong, these keywords among it
        return super().__new__(cls)

    def __attrs_post_init__(self) -> None:
        """Convert and check every setting; report all that is wrong at once."""
        problems = {}
        for attribute in attrs.fields(type(self)):
            try:
                value = checked(getattr(self, attribute.name), attribute.metadata)
                setattr(self, attribute.name, value)
            except ValueError as error:
                problems[attribute.name] = f"{attribute.name}: {error}"
        contradictions = self._contradictions(problems.keys())
        if problems or contradictions:
            raise ConfigError([*problems.values(), *contradictions])

    def _contradictions(self, wrong: Set[str]) -> list[str]:
        """Return what is wrong of settings together, but for those that are wrong by themselves.

        A table adds its own to those of the next one: `[*own, *super()._contradictions(wrong)]`.
        """
        return []

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Build settings from keys and values, as a YAML file holds them.

        Raises:
            ConfigError: Naming every unknown key and every wrong value.
        """
        known = [a.name for a in attrs.fields(cls)]
        problems = [
            f"{key}: there is no such setting. {meant(str(key)) or cls._close(str(key), known)}"
            for key in values
            if key not in known
        ]
        try:
            settings = cls(**{str(k): v for k, v in values.items() if k in known})
        except ConfigError as error:
            problems.extend(error.problems)
        if problems:
            raise ConfigError(problems)
        return settings

    @classmethod
    def section_of(cls, name: str) -> str:
        """Return where a setting stands in the help: the section of its table."""
        tables = [t for t in cls.__mro__ if issubclass(t, Settings)]
        holding = [table for table in tables if name in attrs.fields_dict(table)]
        return holding[-1].section

    def as_mapping(self) -> dict[str, Any]:
        """Return the settings as YAML and JSON can hold them; a function by its name."""
        plain = {}
        for attribute in attrs.fields(type(self)):
            value, kind = getattr(self, attribute.name), attribute.metadata["kind"]
            if isinstance(value, Path):
                value = str(value)
            elif kind == "plugin" and value is not None:
                value = plain_reference(value)
            elif kind == "plugins":
                value = tuple(map(plain_reference, value))
            plain[attribute.name] = list(value) if isinstance(value, tuple) else value
        return plain

    @classmethod
    def _close(cls, name: str, known: list[str]) -> str:
        """Return the settings close to a name; where none is, the command that lists them all."""
        sentence = did_you_mean(name, known)
        if sentence.startswith("Did"):
            return sentence.split(" Known:")[0]
        return f"`audioforge {cls.command} --help` lists them."
