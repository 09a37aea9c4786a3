"""The offline demo of AudioForge: a tiny Whisper and a voice it never heard."""
