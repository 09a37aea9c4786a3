"""The RAFT engine: sample, verify, select, update, evaluate; `trainer.py` is where to start."""
