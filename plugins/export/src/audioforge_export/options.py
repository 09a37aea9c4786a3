"""Options of the exporters."""

from __future__ import annotations

from attrs import field, frozen, validators


@frozen
class HalfOrEight:
    """Options of an exporter whose engine computes with float16 and int8.

    Attributes:
        quantize: "float16" or "int8" for smaller weights; None keeps float32.
    """

    quantize: str | None = field(
        default=None, validator=validators.optional(validators.in_(("float16", "int8")))
    )


@frozen
class Eight:
    """Options of an exporter whose engine has smaller weights as int8 only.

    Attributes:
        quantize: "int8" for smaller weights; None for those that the engine has without.
    """

    quantize: str | None = field(
        default=None, validator=validators.optional(validators.in_(("int8",)))
    )
