"""Recordings of any length to text, subtitles or JSON."""
