"""Transformers itself, for whoever may be the first to import it.

A broken companion of torch makes `import transformers` fail, and so must be hidden before. What is
imported after a module that has Transformers from here may import it as ever: an adapter's parts.

Every network of Transformers imports the losses of all tasks, and those of object detection import
SciPy's optimisers for one function: half a second that no speech model needs.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from audioforge.huggingface.late_functions import imported_when_called
from audioforge.torch_companions import hide_broken_companions

hide_broken_companions()

import transformers  # noqa: E402

with imported_when_called("scipy.optimize", "linear_sum_assignment"):
    import transformers.modeling_utils

__all__ = ["transformers", "without_warnings"]


@contextmanager
def without_warnings() -> Iterator[None]:
    """Keep Transformers from telling of names and settings of its own, which no user can change."""
    verbosity = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    try:
        yield
    finally:
        transformers.logging.set_verbosity(verbosity)
