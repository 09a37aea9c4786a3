"""The training loss, utterance by utterance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.utils.rnn import pad_sequence
from transformers.models.speecht5.modeling_speecht5 import (
    SpeechT5SpectrogramLoss,
    shift_spectrograms_right,
)

from audioforge_speecht5.postnet import postnet_output
from audioforge_speecht5.prenet import Drop, prenet_output

PADDING = -100.0
"""How Transformers marks frames that are no target."""

CERTAIN = 100.0
"""Logit of an end that costs nothing and has no gradient."""


def utterance_losses(
    model: Any,
    encoded: torch.Tensor,
    mask: torch.Tensor,
    voices: torch.Tensor,
    targets: Sequence[tuple[torch.Tensor, bool]],
    drop: Drop,
) -> torch.Tensor:
    """Return the loss of each utterance, as Transformers has it for a batch of that one.

    That is `SpeechT5SpectrogramLoss`: the mean distance of spectrograms before and after the
    postnet, the cross entropy of the end, and guided attention (Tachibana et al. 2018).

    Args:
        model: A `SpeechT5ForTextToSpeech`.
        encoded: The encoder's output, shape (utterances, tokens, width).
        mask: 1 for tokens and 0 for padding, shape (utterances, tokens).
        voices: x-vectors, shape (utterances, dimensions).
        targets: The log-mel spectrogram of each, shape (frames, bands), a multiple of
            `reduction_factor` long, and whether it is cut: of such a one no end is learnt.
        drop: The dropout of the decoder's prenet.

    Returns:
        float32, shape (utterances,).
    """
    config, postnet = model.config, model.speech_decoder_postnet
    factor = config.reduction_factor
    labels = pad_sequence([mel for mel, _ in targets], batch_first=True, padding_value=PADDING)
    inputs, _ = shift_spectrograms_right(labels, factor)
    output = model.speecht5.decoder.wrapped_decoder(
        hidden_states=prenet_output(model.speecht5.decoder.prenet, inputs, voices, drop),
        encoder_hidden_states=encoded,
        encoder_attention_mask=mask,
        use_cache=False,
        output_attentions=config.use_guided_attention_loss,
    )
    hidden = output.last_hidden_state
    before = postnet.feat_out(hidden).view(len(targets), -1, config.num_mel_bins)
    counts = [len(mel) for mel, _ in targets]
    after = postnet_output(postnet, before, counts)
    ends = postnet.prob_out(hidden).view(len(targets), -1)
    attentions = output.cross_attentions or ()
    criterion = SpeechT5SpectrogramLoss(config)
    tokens = mask.sum(dim=1).tolist()
    losses = []
    for row, (mel, cut) in enumerate(targets):
        frames, steps, of_row = len(mel), len(mel) // factor, slice(row, row + 1)
        losses.append(
            criterion(
                mask[of_row, : tokens[row]],
                before[of_row, :frames].float(),
                after[of_row, :frames].float(),
                _end_logits(ends[of_row, :frames].float(), cut),
                mel[None],
                [a[of_row, :, :steps, : tokens[row]].float() for a in attentions],
            )
        )
    return torch.stack(losses)


def _end_logits(logits: torch.Tensor, cut: bool) -> torch.Tensor:
    """Return the logits of an end; of a cut target nobody knows whether its last frame is one."""
    if not cut:
        return logits
    return torch.cat([logits[:, :-1], torch.full_like(logits[:, -1:], CERTAIN)], dim=1)
