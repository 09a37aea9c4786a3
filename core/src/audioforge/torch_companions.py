"""torchaudio and torchcodec: what to do when an installed one is broken.

Both are compiled against one version of torch. When they do not fit the torch that is installed,
importing them fails, and `import transformers` fails with them although AudioForge needs neither.
So before Transformers or datasets are imported, each is tried; one that fails is marked
unavailable, which is how those libraries treat it when it is not installed.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys

COMPANIONS = ("torchaudio", "torchcodec")

_broken: dict[str, str] = {}


def hide_broken_companions() -> dict[str, str]:
    """Mark each installed but broken companion of torch as unavailable.

    Returns:
        The reason of each that is broken, by module name; the same at every call.
    """
    for name in COMPANIONS:
        if name in sys.modules or importlib.util.find_spec(name) is None:
            continue
        try:
            importlib.import_module(name)
        except Exception as error:  # OSError, RuntimeError, ImportError: any means it is broken
            first_line = (str(error).strip().splitlines() or ["no message"])[0]
            _broken[name] = f"{type(error).__name__}: {first_line}"
            for module in [m for m in sys.modules if m.split(".")[0] == name]:
                del sys.modules[module]
            # `None` makes find_spec answer "not installed" and a later import fail at once.
            sys.modules[name] = None  # type: ignore[assignment]
    return dict(_broken)
