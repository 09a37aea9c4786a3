"""A third party's plugin: a recogniser of tones, small enough to train in a second."""
