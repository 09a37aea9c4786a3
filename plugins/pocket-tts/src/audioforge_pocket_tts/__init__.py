"""Pocket TTS text-to-speech models for AudioForge.

The package imports nothing heavy; `audioforge_pocket_tts.adapter` brings torch and Transformers.
"""
