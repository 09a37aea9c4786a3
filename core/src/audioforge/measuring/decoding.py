"""How a model is decoded when it is measured."""

from __future__ import annotations

from attrs import frozen

from audioforge.config import ModelSettings
from audioforge.inference.clip_cache import NOTHING_KEPT, ClipCache
from audioforge.inference.fallback import WITH_FALLBACK, WITHOUT_FALLBACK
from audioforge.model import SamplingParams


@frozen(kw_only=True, eq=False)
class Decoding:
    """How every model of a run is decoded when it is evaluated.

    Attributes:
        batch_size: Clips per batch; fixed, since padding can change a model's output by rounding.
        max_new_tokens: Longest output; None for the model's own limit.
        max_tokens_per_second: Longest output for each second of a clip; None for no such limit.
        fallback: Whether doubtful transcripts are drawn again; see `inference.fallback`.
        cache: Keeps what need be computed of a clip only once, for all of these models.
    """

    batch_size: int
    max_new_tokens: int | None
    max_tokens_per_second: float | None = None
    fallback: bool = False
    cache: ClipCache = NOTHING_KEPT

    @classmethod
    def of(cls, settings: ModelSettings, cache: ClipCache = NOTHING_KEPT) -> Decoding:
        """Return what settings say, in which 0 tokens per second are no limit."""
        return cls(
            batch_size=settings.batch_size,
            max_new_tokens=settings.max_new_tokens,
            max_tokens_per_second=settings.max_tokens_per_second or None,
            fallback=settings.temperature_fallback,
            cache=cache,
        )

    @property
    def name(self) -> str:
        """What it is called in every result."""
        return WITH_FALLBACK if self.fallback else WITHOUT_FALLBACK

    @property
    def params(self) -> SamplingParams:
        """What the adapter is told."""
        return SamplingParams(
            temperature=0.0,
            max_new_tokens=self.max_new_tokens,
            max_tokens_per_second=self.max_tokens_per_second,
        )
