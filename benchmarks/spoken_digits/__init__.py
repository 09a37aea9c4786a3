"""A tiny voice of one speaker's digits that learns from a recogniser; see `voice_digits.py`."""
