"""The training loss, utterance by utterance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from attrs import frozen
from torch.nn.utils.rnn import pad_sequence

from audioforge_pocket_tts.prompt import Prompt, voices_of


@frozen(eq=False)
class Target:
    """What is learnt of one utterance.

    Attributes:
        latents: The codec's latents, float32, shape (frames, dimensions).
        cut: Whether a limit ended it: of such a one no end is learnt.
        seed: Draws noise and times of the flow.
    """

    latents: torch.Tensor
    cut: bool
    seed: int


def utterance_losses(
    model: Any, prompts: Sequence[Prompt], targets: Sequence[Target]
) -> torch.Tensor:
    """Return the loss of each utterance, as Transformers has it for a batch of that one.

    That is its own function of the loss: Lagrangian self-distillation of the flow (Boffi et al.
    2025, arXiv 2505.18825) by four draws of noise for each frame, and the cross entropy of the end.
    The draws of an utterance are seeded by its own seed, and so is whether the term of distillation
    is computed, which Transformers draws once for a batch; its mean is the same. The statistics of
    latents stay what they are (`latent_stats_ema_steps` 0): those of a few drawn utterances would
    make each one's loss depend on the others.

    Args:
        model: A `PocketTTSForConditionalGeneration` whose flow is of type "lsd".
        prompts: What is said, by whom.
        targets: How it is said.

    Returns:
        float32, shape (utterances,).
    """
    config, device = model.config, model.device
    streams = []
    for prompt, target in zip(prompts, targets, strict=True):
        frames = torch.full((len(target.latents),), config.audio_latent_token_id)
        streams.append(torch.cat([prompt.positions, frames]))
    # A position reads nothing behind it, so that padding on the right needs no mask.
    tokens = pad_sequence(streams, batch_first=True, padding_value=config.pad_token_id)
    wanted = [
        (target.latents.to(device) - model.latent_mean) / model.latent_std for target in targets
    ]
    hidden = model.model(
        input_ids=tokens.to(device),
        audio_prompt_latents=voices_of(prompts, device),
        audio_latents=torch.cat(wanted)[None],
        use_cache=False,
    ).last_hidden_state
    losses = []
    with torch.autocast(device.type, enabled=False):
        for row, prompt, latents, target in zip(hidden, prompts, wanted, targets, strict=True):
            first = len(prompt.positions) - 1
            own = row[first : first + len(latents) + 1].float()
            losses.append(_loss(model, own, latents, target))
    return torch.stack(losses)


def _loss(model: Any, hidden: torch.Tensor, latents: torch.Tensor, target: Target) -> torch.Tensor:
    """Return the loss of one utterance.

    Args:
        model: The model.
        hidden: What each frame is drawn from, and last the end, shape (frames + 1, width).
        latents: The normalised frames, shape (frames, dimensions).
        target: Where they are from.
    """
    is_end = torch.zeros(len(hidden), dtype=torch.long, device=hidden.device)
    is_end[-1] = 1
    known = len(latents) if target.cut else len(hidden)
    devices = [hidden.device] if hidden.device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(target.seed)
        loss: torch.Tensor = model.loss_function(
            flow_head=model.flow_head,
            conditions=hidden[: len(latents)],
            targets=latents,
            eos_logits=model.eos_head(hidden[:known])[:, 0],
            eos_labels=is_end[:known],
            config=model.config,
            loss_weighting=model.loss_weighting,
            distill_generator=torch.Generator().manual_seed(target.seed + 1),
            training=model.training,
        )
    return loss
