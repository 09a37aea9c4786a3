"""What adapters of Transformers models share: safe checkpoints, and low-rank updates.

Core does not depend on Transformers or PEFT: a plugin that uses these modules does.
"""
