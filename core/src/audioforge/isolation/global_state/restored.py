"""Restoring what foreign code changed of the whole process.

A verifier that turns gradients off, or sets another number of threads for its own model, would
train the run's model differently, and nobody would see it. So what foreign code changed is put back
when it returns, with a word about whose it was.

To draw from a global generator of random numbers is no fault. Where a key is given, what is drawn
depends on the key alone, and the generators are put back without a word: what one plugin draws must
depend neither on what another one drew, nor on where a run was interrupted.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from audioforge.errors import PluginError, PluginWarning
from audioforge.isolation.global_state import of_python, of_torch


@contextmanager
def global_state_restored(whose: str, *key: str) -> Iterator[None]:
    """Restore, at the end, what foreign code changed of the whole process, and warn of it.

    Args:
        whose: What the code belongs to, such as "verifier 'wer'".
        key: What keys the random numbers that the code may draw, together with `whose`; without
            one the generators are left to it.

    Raises:
        PluginError: If something cannot be restored.
    """
    kinds = [*of_python.kinds(), *of_torch.kinds()]
    before = [kind.read() for kind in kinds]
    generators = [*of_python.generators(), *of_torch.generators()] if key else []
    states = [generator.read() for generator in generators]
    if key:
        from audioforge import keyed_random  # NumPy is needed only now

        seed = int(keyed_random.generator(whose, *key).integers(2**32))
        for generator in generators:
            generator.seed(seed)
    try:
        yield
    finally:
        for generator, state in zip(generators, states, strict=True):
            generator.write(state)
        changed = [
            (kind, value)
            for kind, value in zip(kinds, before, strict=True)
            if not kind.is_as(value, kind.read())
        ]
        for kind, value in changed:
            with suppress(Exception):  # what is read again tells
                kind.write(value)
        for kind, value in changed:
            _tell(whose, kind.name, is_back=kind.is_as(value, kind.read()))


def _tell(whose: str, name: str, *, is_back: bool) -> None:
    if not is_back:
        raise PluginError(f"{whose} changed {name}, and it cannot be put back. Mend the plugin.")
    warnings.warn(f"{whose} changed {name}; it was put back", PluginWarning, stacklevel=2)
