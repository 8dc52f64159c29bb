"""Logits of tokens that a grammar does not allow, put out of the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.checks import (
    FLOAT16_TYPES,
    check_at_most,
    check_contiguous,
    check_dim,
    check_dtype,
    check_inner_stride,
    check_same_device,
    check_size,
    known,
)
from warpwright.contract import EXACT, Arguments, Contract, each, refuse, sample
from warpwright.draw import Draw, repeated, widened
from warpwright.gradient import is_recorded, write
from warpwright.rows import check_apart, out_row_stride, row_stride, rows_of, span_of

_apply_token_bitmask_inplace_cuda = torch.ops.warpwright.apply_token_bitmask_inplace_cuda.default


def apply_token_bitmask_inplace_cuda(
    logits: torch.Tensor, bitmask: torch.Tensor, indices: Sequence[int] | torch.Tensor | None = None
) -> None:
    """Make the logits of tokens whose bit is 0 -infinity, in place.

    Bit ``t % 32`` of word ``t // 32`` is that of token ``t``. Method: Dong et al., "XGrammar" (arXiv:2411.15100).

    Parameters
    ----------
    logits
        ``(rows, vocabulary)`` or ``(vocabulary,)``, float32, float16 or bfloat16. Rows may lie apart.
    bitmask
        ``(rows, ceil(vocabulary / 32))`` or one row, int32. Rows may lie apart. Of fewer words, tokens that have none
        are kept.
    indices
        The rows that are masked, each by the row of ``bitmask`` that has its number: int32 or int64, ``(count,)``, or
        a list. A list, or a tensor on the CPU, is copied to the device, for which the host may wait and which a graph
        cannot capture. By default all rows are masked, and ``bitmask`` has as many. What is no row of both is left out.

    Raises
    ------
    RuntimeError
        A dtype, shape, stride or device is wrong (the argument is named with both values), ``logits`` overlap another
        argument, or the wheel has no code for the GPU.
    """
    rows = logits[None] if logits.dim() == 1 else logits
    masks = bitmask[None] if bitmask.dim() == 1 else bitmask
    asked = None if indices is None else _on_device(indices, logits.device)
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(rows):
        write(_apply_token_bitmask_inplace_cuda, rows, masks, asked)
        return
    _apply_token_bitmask_inplace_cuda(rows, masks, asked)


def _on_device(indices: Sequence[int] | torch.Tensor, device: torch.device) -> torch.Tensor:
    """Return the numbers of rows as a tensor on the device of what they are rows of."""
    numbers = indices if isinstance(indices, torch.Tensor) else torch.tensor(list(indices), dtype=torch.int64)
    return numbers if numbers.device == device else numbers.to(device)


def check(logits: torch.Tensor, bitmask: torch.Tensor, indices: torch.Tensor | None) -> None:
    """Refuse what the operator cannot take."""
    check_same_device("bitmask", bitmask, "logits", logits)
    check_dtype("logits", logits.dtype, torch.float32, *FLOAT16_TYPES)
    check_dtype("bitmask", bitmask.dtype, torch.int32)
    check_dim("logits", logits, 2)
    check_dim("bitmask", bitmask, 2)
    words = (logits.shape[1] + 31) // 32
    check_at_most("the size of a row of bitmask", bitmask.shape[1], words, "32 logits have a word")
    if indices is None:
        check_size("bitmask", bitmask, 0, logits.shape[0], "that of logits")
    check_inner_stride("logits", logits)
    check_inner_stride("bitmask", bitmask)
    if indices is not None:
        check_same_device("indices", indices, "logits", logits)
        check_dtype("indices", indices.dtype, torch.int32, torch.int64)
        check_dim("indices", indices, 1)
        check_contiguous("indices", indices)
    if known(logits.numel() == 0) or known(bitmask.numel() == 0):
        return
    rows = rows_of(logits, out_row_stride("logits", logits))
    check_apart("logits", rows, [("bitmask", rows_of(bitmask, row_stride("bitmask", bitmask)))])
    if indices is not None:
        check_apart("logits", rows, [("indices", span_of(indices))])


def reference(
    logits: torch.Tensor, bitmask: torch.Tensor, indices: torch.Tensor | None, wide: torch.dtype
) -> torch.Tensor:
    """Return the masked logits."""
    tokens = min(logits.shape[1], bitmask.shape[1] * 32)
    places = torch.arange(tokens, device=logits.device)
    rows = min(logits.shape[0], bitmask.shape[0])
    allowed = torch.ones(logits.shape, dtype=torch.bool, device=logits.device)
    asked = torch.arange(rows, device=logits.device)
    if indices is not None:
        asked = indices[(indices >= 0) & (indices < rows)].long()
    allowed[asked, :tokens] = (bitmask[asked][:, places // 32] >> places % 32 & 1).bool()
    return torch.where(allowed, logits.to(wide), -torch.inf)


def make(
    draw: Draw, rows: int = 8, vocabulary: int = 1024, dtype: torch.dtype = torch.float32, kept: float = 0.5
) -> Arguments:
    """Make a call that keeps this part of tokens: whole words, or any bits where it is a half."""
    words = (vocabulary + 31) // 32
    bits = draw.words(rows, words)
    if kept != 0.5:
        bits = torch.where(draw.uniform(rows, words) < kept, -1, 0).int()
    return {"logits": draw.normal(rows, vocabulary, dtype=dtype), "bitmask": bits, "indices": None}


def moves(logits: torch.Tensor, bitmask: torch.Tensor) -> int:
    """Return the bytes of the bits, and of half of the logits: those that are written."""
    return int(bitmask.numel() * 4 + logits.numel() * logits.element_size() // 2)


def peers(logits: torch.Tensor, bitmask: torch.Tensor, indices: torch.Tensor | None) -> dict[str, Callable[[], object]]:
    """Return who else does it."""
    places = torch.arange(logits.shape[1], device=logits.device)

    def by_torch() -> torch.Tensor:
        bits = torch.repeat_interleave(bitmask, 32, dim=1)[:, : logits.shape[1]]
        return logits.masked_fill_((bits >> places % 32 & 1) == 0, -torch.inf)

    sgl = torch.ops.sgl_kernel
    return {
        "torch": by_torch,
        "sglang-kernel": lambda: sgl.apply_token_bitmask_inplace_cuda.default(logits, bitmask, indices),
    }


def _rows(*numbers: int, dtype: torch.dtype = torch.int32) -> Callable[[Arguments], Arguments]:
    """Mask the rows of these numbers."""
    return lambda call: {"indices": torch.tensor(numbers, dtype=dtype, device=call["logits"].device)}


CONTRACT = Contract(
    function=apply_token_bitmask_inplace_cuda,
    check=check,
    reference=reference,
    make=make,
    samples=(
        sample("typical"),
        sample("smallest", rows=1, vocabulary=1),
        sample("odd", rows=7, vocabulary=1023, dtype=torch.bfloat16),
        sample("float16", rows=3, vocabulary=4099, dtype=torch.float16),
        sample("a large vocabulary", rows=3, vocabulary=151_936, kept=0.9),
        sample("many vectors", rows=33, vocabulary=128_256, kept=0.1),
        sample("many vectors off their words", rows=33, vocabulary=127_101),
        sample("many halves off their words", rows=64, vocabulary=131_111, dtype=torch.bfloat16),
        sample("all kept", rows=3, kept=1.0),
        sample("none kept", rows=3, vocabulary=1027, kept=0.0),
        sample("rows", _rows(5, 0, 2)),
        sample("rows of 64 bits", _rows(5, 0, 2, dtype=torch.int64)),
        sample("rows that are not there", _rows(-1, 3, 8, 2**31 - 1, 3)),
        sample("rows beyond 32 bits", _rows(2**32 + 1, -(2**40), 4, dtype=torch.int64)),
        sample("no rows", _rows()),
        sample("fewer masks than rows", lambda call: {"bitmask": call["bitmask"][:3], **_rows(1, 2, 5)(call)}),
        sample("fewer words", each(bitmask=lambda x: x[:, :5].clone()), rows=3),
        sample("no words", each(bitmask=lambda x: x[:, :0]), rows=3),
        sample("special logits", each(logits=lambda x: x / 0), rows=3),
        sample("slices", each(logits=widened, bitmask=widened), rows=5),
        sample(
            "slices off every vector", each(logits=lambda x: widened(x, 3), bitmask=lambda x: widened(x, 1)), rows=5
        ),
        sample("halves off every vector", each(logits=lambda x: widened(x, 5)), rows=5, dtype=torch.float16),
        sample("one mask for all", each(bitmask=repeated), rows=5),
        sample("empty", rows=0),
        sample("no vocabulary", vocabulary=0),
        sample("largest", rows=70_000, vocabulary=96),
    ),
    refusals=(
        refuse(
            "dtype", "logits has dtype float64, expected float32 or float16 or bfloat16", logits=torch.Tensor.double
        ),
        refuse("mask dtype", "bitmask has dtype int64, expected int32", bitmask=torch.Tensor.long),
        refuse("dim", "logits has 3 dimensions, shape (1, 8, 1024); expected 2", logits=lambda x: x[None]),
        refuse("mask dim", "bitmask has 1 dimensions, shape (256,); expected 2", bitmask=torch.flatten),
        refuse(
            "words",
            "the size of a row of bitmask is 33, expected at most 32: 32 logits have a word",
            bitmask=lambda x: torch.nn.functional.pad(x, (0, 1)),
        ),
        refuse("rows", "size 7 in dimension 0, expected 8 (that of logits)", bitmask=lambda x: x[:7]),
        refuse("crossed", "expected 1 in the last dimension", logits=lambda x: x.t().contiguous().t()),
        refuse("crossed mask", "expected 1 in the last dimension", bitmask=lambda x: x.t().contiguous().t()),
        refuse("repeated", "expected rows that do not overlap: at least 1024 elements apart", logits=repeated),
        refuse("index dtype", "indices has dtype int16, expected int32 or int64", _rows(1, dtype=torch.int16)),
        refuse(
            "in it",
            "logits overlaps bitmask in memory, expected memory of its own: clone one of them",
            lambda call: {"logits": call["logits"], "bitmask": call["logits"].view(torch.int32)[:, :32]},
        ),
    ),
    tolerance=EXACT,
    workloads=(
        *({"rows": rows, "vocabulary": 128_256} for rows in (1, 8, 64, 256)),
        *({"rows": rows, "vocabulary": 151_936, "dtype": torch.bfloat16} for rows in (1, 64, 512)),
        *({"rows": rows, "vocabulary": 128_256, "kept": 0.01} for rows in (8, 64, 256)),
        *({"rows": rows, "vocabulary": 128_256, "kept": 0.99} for rows in (8, 256)),
    ),
    moves=moves,
    peers=peers,
)
