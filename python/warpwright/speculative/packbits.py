"""Truth values as bits, eight in a byte."""

from __future__ import annotations

from collections.abc import Callable

import torch

from warpwright.contract import EXACT, Arguments, Contract, Output, Trait, TraitKind, each, refuse, sample
from warpwright.draw import Draw
from warpwright.speculative._arrays import check_array
from warpwright.speculative._pack_bits import as_truth, bytes_of, is_big, packed, packed_by_torch

_packbits = torch.ops.warpwright.packbits.default


def packbits(x: torch.Tensor, bitorder: str = "big") -> torch.Tensor:
    """Return truth values as bits, eight in a byte and zero behind the last, as ``numpy.packbits`` does.

    Parameters
    ----------
    x
        ``(size,)``, contiguous; what is not zero is true. Bool and uint8 are read as they are, others are converted.
    bitorder
        ``"big"``: the first of eight is the highest bit. ``"little"``: it is the lowest.

    Returns
    -------
    ``(ceil(size / 8),)`` uint8.

    Raises
    ------
    ValueError
        ``bitorder`` is neither.
    RuntimeError
        A dtype, shape or stride is wrong (the argument is named with both values), or the wheel has no code for the
        GPU.
    """
    packed_bytes: torch.Tensor = _packbits(as_truth(x), is_big(bitorder))
    return packed_bytes


def check(x: torch.Tensor) -> None:
    """Refuse what the operator cannot take."""
    check_array("x", x, "x", x, (torch.bool, torch.uint8), None)


def reference(x: torch.Tensor, first_is_high: bool, wide: torch.dtype) -> torch.Tensor:  # noqa: ARG001
    """Return the bytes."""
    return packed(x, first_is_high=first_is_high)


def make(draw: Draw, full: int = 125, rest: int = 0, first_is_high: bool = True) -> Arguments:
    """Make a call of so many full bytes and a rest."""
    return {"x": draw.integers(0, 2, 8 * full + rest, dtype=torch.bool), "first_is_high": first_is_high}


def call(x: torch.Tensor, first_is_high: bool) -> torch.Tensor:
    """Call it as a model does."""
    return packbits(x, "big" if first_is_high else "little")


def peers(x: torch.Tensor, first_is_high: bool) -> dict[str, Callable[[], object]]:
    """Return who else does it, where there are whole bytes."""
    return {"torch": lambda: packed_by_torch(x, first_is_high=first_is_high)} if x.shape[0] % 8 == 0 else {}


CONTRACT = Contract(
    function=packbits,
    check=check,
    reference=reference,
    make=make,
    call=call,
    output=lambda x: Output((bytes_of(x.shape[0]),), torch.uint8),
    samples=(
        sample("typical"),
        sample("smallest", full=0, rest=1),
        sample("odd", full=125, rest=3),
        sample("little", rest=3, first_is_high=False),
        sample("bytes for truth", each(x=lambda x: x.to(torch.uint8) * 6)),
        sample("a start off every vector", each(x=lambda x: x[3:])),
        sample("all true", each(x=torch.ones_like), full=3, rest=7),
        sample("empty", full=0),
        sample("largest", full=2**28, rest=9),
    ),
    refusals=(
        refuse("dtype", "x has dtype int32, expected bool or uint8", x=torch.Tensor.int),
        refuse("dim", "x has 2 dimensions, shape (1000, 1); expected 1", x=lambda x: x[:, None]),
        refuse("strides", "x has shape (500,) and strides (2,), expected a contiguous tensor", x=lambda x: x[::2]),
    ),
    tolerance=EXACT,
    workloads=tuple({"full": full} for full in (64, 8192, 1 << 17, 1 << 21, 1 << 25)),
    peers=peers,
    traits=(Trait(TraitKind.NEVER_SLICED, "truth values are adjacent, as a byte's bits are"),),
    also_in=("quantization",),
)
