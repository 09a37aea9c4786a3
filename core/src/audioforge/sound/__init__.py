"""Sound files opened: which decoder reads one, and where each of its recordings begins and ends."""
