"""The released size, with random weights: what it takes to speak and to learn, on one core.

`pytest -m soak -s tests/pocket_tts/test_true_size.py` prints the figures.
"""

import resource
import time

import pytest
import torch

from audioforge.model import SamplingParams
from audioforge_kit.examples import speech_like
from audioforge_pocket_tts.untrained import model_config, write_untrained

FRAME_SECONDS = 0.08


def timed(what, seconds, compute):
    """Run something; print its time for each second of speech, and the most memory until now."""
    began = time.process_time()
    result = compute()
    spent = time.process_time() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{what}: {spent / seconds:.2f} s of CPU a second of speech, {memory:.1f} GiB at most")
    return result


@pytest.mark.slow
@pytest.mark.soak
def test_the_released_size_speaks_and_learns(tmp_path, load, clips):
    write_untrained(tmp_path / "true", model_config(), {})
    adapter = load(tmp_path / "true")
    adapter.module.eos_head.bias.data.fill_(-50.0)
    batch, frames = adapter.prepare(clips("turn the second valve to the left", "one two")), 40
    params = SamplingParams(max_new_tokens=frames)
    seconds = frames * FRAME_SECONDS
    part = adapter.part(batch, [0])
    ((alone,),) = timed("speaking, alone", seconds, lambda: adapter.sample(part, 1, params))
    drawn = timed("speaking, 4 at once", 4 * seconds, lambda: adapter.sample(batch, 2, params))
    assert {len(h.audio) for own in drawn for h in own} == {frames * 1920}
    assert abs(drawn[0][0].audio - alone.audio).max() < 1e-3
    optimiser = torch.optim.AdamW(adapter.module.train().parameters(), lr=1e-5)

    def step():
        targets = [own[0] for own in drawn]
        loss = adapter.loss(batch, targets, [0.5, 0.5])
        loss.backward()
        optimiser.step()
        return loss.item()

    torch.manual_seed(1)
    assert timed("learning, 2 in a step", 2 * seconds, step) > 0
    sound = speech_like(10.0, "voice", 24_000)
    latents = timed(
        "hearing a voice", 10.0, lambda: adapter.codec.latents(sound, end_on_pause=True)
    )
    assert len(latents) == 126
