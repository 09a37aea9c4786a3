"""The offline demo of AudioForge: two tiny models and a voice they never heard."""
