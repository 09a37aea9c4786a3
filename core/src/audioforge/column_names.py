"""The names that columns and keys usually have; those of parts are in `sound_part`."""

from __future__ import annotations

from audioforge.sound_part import CHANNEL, DURATION, END, START

AUDIO = (
    "audio_filepath",
    "audio",
    "file_name",
    "path",
    "file",
    "audio_path",
    "audio_file",
    "filename",
    "wav",
)
TEXT = ("text", "transcript", "transcription", "sentence", "normalized_text", "raw_text")
LABEL = ("label", "labels", "class", "category")
SPEAKER = ("speaker", "speaker_id", "client_id", "spk_id")
LANGUAGE = ("language", "lang", "locale")
ID = ("id", "utterance_id", "utt_id")

READ = frozenset(
    (*AUDIO, *TEXT, *LABEL, *SPEAKER, *LANGUAGE, *ID, *START, *END, DURATION, *CHANNEL)
)
"""All names that mean something to a reader of rows."""
