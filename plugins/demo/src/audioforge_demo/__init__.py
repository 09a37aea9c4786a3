"""The offline demo of AudioForge: three tiny models, and what they learn from rewards."""
