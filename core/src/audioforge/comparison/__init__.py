"""Runs beside each other, from their files alone; no torch. `comparison.py` is where to start."""
