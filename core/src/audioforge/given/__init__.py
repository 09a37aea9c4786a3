"""What a user hands over in Python: functions in the place of plugins, and data."""
