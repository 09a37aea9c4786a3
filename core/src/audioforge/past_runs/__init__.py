"""The runs below a folder, from their files alone; no torch. `found.py` is where to start."""
