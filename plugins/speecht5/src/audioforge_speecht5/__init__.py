"""SpeechT5 text-to-speech models for AudioForge.

The package imports nothing heavy; `audioforge_speecht5.adapter` brings torch and Transformers.
"""
