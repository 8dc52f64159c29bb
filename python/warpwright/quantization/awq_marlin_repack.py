"""AWQ weights in Marlin's order."""

from __future__ import annotations

import torch

from warpwright.checks import Size
from warpwright.contract import EXACT, Arguments, Contract, Output, Trait, TraitKind, refuse, sample
from warpwright.draw import Draw
from warpwright.quantization._marlin_checks import check_repack
from warpwright.quantization._marlin_order import from_awq, to_marlin

_awq_marlin_repack = torch.ops.warpwright.awq_marlin_repack.default


def awq_marlin_repack(b_q_weight: torch.Tensor, size_k: int, size_n: int, num_bits: int) -> torch.Tensor:
    """Bring AWQ weights into Marlin's order (Frantar et al., arXiv:2408.11743).

    Parameters
    ----------
    b_q_weight
        ``(size_k, size_n / 8)`` int32, contiguous; a word holds eight columns, in its nibbles the columns 0 2 4 6 1 3 5
        7.
    size_k, size_n
        Multiples of 16 and of 64.
    num_bits
        4.

    Returns
    -------
    A new ``(size_k / 16, 2 * size_n)`` int32 tensor.

    Raises
    ------
    RuntimeError
        A size, dtype, shape or device is wrong; the argument is named with both values.
    """
    return _awq_marlin_repack(b_q_weight, size_k, size_n, num_bits)


def check(b_q_weight: torch.Tensor, size_k: Size, size_n: Size, num_bits: int) -> None:
    """Refuse what the operator cannot take."""
    check_repack(b_q_weight, size_k, size_n // 8, size_k, size_n, num_bits)


def reference(b_q_weight: torch.Tensor) -> torch.Tensor:
    """Return AWQ's words in Marlin's order."""
    return to_marlin(from_awq(b_q_weight))


def output(size_k: Size, size_n: Size) -> Output:
    """Return what it gives."""
    return Output((size_k // 16, size_n * 2), torch.int32)


def make(draw: Draw, tiles: int = 16, n: int = 128) -> Arguments:
    """Make a call with 16 rows of weights for each of ``tiles``."""
    return {"b_q_weight": draw.words(16 * tiles, n // 8), "size_k": 16 * tiles, "size_n": n, "num_bits": 4}


def model(b_q_weight: torch.Tensor, size_n: int, num_bits: int) -> torch.Tensor:
    """Call it for all rows that there are."""
    return awq_marlin_repack(b_q_weight, b_q_weight.shape[0], size_n, num_bits)


CONTRACT = Contract(
    function=awq_marlin_repack,
    check=check,
    reference=reference,
    output=output,
    make=make,
    call=model,
    samples=(
        sample("typical"),
        sample("smallest", tiles=1, n=64),
        sample("odd", tiles=13, n=192),
        sample("empty", tiles=0),
        sample("no columns", n=0),
        sample("largest", tiles=256, n=4096),
    ),
    refusals=(
        refuse("dtype", "b_q_weight has dtype float32, expected int32", b_q_weight=torch.Tensor.float),
        refuse("K", "size_k is 250, expected a multiple of 16", size_k=lambda _: 250),
        refuse("columns", "size 8 in dimension 1, expected 16 (by size_n)", b_q_weight=lambda x: x[:, :8].contiguous()),
        refuse("bits", "num_bits is 8, expected 4: weights of 8 bits are not supported", num_bits=lambda _: 8),
        refuse(
            "stride",
            "expected a contiguous tensor: call .contiguous() on it",
            b_q_weight=lambda x: x.repeat(1, 2)[:, ::2],
        ),
    ),
    tolerance=EXACT,
    workloads=tuple({"tiles": k // 16, "n": n} for k, n in ((4096, 4096), (4096, 28672), (14336, 4096))),
    traits=(Trait(TraitKind.NEVER_SLICED, "packed weights are contiguous, as checkpoints have them"),),
    also_in=("gemm",),
)
