"""What benchmarks/real_whisper.py trains, measures and writes: a real Whisper on real speech."""
