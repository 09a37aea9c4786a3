"""The published size, with random weights: what it takes to speak and to learn, on one core.

`pytest -m soak -s tests/speecht5/test_true_size.py` prints the figures.
"""

import resource
import time

import pytest
import torch
from attrs import evolve

from audioforge.model import SamplingParams
from audioforge_speecht5.untrained import model_config, write_untrained

STEP_SECONDS = 0.032


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
def test_the_published_size_speaks_and_learns(tmp_path, load, clips):
    write_untrained(tmp_path / "true", model_config(), {})
    adapter = load(tmp_path / "true")
    adapter.module.speech_decoder_postnet.prob_out.bias.data.fill_(-50.0)
    texts = clips("turn the second valve to the left", "one two three")
    batch, steps = adapter.prepare(texts), 60
    params = SamplingParams(max_new_tokens=steps)
    seconds = 2 * 2 * steps * STEP_SECONDS
    drawn = timed("speaking", seconds, lambda: adapter.sample(batch, 2, params))
    assert {len(h.audio) for own in drawn for h in own} == {steps * 2 * 256}

    def step():
        targets = [evolve(own[0], cut=False) for own in drawn]
        optimiser = torch.optim.AdamW(adapter.module.train().parameters(), lr=1e-5)
        loss = adapter.loss(batch, targets, [0.5, 0.5])
        loss.backward()
        optimiser.step()
        return loss.item()

    assert timed("learning", seconds / 2, step) > 0
