"""GPTQ weights in Marlin's order."""

from __future__ import annotations

import torch

from warpwright.checks import Size, known
from warpwright.contract import EXACT, Arguments, Contract, Output, Trait, TraitKind, refuse, sample
from warpwright.draw import Draw
from warpwright.quantization._marlin_checks import check_index, check_repack
from warpwright.quantization._marlin_order import to_marlin, unpack

_gptq_marlin_repack = torch.ops.warpwright.gptq_marlin_repack.default


def gptq_marlin_repack(
    b_q_weight: torch.Tensor, perm: torch.Tensor, size_k: int, size_n: int, num_bits: int
) -> torch.Tensor:
    """Bring GPTQ weights into Marlin's order.

    Parameters
    ----------
    b_q_weight
        ``(size_k / 8, size_n)`` int32, contiguous; a word holds eight rows of k.
    perm
        ``size_k`` int32: the row that each row of the result takes (``argsort(g_idx)``); empty for none. Its numbers
        are checked, for which the host waits for the GPU; in a CUDA graph they are not, and a row that is not there is
        0.
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
        A size, dtype, shape or device is wrong, or ``perm`` names a row that is not there; the argument is named with
        both values.
    """
    return _gptq_marlin_repack(b_q_weight, perm, size_k, size_n, num_bits)


def check(b_q_weight: torch.Tensor, perm: torch.Tensor, size_k: Size, size_n: Size, num_bits: int) -> None:
    """Refuse what the operator cannot take."""
    check_repack(b_q_weight, size_k // 8, size_n, size_k, size_n, num_bits)
    if not known(perm.numel() == 0):
        check_index("perm", perm, b_q_weight, size_k, "one for each row of k, or none")


def reference(b_q_weight: torch.Tensor, perm: torch.Tensor, size_k: int) -> torch.Tensor:
    """Return GPTQ's words in Marlin's order, their rows permuted."""
    weights = unpack(b_q_weight.t()).t()
    if perm.numel() == 0:
        return to_marlin(weights)
    outside = ((perm < 0) | (perm >= size_k)).flatten().nonzero()
    if outside.numel() and weights.numel():
        at = int(outside[0])
        found = int(perm.flatten()[at])
        raise RuntimeError(f"perm has {found} at position {at}, expected a row of the weights: 0 to {size_k - 1}")
    return to_marlin(weights[perm.flatten().long()])


def output(size_k: Size, size_n: Size) -> Output:
    """Return what it gives."""
    return Output((size_k // 16, size_n * 2), torch.int32)


def make(draw: Draw, tiles: int = 16, n: int = 128) -> Arguments:
    """Make a call with 16 rows of weights for each of ``tiles``, and no order of them."""
    none = draw.words(0)
    return {"b_q_weight": draw.words(2 * tiles, n), "perm": none, "size_k": 16 * tiles, "size_n": n, "num_bits": 4}


def model(b_q_weight: torch.Tensor, perm: torch.Tensor, size_n: int, num_bits: int) -> torch.Tensor:
    """Call it for all rows that there are."""
    return gptq_marlin_repack(b_q_weight, perm, 8 * b_q_weight.shape[0], size_n, num_bits)


def _ordered(call: Arguments) -> Arguments:
    weights = call["b_q_weight"]
    return {"perm": Draw(weights.device, 1).permutation(call["size_k"])}


CONTRACT = Contract(
    function=gptq_marlin_repack,
    check=check,
    reference=reference,
    output=output,
    make=make,
    call=model,
    samples=(
        sample("typical"),
        sample("smallest", tiles=1, n=64),
        sample("odd", tiles=13, n=192),
        sample("an order", _ordered),
        sample("a large order", _ordered, tiles=65, n=448),
        sample("empty", tiles=0),
        sample("no columns", n=0),
        sample("largest", _ordered, tiles=256, n=4096),
    ),
    refusals=(
        refuse("dtype", "b_q_weight has dtype float32, expected int32", b_q_weight=torch.Tensor.float),
        refuse("K", "size_k is 250, expected a multiple of 16", size_k=lambda _: 250),
        refuse("N", "size_n is 100, expected a multiple of 64", size_n=lambda _: 100),
        refuse("negative", "size_k and size_n are -16 and 128, expected none below 0", size_k=lambda _: -16),
        refuse("bits", "num_bits is 8, expected 4: weights of 8 bits are not supported", num_bits=lambda _: 8),
        refuse(
            "rows",
            "b_q_weight has shape (31, 128): size 31 in dimension 0, expected 32 (by size_k)",
            b_q_weight=lambda x: x[:31],
        ),
        refuse(
            "perm dtype", "perm has dtype int64, expected int32", lambda call: {"perm": _ordered(call)["perm"].long()}
        ),
        refuse(
            "perm size",
            "perm has shape (7,) with 7 elements, expected 256",
            lambda call: {"perm": _ordered(call)["perm"][:7]},
        ),
        refuse(
            "perm device",
            "perm is on meta and b_q_weight on {device}",
            lambda call: {"perm": _ordered(call)["perm"].to("meta")},
        ),
    ),
    tolerance=EXACT,
    workloads=tuple({"tiles": k // 16, "n": n} for k, n in ((4096, 4096), (4096, 28672), (14336, 4096))),
    traits=(
        Trait(TraitKind.SYNCHRONISES, "an order is read back from the GPU, which refuses a row that is not there"),
        Trait(TraitKind.NEVER_SLICED, "packed weights are contiguous, as checkpoints have them"),
    ),
    also_in=("gemm",),
)
