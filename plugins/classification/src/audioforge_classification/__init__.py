"""Audio classification for AudioForge: sampling, training and checkpoints.

The package imports nothing heavy; `audioforge_classification.adapter` brings torch and
Transformers.
"""
