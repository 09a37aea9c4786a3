"""The data of a run: read, parted by role, compared."""
