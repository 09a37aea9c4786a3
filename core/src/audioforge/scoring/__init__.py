"""Scoring what another system produced: no model, no training. `score.py` is where to start."""
