"""AudioForge: train speech models from verifiable rewards.

from audioforge import AudioRAFTConfig, AudioRAFTTrainer

config = AudioRAFTConfig(model_name="openai/whisper-small", num_cycles=6)
AudioRAFTTrainer(config).train("librispeech")
"""

TYPE_CHECKING = False  # as in typing, which is not imported here: see import_path.py
if TYPE_CHECKING:
    from audioforge.config import AudioRAFTConfig
    from audioforge.raft.trainer import AudioRAFTTrainer

__version__ = "0.1.0"
__all__ = ["AudioRAFTConfig", "AudioRAFTTrainer", "__version__"]

_LAZY = {
    "AudioRAFTConfig": "audioforge.config",
    "AudioRAFTTrainer": "audioforge.raft.trainer",
}


def __getattr__(name: str) -> object:
    """Import the public classes when they are asked for, so that `--help` stays quick."""
    if name in _LAZY:
        from importlib import import_module

        from audioforge.importing import importing

        with importing():
            return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'audioforge' has no attribute '{name}'")
