"""What `audioforge datasets show` counts. `report.py` is where to start."""
