"""Which lengths are good."""

SIGN = 1
