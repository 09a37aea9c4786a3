"""Augmentations at work: what a cycle makes of a training clip, the same whenever it is read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from attrs import evolve, frozen

from audioforge import keyed_random
from audioforge.augmentation import Augmentation
from audioforge.errors import AudioForgeError, PluginError, TrainingError, describe
from audioforge.isolation.global_state.restored import global_state_restored
from audioforge.sample import Clip

NamedAugmentation = tuple[str, Augmentation]
"""An augmentation with the name that it was asked for by."""


@frozen(eq=False)
class Augmenter:
    """Changes the clips of one cycle.

    Attributes:
        augmentations: What changes them, one after the other.
        seed: Seed of the run.
        cycle: The cycle, from 1.
    """

    augmentations: Sequence[NamedAugmentation]
    seed: int
    cycle: int

    def augmented(self, clip: Clip) -> Clip:
        """Return a clip as the cycle hears it; verifiers are still given the recording itself.

        Raises:
            TrainingError: If an augmentation fails, or returns what is no sound: without it the
                clip would be another one.
        """
        if not len(clip.waveform):  # a text to speak
            return clip
        waveform = clip.waveform
        for position, (name, augmentation) in enumerate(self.augmentations):
            key = ("augment", self.seed, self.cycle, position, clip.sample.id)
            given = waveform.view()
            given.flags.writeable = False
            try:
                with global_state_restored(f"the augmentation '{name}'", *map(str, key)):
                    result = augmentation.augment(
                        given, clip.sampling_rate, keyed_random.generator(*key)
                    )
            except (KeyboardInterrupt, PluginError):
                raise
            except BaseException as error:  # foreign code, which may even call sys.exit
                reason = str(error) if isinstance(error, AudioForgeError) else describe(error)
                raise TrainingError(
                    f"the augmentation '{name}' failed on {clip.sample.place}: {reason}. Mend "
                    f"that, and go on."
                ) from error
            length = len(waveform) if augmentation.keeps_length else None
            if problem := sound_problem(result, length):
                raise TrainingError(
                    f"the augmentation '{name}' returned {problem} for {clip.sample.place}. Mend "
                    f"the plugin, and go on."
                )
            waveform = result
        return evolve(clip, waveform=waveform, recording=clip.waveform)


def sound_problem(sound: object, frames: int | None) -> str | None:
    """Return what is wrong with what an augmentation returned, or None.

    Args:
        sound: What it returned.
        frames: How long it must be; None for any length.
    """
    if not isinstance(sound, np.ndarray):
        return f"{type(sound).__name__} instead of an array"
    if sound.dtype != np.float32 or sound.ndim != 1:
        return f"{sound.dtype} of shape {sound.shape} instead of float32, shape (frames,)"
    if frames is not None and len(sound) != frames:
        return f"{len(sound)} frames instead of {frames}"
    return None if np.isfinite(sound).all() else "NaN or infinite values"
