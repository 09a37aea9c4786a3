"""Rewards transcripts that have the digits of phone numbers right."""
