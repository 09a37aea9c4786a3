"""The RAFT engine: sample, verify, select, update, evaluate; `loop.py` is where to start."""
