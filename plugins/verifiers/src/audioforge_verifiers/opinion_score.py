"""Mean opinion scores of speech, from 1 (bad) to 5 (excellent), as rewards."""

from __future__ import annotations

from typing import Any

import attrs

LOWEST_MOS, HIGHEST_MOS = 1.0, 5.0


def opinion_threshold(default: float) -> Any:
    """Return the field of an options class that says from which opinion score audio passes."""
    return attrs.field(
        default=default,
        validator=[attrs.validators.ge(LOWEST_MOS), attrs.validators.le(HIGHEST_MOS)],
    )


def opinion_reward(mos: float) -> float:
    """Return (MOS − 1) / 4; a network may predict more than 5 or less than 1.

    >>> opinion_reward(3.0), opinion_reward(5.2)
    (0.5, 1.0)
    """
    return min(1.0, max(0.0, (mos - LOWEST_MOS) / (HIGHEST_MOS - LOWEST_MOS)))
