"""What `make bench` measures: AudioForge against its peers and against what arithmetic allows."""
