"""Log-mel features of a batch, and the distortions that training puts on them.

Without distortions the features equal those of `WhisperFeatureExtractor`.
"""

import torch
from torch import Tensor
from torch.nn import functional
from transformers import WhisperFeatureExtractor

NOISES = 256
SNR_DB = (13.0, 45.0)
NOISY = 0.7  # Share of clips with noise.
GAIN_DB = (-12.0, 6.0)
TEMPO = 0.15  # Largest relative change.
PITCH = 0.12  # The same, of the mel axis.
SHIFT = 0.05  # Largest move in time, of the window.
BANDS, FRAMES = 12, 12  # Widest masks; two of each.


def _uniform(low: float, high: float, *shape: int) -> Tensor:
    return torch.empty(shape).uniform_(low, high)


class Noise:
    """A store of noises of random colour, from white to about -6 dB an octave.

    Making noise anew for every batch is slower than turning and scaling stored noise.
    """

    def __init__(self, samples: int, snr_db: tuple[float, float]) -> None:
        """Make the noises, each of so many samples, which loop without a seam."""
        self.snr_db = snr_db
        spectra = torch.fft.rfft(torch.randn(NOISES, samples))
        frequency = torch.linspace(0, 1, spectra.shape[1]).clamp(min=0.01)
        self.store = torch.fft.irfft(spectra * frequency ** -_uniform(0, 1, NOISES, 1), n=samples)

    def __call__(self, waves: Tensor, lengths: Tensor) -> Tensor:
        """Change level and add noise to most clips.

        Args:
            waves: Clips, padded with zeros, of shape (batch, samples).
            lengths: Samples of each clip; the padding stays silent.

        Returns:
            The distorted clips.
        """
        batch, samples = waves.shape
        chosen, turn = torch.randint(NOISES, (batch,)), torch.randint(samples, (batch,)).tolist()
        rolled = [row.roll(by) for row, by in zip(self.store[chosen], turn, strict=True)]
        noise = torch.stack(rolled) * (torch.arange(samples) < lengths[:, None])
        ratio = waves.square().sum(1) / noise.square().sum(1)
        scale = ratio.sqrt() * 10 ** (-_uniform(*self.snr_db, batch) / 20)
        scale *= _uniform(0, 1, batch) < NOISY
        return (waves + noise * scale[:, None]) * 10 ** (_uniform(*GAIN_DB, batch, 1) / 20)


def warp(power: Tensor) -> Tensor:
    """Stretch and move mel spectra along time, and stretch them along frequency.

    Args:
        power: Mel power of shape (batch, mels, frames).

    Returns:
        Warped mel power; silence comes in from outside.
    """
    batch = len(power)
    move = torch.zeros(batch, 2, 3)
    tempo = _uniform(1 - TEMPO, 1 + TEMPO, batch)
    move[:, 0, 0] = tempo
    move[:, 0, 2] = tempo - 1 - _uniform(0, 2 * SHIFT, batch)  # The start stays, then moves right.
    move[:, 1, 1] = _uniform(1 - PITCH, 1 + PITCH, batch)
    move[:, 1, 2] = move[:, 1, 1] - 1  # The lowest band stays.
    image = power[:, None]
    grid = functional.affine_grid(move, list(image.shape), align_corners=False)
    return functional.grid_sample(image, grid, align_corners=False)[:, 0]


def mask(features: Tensor) -> Tensor:
    """Blank out two stretches of bands and two of frames in each clip."""
    batch, mels, frames = features.shape
    for size, widest, shape in ((mels, BANDS, (batch, -1, 1)), (frames, FRAMES, (batch, 1, -1))):
        for _ in range(2):
            width = _uniform(0, widest, batch, 1)
            start = _uniform(0, size - widest, batch, 1)
            place = torch.arange(size)
            hidden = (place >= start) & (place < start + width)
            features = features.masked_fill(hidden.view(shape), 0.0)
    return features


class Features:
    """Log-mel features on batches of waves."""

    def __init__(
        self, extractor: WhisperFeatureExtractor, snr_db: tuple[float, float] = SNR_DB
    ) -> None:
        """Take window, hop and filters from the extractor, and make noises.

        Args:
            extractor: The model's feature extractor.
            snr_db: Least and greatest power of speech over noise in decibels.
        """
        self.extractor = extractor
        self.filters = torch.tensor(extractor.mel_filters, dtype=torch.float32).T
        self.window = torch.hann_window(extractor.n_fft)
        self.noise = Noise(extractor.n_samples, snr_db)

    def __call__(self, waves: Tensor, lengths: Tensor, *, distort: bool) -> Tensor:
        """Compute features.

        Args:
            waves: Clips in [-1, 1], padded to the window, of shape (batch, samples).
            lengths: Samples of each clip.
            distort: Whether to augment.

        Returns:
            Features of shape (batch, mels, frames).
        """
        if distort:
            waves = self.noise(waves, lengths)
        size, hop = self.extractor.n_fft, self.extractor.hop_length
        spectrum = torch.stft(waves, size, hop, window=self.window, return_complex=True)
        power = self.filters @ spectrum[..., :-1].abs().square()
        if distort:
            power = warp(power)
        decades = power.clamp(min=1e-10).log10()
        decades = torch.maximum(decades, decades.amax(dim=(1, 2), keepdim=True) - 8.0)
        features = (decades + 4.0) / 4.0
        return mask(features) if distort else features
