"""Number formats of weights, by the names and ids that callers of sgl_kernel and vLLM use."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar


class NanRepr(IntEnum):
    """How a format of floating point writes what is no number."""

    NONE = 0
    IEEE_754 = 1
    EXTD_RANGE_MAX_MIN = 2


@dataclass(frozen=True)
class ScalarType:
    """A number of a few bits: ``stored = value + bias`` for whole numbers."""

    exponent: int
    mantissa: int
    signed: bool
    bias: int = 0
    finite_values_only: bool = False
    nan_repr: NanRepr = NanRepr.IEEE_754

    @property
    def size_bits(self) -> int:
        """The bits of a number."""
        return self.exponent + self.mantissa + self.signed

    @property
    def id(self) -> int:
        """All fields in one number: exponent and mantissa (8 bits each), the sign (1), the bias (32), and the rest."""
        whole, shift = 0, 0
        fields = (
            (self.exponent, 8),
            (self.mantissa, 8),
            (self.signed, 1),
            (self.bias, 32),
            (self.finite_values_only, 1),
        )
        for value, bits in (*fields, (self.nan_repr, 8)):
            whole |= (int(value) & ((1 << bits) - 1)) << shift
            shift += bits
        return whole

    def __str__(self) -> str:
        if self.exponent:
            kind = f"float{self.size_bits}_e{self.exponent}m{self.mantissa}"
            return kind + ("f" if self.finite_values_only else "") + ("n" if self.nan_repr != NanRepr.IEEE_754 else "")
        return f"{'int' if self.signed else 'uint'}{self.size_bits}" + (f"b{self.bias}" if self.bias else "")


class scalar_types:  # noqa: N801  the name that callers know
    """The formats that have names."""

    int4: ClassVar = ScalarType(0, 3, True)
    uint4: ClassVar = ScalarType(0, 4, False)
    int8: ClassVar = ScalarType(0, 7, True)
    uint8: ClassVar = ScalarType(0, 8, False)
    uint2b2: ClassVar = ScalarType(0, 2, False, 2)
    uint3b4: ClassVar = ScalarType(0, 3, False, 4)
    uint4b8: ClassVar = ScalarType(0, 4, False, 8)
    uint8b128: ClassVar = ScalarType(0, 8, False, 128)
    float8_e4m3fn: ClassVar = ScalarType(4, 3, True, 0, True, NanRepr.EXTD_RANGE_MAX_MIN)
    float8_e5m2: ClassVar = ScalarType(5, 2, True)
    float4_e2m1f: ClassVar = ScalarType(2, 1, True, 0, True, NanRepr.NONE)
