"""Foreign code kept in its place: what it is handed, may change, and how long it may take."""
