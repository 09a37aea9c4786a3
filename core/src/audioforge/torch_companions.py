"""torchaudio and torchcodec: what to do when an installed one is broken; and SpeechBrain.

Both are compiled against one version of torch. When they do not fit the torch that is installed,
importing them fails, and `import transformers` fails with them although AudioForge needs neither.
So before Transformers or datasets are imported, each is tried; one that fails is marked
unavailable, which is how those libraries treat it when it is not installed.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

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


@contextmanager
def importing_speechbrain() -> Iterator[None]:
    """Keep the import of SpeechBrain from changing the rest of the process.

    It would turn on TensorFloat-32 for every matrix product and turn off profiling in TorchScript,
    also for the model in training; a variable that it reads when it is imported prevents that. And
    it leaves stand-ins for modules with its old names in `sys.modules`, which raise when anything
    that goes through all modules (such as a debugger, or Hypothesis) touches them.
    """
    variable = "SB_DISABLE_QUIRKS"
    before, is_new = os.environ.get(variable), "speechbrain" not in sys.modules
    os.environ[variable] = "allow_tf32,disable_jit_profiling,disable_cudnn_benchmarking"
    try:
        yield
    finally:
        if before is None:
            del os.environ[variable]
        else:
            os.environ[variable] = before
        if is_new and "speechbrain.utils.importutils" in sys.modules:
            _remove_stand_ins()


def _remove_stand_ins() -> None:
    from speechbrain.utils.importutils import LazyModule

    for name, module in list(sys.modules.items()):
        if issubclass(type(module), LazyModule):  # isinstance would load it
            del sys.modules[name]
