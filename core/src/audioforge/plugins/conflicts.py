"""Names that more than one plugin holds: written down on every plugin that does not keep them."""

from __future__ import annotations

from collections.abc import Sequence

from audioforge.plugins.installed import OWN_DISTRIBUTIONS
from audioforge.plugins.registry import Plugin
from audioforge.specs import KINDS, Provided


def drop_repeated(plugins: Sequence[Plugin]) -> None:
    """Drop what one distribution registers twice, which even its full name cannot tell apart."""
    for kind in KINDS:
        seen = set()
        for plugin in plugins:
            for spec in list(plugin.provides[kind]):
                full_name = Provided(spec, plugin.distribution).full_name
                if full_name in seen:
                    plugin.provides[kind] = [s for s in plugin.provides[kind] if s is not spec]
                    plugin.errors.append(f"{kind.removesuffix('s')} '{spec.name}': repeated")
                seen.add(full_name)


def mark_conflicts(plugins: Sequence[Plugin]) -> None:
    """Write down each name that two plugins hold, on every plugin that does not keep it."""
    for kind in KINDS:
        holders: dict[str, list[Plugin]] = {}
        for plugin in plugins:
            for spec in plugin.provides[kind]:
                holders.setdefault(spec.name, []).append(plugin)
        for name, plugins_of_name in holders.items():
            keepers = [p for p in plugins_of_name if p.distribution in OWN_DISTRIBUTIONS]
            for plugin in plugins_of_name:
                others = [p.distribution for p in plugins_of_name if p is not plugin]
                if others and keepers != [plugin]:
                    plugin.errors.append(
                        f"{kind.removesuffix('s')} '{name}' is also provided by "
                        f"{', '.join(others)}: ask for it as '{plugin.distribution}/{name}'"
                    )
