"""The engine's own augmentations of training clips."""
