"""A third party's plugin: a judge that listens with a model of its own, and sound in memory."""
