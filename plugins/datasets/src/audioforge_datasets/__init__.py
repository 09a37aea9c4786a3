"""Datasets for AudioForge: files, folders, hub ids, and named corpora."""
