"""What `audioforge plugins new` writes: a complete package for each kind of plugin."""
