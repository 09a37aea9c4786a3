"""State of the whole process that foreign code may change: looked at, and put back."""
