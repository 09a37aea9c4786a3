"""A third party's plugin: a synthesiser small enough to learn in a second, and what judges it."""
