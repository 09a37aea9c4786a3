"""Which language a tag means, and which letters it is written in."""
