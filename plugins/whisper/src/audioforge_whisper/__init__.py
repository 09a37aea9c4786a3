"""Whisper for AudioForge: sampling, training and checkpoints.

The package imports nothing heavy; `audioforge_whisper.adapter` brings torch and Transformers.
"""
