"""Runs on many machines: an executor that has a Ray cluster sample, measure and update.

The package imports nothing heavy; Ray is imported when the executor is made.
"""
