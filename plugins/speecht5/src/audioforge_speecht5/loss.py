"""The training loss, utterance by utterance, and how likely a policy gradient takes one to be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import torch
from attrs import frozen
from torch.nn.utils.rnn import pad_sequence
from transformers.models.speecht5.modeling_speecht5 import (
    SpeechT5SpectrogramLoss,
    shift_spectrograms_right,
)

from audioforge_speecht5.drawing import Texts
from audioforge_speecht5.postnet import postnet_output
from audioforge_speecht5.prenet import Drop, prenet_output

PADDING = -100.0
"""How Transformers marks frames that are no target."""

CERTAIN = 100.0
"""Logit of an end that costs nothing and has no gradient."""


Target: TypeAlias = tuple[torch.Tensor, bool]
"""A log-mel spectrogram, shape (frames, bands), of whole steps, and whether it is cut: then no end
is learnt of it."""


@frozen(eq=False)
class Followed:
    """What a model writes for each step of targets, given their steps before it.

    Attributes:
        before: Log-mel spectrograms without the postnet, shape (rows, frames, bands).
        after: The same with it.
        ends: Logits of an end, shape (rows, frames).
        attentions: Of each layer of the decoder to the text, where the loss guides them.
    """

    before: torch.Tensor
    after: torch.Tensor
    ends: torch.Tensor
    attentions: tuple[torch.Tensor, ...]


def follow(model: Any, texts: Texts, targets: Sequence[Target], drop: Drop) -> Followed:
    """Let a model write along with targets; what it writes beyond a target's end means nothing.

    Args:
        model: A `SpeechT5ForTextToSpeech`.
        texts: What is spoken in each target.
        targets: The targets.
        drop: The dropout of the decoder's prenet.
    """
    config, postnet = model.config, model.speech_decoder_postnet
    labels = pad_sequence([mel for mel, _ in targets], batch_first=True, padding_value=PADDING)
    inputs, _ = shift_spectrograms_right(labels, config.reduction_factor)
    output = model.speecht5.decoder.wrapped_decoder(
        hidden_states=prenet_output(model.speecht5.decoder.prenet, inputs, texts.voices, drop),
        encoder_hidden_states=texts.encoded,
        encoder_attention_mask=texts.mask,
        use_cache=False,
        output_attentions=config.use_guided_attention_loss,
    )
    hidden = output.last_hidden_state
    before = postnet.feat_out(hidden).view(len(targets), -1, config.num_mel_bins)
    after = postnet_output(postnet, before, [len(mel) for mel, _ in targets])
    ends = postnet.prob_out(hidden).view(len(targets), -1)
    return Followed(before.float(), after.float(), ends.float(), output.cross_attentions or ())


def utterance_losses(
    model: Any, texts: Texts, targets: Sequence[Target], drop: Drop
) -> torch.Tensor:
    """Return the loss of each utterance, as Transformers has it for a batch of that one.

    That is `SpeechT5SpectrogramLoss`: the mean distance of spectrograms before and after the
    postnet, the cross entropy of the end, and guided attention (Tachibana et al. 2018).

    Args:
        model: A `SpeechT5ForTextToSpeech`.
        texts: What is spoken in each target.
        targets: What is learnt.
        drop: The dropout of the decoder's prenet.

    Returns:
        float32, shape (utterances,).
    """
    written = follow(model, texts, targets, drop)
    criterion = SpeechT5SpectrogramLoss(model.config)
    tokens = texts.mask.sum(dim=1).tolist()
    losses = []
    for row, (mel, cut) in enumerate(targets):
        frames, of_row = len(mel), slice(row, row + 1)
        steps = frames // model.config.reduction_factor
        losses.append(
            criterion(
                texts.mask[of_row, : tokens[row]],
                written.before[of_row, :frames],
                written.after[of_row, :frames],
                _end_logits(written.ends[of_row, :frames], cut),
                mel[None],
                [a[of_row, :, :steps, : tokens[row]].float() for a in written.attentions],
            )
        )
    return torch.stack(losses)


def log_densities(model: Any, texts: Texts, targets: Sequence[Target], drop: Drop) -> torch.Tensor:
    """Return how likely each spectrogram is, step by step given what is before: a Gaussian's.

    Its mean is what the decoder writes, and its standard deviation 1, that is a power of ten, in
    each frame and band. What does not depend on the weights is left out, and so is the end. It is
    the mean of what is so before and after the postnet.

    SpeechT5 has no density of its own. Half the squared distance is one whose gradient draws the
    mean to what earns more and pushes it from what earns less by the same law: where all earn the
    same nothing moves, while the L1 distance of the training loss makes a voice that learns from
    its own draws ever smoother.

    Args:
        model: A `SpeechT5ForTextToSpeech`.
        texts: What is spoken in each target.
        targets: The spectrograms.
        drop: The dropout of the decoder's prenet.

    Returns:
        Summed over frames and bands; float32, shape (utterances,).
    """
    written = follow(model, texts, targets, drop)
    densities = []
    for row, (mel, _) in enumerate(targets):
        guesses = torch.stack([written.before[row, : len(mel)], written.after[row, : len(mel)]])
        densities.append(-(guesses - mel).square().sum() / (2 * len(guesses)))
    return torch.stack(densities)


def _end_logits(logits: torch.Tensor, cut: bool) -> torch.Tensor:
    """Return the logits of an end; of a cut target nobody knows whether its last frame is one."""
    if not cut:
        return logits
    return torch.cat([logits[:, :-1], torch.full_like(logits[:, -1:], CERTAIN)], dim=1)
