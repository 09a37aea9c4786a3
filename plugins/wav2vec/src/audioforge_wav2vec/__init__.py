"""Wav2Vec2, HuBERT, WavLM and Data2Vec CTC models for AudioForge.

The package imports nothing heavy; `audioforge_wav2vec.adapter` brings torch and Transformers.
"""
