"""Rows by their numbers: tokens in the order of their experts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad
from torch.compiler import is_compiling

from warpwright.checks import (
    Size,
    check_contiguous,
    check_dim,
    check_dtype,
    check_inner_stride,
    check_same_device,
)
from warpwright.contract import EXACT, Arguments, Contract, Output, each, refuse, sample
from warpwright.draw import Draw, repeated, widened
from warpwright.gradient import call as call_recorded
from warpwright.gradient import is_recorded
from warpwright.moe._expert_order import ID_TYPES, part_of_more
from warpwright.moe.apply_shuffle_mul_sum import beyond_rows

_shuffle_rows = torch.ops.warpwright.shuffle_rows.default

COPIED_TYPES = (
    torch.float16, torch.bfloat16, torch.float32, torch.float8_e4m3fn, torch.float8_e5m2, torch.int8, torch.uint8,
    torch.int32, torch.int64,
)  # fmt: skip


def shuffle_rows(
    input_tensor: torch.Tensor, dst2src_map: torch.Tensor, output_tensor_shape: Sequence[Size]
) -> torch.Tensor:
    """Return rows of a matrix by their numbers, copied bit by bit.

    ``out[i] = input_tensor[dst2src_map[i]]``; a number that names no row, such as the -1 of `prepare_moe_input`, gives
    a row of zeros. Interface of sgl_kernel.

    Parameters
    ----------
    input_tensor
        ``(rows, columns)``, float16, bfloat16, float32, float8_e4m3fn, float8_e5m2, int8, uint8, int32 or int64. Rows
        may lie apart; sizes, starts and distances of whole 16 bytes run fastest.
    dst2src_map
        ``(out_rows,)`` int32 or int64, contiguous.
    output_tensor_shape
        ``(out_rows, columns)``: what the result is like.

    Returns
    -------
    A new contiguous tensor. No numbers give an empty one.

    Raises
    ------
    RuntimeError
        A dtype, shape, stride or device is wrong (the argument is named with both values), or the wheel has no code for
        the GPU.
    """
    if not is_compiling():  # there sizes may be symbols that only a run knows
        _check_shape(input_tensor, dst2src_map, output_tensor_shape)
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(input_tensor):
        return call_recorded(_shuffle_rows, input_tensor, dst2src_map)
    return _shuffle_rows(input_tensor, dst2src_map)


def _check_shape(input_tensor: torch.Tensor, dst2src_map: torch.Tensor, output_tensor_shape: Sequence[Size]) -> None:
    """Refuse another shape than the result's; tensors that give none are left to the operator, which refuses them."""
    if input_tensor.dim() != 2 or dst2src_map.dim() != 1:
        return
    found, expected = tuple(output_tensor_shape), (dst2src_map.shape[0], input_tensor.shape[1])
    if found != expected:
        raise RuntimeError(
            f"output_tensor_shape is {found}, expected {expected}: a row for each number in dst2src_map, with the "
            "columns of input_tensor"
        )


def check(input_tensor: torch.Tensor, dst2src_map: torch.Tensor) -> None:
    """Refuse what the operator cannot take."""
    check_same_device("dst2src_map", dst2src_map, "input_tensor", input_tensor)
    check_dim("input_tensor", input_tensor, 2)
    check_dim("dst2src_map", dst2src_map, 1)
    check_dtype("input_tensor", input_tensor.dtype, *COPIED_TYPES)
    check_dtype("dst2src_map", dst2src_map.dtype, *ID_TYPES)
    check_inner_stride("input_tensor", input_tensor)
    check_contiguous("dst2src_map", dst2src_map)


def reference(input_tensor: torch.Tensor, dst2src_map: torch.Tensor) -> torch.Tensor:
    """Return the rows, copied as bytes: torch selects no float8."""
    rows, columns = input_tensor.shape
    data = (
        input_tensor.contiguous().view(torch.uint8) if columns else input_tensor.new_empty((rows, 0), dtype=torch.uint8)
    )
    padded = torch.cat((data, data.new_zeros(1, data.shape[1])))
    is_row = (dst2src_map >= 0) & (dst2src_map < rows)
    found = padded[torch.where(is_row, dst2src_map, rows).long()]
    return found.view(input_tensor.dtype) if columns else input_tensor.new_empty((len(dst2src_map), 0))


def output(input_tensor: torch.Tensor, dst2src_map: torch.Tensor) -> Output:
    """Return what the result looks like."""
    return Output((dst2src_map.shape[0], input_tensor.shape[1]), input_tensor.dtype)


def make(
    draw: Draw, tokens: int = 16, topk: int = 4, columns: int = 512, dtype: torch.dtype = torch.bfloat16
) -> Arguments:
    """Make a call: tokens in the order of their experts."""
    if dtype.is_floating_point:
        rows = draw.normal(tokens, columns, dtype=torch.float32).to(dtype)
    else:
        rows = draw.integers(0, 100, tokens, columns).to(dtype)
    return {"input_tensor": rows, "dst2src_map": draw.permutation(tokens * topk) // max(topk, 1)}


def call(input_tensor: torch.Tensor, dst2src_map: torch.Tensor) -> torch.Tensor:
    """Call it as an engine does."""
    return shuffle_rows(input_tensor, dst2src_map, (dst2src_map.shape[0], input_tensor.shape[1]))


def moves(input_tensor: torch.Tensor, dst2src_map: torch.Tensor) -> int:
    """Count the bytes of each row read once, of the numbers and of the result."""
    row = input_tensor.shape[1] * input_tensor.element_size()
    return int(input_tensor.nbytes + dst2src_map.nbytes + dst2src_map.shape[0] * row)


def peers(input_tensor: torch.Tensor, dst2src_map: torch.Tensor) -> dict[str, Callable[[], object]]:
    """Return who else does it."""
    out = input_tensor.new_empty((dst2src_map.shape[0], input_tensor.shape[1]))
    return {
        "torch": lambda: input_tensor[dst2src_map],
        "sglang-kernel": lambda: torch.ops.sgl_kernel.shuffle_rows.default(input_tensor, dst2src_map, out),
    }


CONTRACT = Contract(
    function=shuffle_rows,
    check=check,
    reference=reference,
    make=make,
    output=output,
    call=call,
    moves=moves,
    samples=(
        sample("typical"),
        sample("smallest", tokens=1, topk=1, columns=1, dtype=torch.uint8),
        sample("odd", tokens=7, topk=3, columns=33, dtype=torch.int8),
        sample("float16", tokens=5, columns=31, dtype=torch.float16),
        sample("float32", tokens=5, columns=56, dtype=torch.float32),
        sample("float8", tokens=9, columns=7168, dtype=torch.float8_e4m3fn),
        sample("other float8", tokens=9, columns=48, dtype=torch.float8_e5m2),
        sample("int32", tokens=5, columns=3, dtype=torch.int32),
        sample("int64", each(dst2src_map=torch.Tensor.long), tokens=5, columns=3, dtype=torch.int64),
        sample("vectors of 4 bytes alone", tokens=9, columns=30),
        sample("numbers of no row", beyond_rows("dst2src_map", "input_tensor"), tokens=33),
        sample("numbers of no row, int64", each(dst2src_map=lambda x: x.long() * 2**31 - 1), tokens=9),
        sample("no rows", each(input_tensor=lambda x: x[:0]), tokens=3),
        sample("several vectors a thread", tokens=530, topk=8, dtype=torch.bfloat16),
        sample("more than a cache keeps", beyond_rows("dst2src_map", "input_tensor"), tokens=600, topk=2, columns=7176),
        sample("one row for all", each(input_tensor=repeated), tokens=9),
        sample("slices", each(input_tensor=widened, dst2src_map=part_of_more), tokens=5),
        sample("slices off every vector", each(input_tensor=lambda x: widened(x, 3)), tokens=5),
        sample("empty", topk=0),
        sample("nothing in a row", columns=0),
        sample("largest", tokens=70_000, topk=2, columns=16),
    ),
    refusals=(
        refuse("dtype", "input_tensor has dtype int16, expected float16 or bfloat16", input_tensor=torch.Tensor.short),
        refuse("number dtype", "dst2src_map has dtype int16, expected int32 or int64", dst2src_map=torch.Tensor.short),
        refuse("dim", "input_tensor has 3 dimensions, shape (1, 16, 512); expected 2", input_tensor=lambda x: x[None]),
        refuse("number dim", "dst2src_map has 2 dimensions, shape (1, 64); expected 1", dst2src_map=lambda x: x[None]),
        refuse(
            "crossed", "input_tensor has strides (1, 16), expected 1", input_tensor=lambda x: x.t().contiguous().t()
        ),
        refuse("numbers apart", "expected a contiguous tensor", dst2src_map=lambda x: x.repeat(2)[::2]),
    ),
    tolerance=EXACT,
    workloads=(
        *({"tokens": tokens, "topk": 8, "columns": 7168} for tokens in (1, 16, 128, 1024, 4096)),
        *({"tokens": tokens, "topk": 8, "columns": 7168, "dtype": torch.float8_e4m3fn} for tokens in (1, 128, 16_384)),
        *({"tokens": tokens, "topk": 8, "columns": 56, "dtype": torch.float32} for tokens in (16, 4096)),
    ),
    peers=peers,
    also_in=("gemm",),
)
