"""What lets a run survive a kill: one writer, lines and points that last, safe places to stop."""
