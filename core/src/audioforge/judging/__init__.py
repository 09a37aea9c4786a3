"""Verifiers and the aggregator at work: foreign code, called with care."""
