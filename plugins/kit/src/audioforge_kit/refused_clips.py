"""Checking that a model adapter says beforehand which clips it cannot be given."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from audioforge.errors import AudioError
from audioforge.isolation.copies import copies_for_adapter, copy_for_adapter
from audioforge.model import ModelAdapter
from audioforge.sample import Clip
from audioforge_kit.contract import expect

LONG_TEXT = "a word and then another one " * 2_000
"""More than a model speaks, unless it has no limit at all."""


def check_refusals(adapter: ModelAdapter, clips: Sequence[Clip]) -> None:
    """Check that `clip_problem` names what `prepare` refuses, and none of the example's clips.

    Args:
        adapter: The adapter.
        clips: The clips of its example.

    Raises:
        ContractError: If it does not.
    """
    for clip in clips:
        reason = _reason(adapter, clip)
        expect(reason is None, f"{clip.sample.id} of the example cannot be given: {reason}")
    for text in (None, "", LONG_TEXT):
        clip = attrs.evolve(clips[0], sample=attrs.evolve(clips[0].sample, reference=text))
        if _reason(adapter, clip) is not None:
            continue
        try:
            adapter.prepare(copies_for_adapter([clip]))
        except AudioError as error:
            said = "no text" if not text else f"a text of {len(text):,} characters"
            expect(False, f"with {said} prepare raises what clip_problem does not say: {error}")


def _reason(adapter: ModelAdapter, clip: Clip) -> str | None:
    reason = adapter.clip_problem(copy_for_adapter(clip))
    expect(reason is None or bool(reason), "a reason of no words")
    return reason
