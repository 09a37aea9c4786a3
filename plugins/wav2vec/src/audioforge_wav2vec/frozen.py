"""What the frozen part of a CTC model says of a clip, which need be computed only once.

How much of the network that is follows from which weights are trained: the convolutions that read
the waveform ("default", "lora"), or everything below the output layer ("frozen-encoder").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.utils.rnn import pad_sequence

from audioforge.huggingface.evaluating import evaluating
from audioforge.huggingface.standing_in import said_before
from audioforge_wav2vec.padding import Lengths


def frozen_part(model: Any) -> torch.nn.Module | None:
    """Return the largest part above the waveform that is not trained; None where all of it is.

    Args:
        model: A CTC model of Transformers.
    """
    base = model.base_model
    for part in (base, base.feature_extractor):
        if not any(parameter.requires_grad for parameter in part.parameters()):
            return part  # type: ignore[no-any-return]  # Transformers has no types
    return None


def _all_but_the_output_layer(model: Any) -> bool:
    return frozen_part(model) is model.base_model


def frozen_output(model: Any, values: torch.Tensor, lengths: Lengths) -> torch.Tensor:
    """Return what the frozen part says of one clip, shape (frames, width).

    Args:
        model: A CTC model of Transformers, part of which is frozen.
        values: What the network reads of the clip, shape (1, samples).
        lengths: What tells the network how long clips are.
    """
    with evaluating(model):
        if _all_but_the_output_layer(model):
            hidden = model.base_model(values, attention_mask=None).last_hidden_state
        else:
            lengths.of_one(values.shape[1])
            hidden = model.base_model.feature_extractor(values).transpose(1, 2)
    return hidden[0]  # type: ignore[no-any-return]


def logits_above(model: Any, frozen: Sequence[torch.Tensor], samples: Sequence[int]) -> Any:
    """Return what the rest of the network makes of what its frozen part said.

    Args:
        model: A CTC model of Transformers, part of which is frozen.
        frozen: What `frozen_output` returned of each clip, on the model's device.
        samples: How long each clip is.

    Returns:
        Logits, shape (clips, frames, vocabulary); those of padding mean nothing.
    """
    hidden = pad_sequence(list(frozen), batch_first=True)
    if _all_but_the_output_layer(model):
        return model.lm_head(model.dropout(hidden))
    counts = torch.tensor(samples, device=hidden.device)
    mask = (torch.arange(max(samples), device=hidden.device) < counts[:, None]).long()
    convolutions = model.base_model.feature_extractor
    with said_before(model.base_model, convolutions, hidden.transpose(1, 2)):
        # The waveform is read by the convolutions alone; of it the rest needs the shape.
        return model(hidden.new_zeros(1).expand(mask.shape), attention_mask=mask).logits
