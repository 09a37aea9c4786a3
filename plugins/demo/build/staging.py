"""What turns speech into a clip: level, silence around it, and noise."""

import numpy as np
import voices

SPEECH_RMS = 1_500.0  # Of 32,768: about -27 dB of full scale.
PAD_S = (0.1, 0.3)  # Before and after the speech.


def stage(
    speech: voices.Samples,
    rng: np.random.Generator,
    snr_db: float | None,
    pad_s: tuple[float, float] = PAD_S,
) -> voices.Samples:
    """Bring speech to a fixed level, pad it, and lay white noise over all of it.

    The sum of squares is taken over integers, so no order of summation can change a sample.

    Args:
        speech: What the synthesiser said.
        rng: Source of the padding's lengths and of the noise.
        snr_db: Power of speech over noise in decibels; `None` adds none.
        pad_s: Shortest and longest padding in seconds.

    Returns:
        The clip's samples.
    """
    rms = np.sqrt(int(np.sum(speech.astype(np.int64) ** 2)) / len(speech))
    before, after = (int(second * voices.RATE_HZ) for second in rng.uniform(*pad_s, size=2))
    clip = np.pad(speech * (SPEECH_RMS / rms), (before, after))
    if snr_db is not None:
        clip += rng.standard_normal(len(clip)) * (SPEECH_RMS * 10 ** (-snr_db / 20))
    limited: np.ndarray = np.clip(np.rint(clip), -32_768, 32_767)
    return limited.astype(np.int16)
