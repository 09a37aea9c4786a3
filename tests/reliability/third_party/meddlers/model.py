"""Recognisers of tones that change the clips they are given, or stand elsewhere meanwhile."""

import os
import time

import torch
from tone_words.model import ToneWords


class Prepares(ToneWords):
    """Is given clips, and not what was made of them before."""

    def reuse(self):
        return None


class Sorter(Prepares):
    """Sorts the clips that it is given by their length, as one does to pad less."""

    def prepare(self, clips):
        clips.sort(key=lambda clip: clip.sample.id, reverse=True)
        return super().prepare(clips)


class Scaler(Prepares):
    """Scales waveforms in place, through a tensor that shares their memory."""

    def prepare(self, clips):
        batch = super().prepare(clips)
        for clip in clips:
            torch.from_numpy(clip.waveform).zero_()
        return batch


class Wanderer(ToneWords):
    """Stands in another folder while it samples, and goes back."""

    def sample(self, batch, k, params):
        here = os.getcwd()  # noqa: PTH109
        os.chdir("/")
        time.sleep(0.02)
        try:
            return super().sample(batch, k, params)
        finally:
            os.chdir(here)
