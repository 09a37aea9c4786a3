"""A third party's plugin whose code changes what is not its own."""
