"""Verifiers and reward aggregators for AudioForge."""
