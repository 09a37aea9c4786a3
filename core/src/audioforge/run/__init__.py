"""One run: its data, its folder, and what lets it survive a kill."""
