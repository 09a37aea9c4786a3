"""Settings as a YAML file holds them: read without what a few lines could do to a machine."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from audioforge.errors import ConfigError
from audioforge.files.paths import open_regular

MAX_CONFIG_BYTES = 100_000
MAX_INTEGER_BITS = 1024


def read_config_file(path: Path) -> dict[str, Any]:
    """Read the settings of a YAML file.

    Raises:
        ConfigError: If it cannot be read, or is not a mapping.
    """
    try:
        with open_regular(path) as file:
            content = file.read(MAX_CONFIG_BYTES + 1)
        text = content.decode()
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: not UTF-8 text: {error.reason}"]) from error
    if len(content) > MAX_CONFIG_BYTES:
        raise ConfigError([f"{path}: larger than {MAX_CONFIG_BYTES:,} bytes"])
    try:
        values = _load_yaml(text)
    # A date that cannot be, an empty "!!int", a thousand open brackets: each raises another kind.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ConfigError([f"{path}: not YAML: {reason}"]) from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(
            [f"{path}: expected settings as 'key: value', not {type(values).__name__}"]
        )
    return values


class _PlainLoader(yaml.SafeLoader):
    """YAML without aliases, of which a few lines can stand for billions of values."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Refuse an alias; read everything else."""
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(
                problem="aliases (*name) are not taken here; write the value out",
                problem_mark=mark,
            )
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Refuse a key that is there twice, of which YAML would silently take the last."""
        keys = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
        if repeated := sorted(key for key, times in keys.items() if times > 1):
            raise yaml.constructor.ConstructorError(
                problem=f"{', '.join(repeated)} is there twice", problem_mark=node.start_mark
            )
        return super().construct_mapping(node, deep=deep)

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """Refuse a number so long that Python can no longer write it out in a message."""
        value = super().construct_yaml_int(node)
        if value.bit_length() > MAX_INTEGER_BITS:
            raise yaml.constructor.ConstructorError(
                problem=f"a whole number of {value.bit_length():,} bits",
                problem_mark=node.start_mark,
            )
        return value


_PlainLoader.add_constructor("tag:yaml.org,2002:int", _PlainLoader.construct_yaml_int)


def _load_yaml(text: str) -> Any:
    loader = _PlainLoader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()
