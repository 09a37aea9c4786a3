"""Transformers itself, for whoever may be the first to import it.

A broken companion of torch makes `import transformers` fail, and so must be hidden before. What is
imported after a module that has Transformers from here may import it as ever: an adapter's parts.
"""

from audioforge.torch_companions import hide_broken_companions

hide_broken_companions()

import transformers  # noqa: E402

__all__ = ["transformers"]
