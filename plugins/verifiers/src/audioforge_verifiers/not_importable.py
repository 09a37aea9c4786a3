"""The error of a verifier whose library cannot be imported."""

from __future__ import annotations

from audioforge.errors import PluginError


def not_importable(
    verifier: str, library: str, extra: str, error: Exception, torchaudio: str | None
) -> PluginError:
    """Return an error that names what is in the way, and how to mend it.

    Args:
        verifier: Name of the verifier.
        library: What it needs, as people call it.
        extra: The extra of this distribution that installs it.
        error: What importing it raised.
        torchaudio: Why torchaudio, which the library needs, cannot be imported; None where it can,
            or is not there.
    """
    if torchaudio:
        import torch

        return PluginError(
            f"verifier {verifier}: {library} needs torchaudio, and the installed one does not "
            f"fit torch {torch.__version__}: {torchaudio}. Install torch and torchaudio built for "
            f"the same CUDA version; `audioforge doctor` says which are there."
        )
    return PluginError(
        f"verifier {verifier}: {library} cannot be imported: {type(error).__name__}: {error}. "
        f"Install it with pip install 'audioforge-verifiers[{extra}]'."
    )
