"""Where the demo's models and corpora lie inside the installed package."""

from pathlib import Path

ASSETS = Path(__file__).parent / "assets"


def model() -> Path:
    """Folder of the tiny Whisper, in the Hugging Face layout."""
    return ASSETS / "model"


def target_train() -> Path:
    """Manifest of the clips to adapt to: an unheard voice in unheard noise."""
    return ASSETS / "target" / "train.jsonl"


def target_heldout() -> Path:
    """Manifest of other clips in the target's voice and noise, to measure adaptation on."""
    return ASSETS / "target" / "heldout.jsonl"


def source_heldout() -> Path:
    """Manifest of unseen sentences in the voices the model knows, to measure forgetting on."""
    return ASSETS / "source" / "heldout.jsonl"


def commands_model() -> Path:
    """Folder of the tiny classifier of commands, in the Hugging Face layout."""
    return ASSETS / "commands" / "model"


def commands_train() -> Path:
    """Manifest of the commands to adapt to: an unheard voice in unheard noise."""
    return ASSETS / "commands" / "train.jsonl"


def commands_heldout() -> Path:
    """Manifest of other recordings of them in the same voice and noise, to measure on."""
    return ASSETS / "commands" / "heldout.jsonl"


def commands_source() -> Path:
    """Manifest of commands in the voices the classifier knows, to measure forgetting on."""
    return ASSETS / "commands" / "source.jsonl"


def voice_model() -> Path:
    """Folder of the tiny SpeechT5, in the Hugging Face layout."""
    return ASSETS / "voice" / "model"


def voice_train() -> Path:
    """Manifest of texts that the voice learns to say better; nobody recorded them."""
    return ASSETS / "voice" / "train.jsonl"


def voice_heldout() -> Path:
    """Manifest of other texts, to measure the voice on."""
    return ASSETS / "voice" / "heldout.jsonl"


def checksums() -> Path:
    """SHA-256 of every clip's samples before encoding, and what they were made with."""
    return ASSETS / "checksums.json"
