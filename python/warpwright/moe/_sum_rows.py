"""What the operators that sum the rows of each token share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from warpwright.checks import (
    FLOAT_TYPES,
    check_dim,
    check_dtype,
    check_inner_stride,
    check_same_device,
    check_same_dtype,
    check_size,
    known,
)
from warpwright.contract import (
    Arguments,
    Contract,
    Refusal,
    Sample,
    Trait,
    TraitKind,
    each,
    refuse,
    rounded_once,
    sample,
)
from warpwright.draw import Draw, repeated, widened
from warpwright.rows import Rows, check_apart, out_row_stride, rows_of, span_of

TOLERANCE = rounded_once("sums in float32, which may cancel", 2.0**-20)
NOT_IN_PLACE = Trait(
    TraitKind.NEVER_IN_PLACE, "a row of the result is the sum of several rows, which other threads read"
)


def check_sum(input_tensor: torch.Tensor, output_tensor: torch.Tensor) -> None:
    """Refuse what cannot be summed over its second dimension."""
    check_same_device("output_tensor", output_tensor, "input_tensor", input_tensor)
    check_dim("input_tensor", input_tensor, 3)
    check_dim("output_tensor", output_tensor, 2)
    check_dtype("input_tensor", input_tensor.dtype, *FLOAT_TYPES)
    check_same_dtype("output_tensor", output_tensor, "input_tensor", input_tensor)
    check_size("output_tensor", output_tensor, 0, input_tensor.shape[0], "that of input_tensor")
    check_size("output_tensor", output_tensor, 1, input_tensor.shape[2], "the last one of input_tensor")
    check_inner_stride("input_tensor", input_tensor)
    check_inner_stride("output_tensor", output_tensor)
    if not known(output_tensor.numel() == 0):
        check_apart(
            "output_tensor",
            rows_of(output_tensor, out_row_stride("output_tensor", output_tensor)),
            [("input_tensor", _read(input_tensor))],
        )


def _read(input_tensor: torch.Tensor) -> Rows | None:
    """Return the memory that is read: rows at one distance where the tokens follow each other at it, else all."""
    stride = input_tensor.stride(1)
    is_one_distance = known(input_tensor.stride(0) == input_tensor.shape[1] * stride)
    return rows_of(input_tensor, stride) if is_one_distance else span_of(input_tensor)


def make_sum(**more: Any) -> Callable[..., Arguments]:
    """Return the ``make`` of an operator that takes these arguments beside its tensors."""

    def make(
        draw: Draw, tokens: int = 16, topk: int = 8, hidden: int = 512, dtype: torch.dtype = torch.bfloat16
    ) -> Arguments:
        """Make a call."""
        return {
            "input_tensor": draw.normal(tokens, topk, hidden, dtype=dtype),
            "output_tensor": draw.unwritten(tokens, hidden, dtype=dtype),
            **more,
        }

    return make


def _of_wider_tokens(tensor: torch.Tensor) -> torch.Tensor:
    """Return the same rows with those of a token last first in memory."""
    return tensor.transpose(0, 1).contiguous().transpose(0, 1)


def beside(rows: torch.Tensor, sums: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the same rows and sums as columns beside each other, in one memory."""
    hidden, memory = rows.shape[1], torch.cat((rows, rows), dim=1)
    memory[: len(sums), hidden:] = sums
    return memory[:, :hidden], memory[: len(sums), hidden:]


def _beside(call: Arguments) -> Arguments:
    rows, sums = beside(call["input_tensor"].flatten(0, 1), call["output_tensor"])
    return {"input_tensor": rows.view(call["input_tensor"].shape), "output_tensor": sums}


def _in_turned_rows(call: Arguments) -> Arguments:
    turned = _of_wider_tokens(call["input_tensor"])
    return {"input_tensor": turned, "output_tensor": turned[:, 0]}


SAMPLES: tuple[Sample, ...] = (
    sample("typical"),
    sample("smallest", tokens=1, topk=1, hidden=1),
    sample("odd", tokens=7, topk=5, hidden=257, dtype=torch.float16),
    sample("float32", tokens=5, topk=6, hidden=96, dtype=torch.float32),
    sample("odd float32", tokens=3, topk=2, hidden=33, dtype=torch.float32),
    sample("one row", tokens=33, topk=1),
    sample("nine rows", tokens=33, topk=9, hidden=768),
    sample("twenty rows", tokens=5, topk=20, dtype=torch.float16),
    sample("no rows", tokens=5, topk=0),
    sample("large blocks", tokens=520),
    sample("of a token apart", each(input_tensor=_of_wider_tokens), tokens=9),
    sample("one token for all", each(input_tensor=repeated), tokens=9),
    sample("slices", each(input_tensor=widened, output_tensor=widened), tokens=5),
    sample(
        "slices off every vector",
        each(input_tensor=lambda x: widened(x, 3), output_tensor=lambda x: widened(x, 5)),
        tokens=5,
    ),
    sample("columns beside each other", _beside, tokens=9),
    sample("empty", tokens=0),
    sample("nothing in a row", hidden=0),
    sample("largest", tokens=70_000, topk=2, hidden=16),
)

REFUSALS: tuple[Refusal, ...] = (
    refuse(
        "dtype",
        "input_tensor has dtype int16, expected float16 or bfloat16 or float32",
        input_tensor=torch.Tensor.short,
    ),
    refuse(
        "output dtype",
        "output_tensor has dtype float16, expected bfloat16, the dtype of input_tensor",
        output_tensor=torch.Tensor.half,
    ),
    refuse("dim", "input_tensor has 2 dimensions, shape (16, 4096); expected 3", input_tensor=lambda x: x.flatten(1)),
    refuse(
        "output dim", "output_tensor has 3 dimensions, shape (1, 16, 512); expected 2", output_tensor=lambda x: x[None]
    ),
    refuse("tokens", "size 15 in dimension 0, expected 16 (that of input_tensor)", output_tensor=lambda x: x[:15]),
    refuse(
        "hidden",
        "size 510 in dimension 1, expected 512 (the last one of input_tensor)",
        output_tensor=lambda x: x[:, :510],
    ),
    refuse(
        "crossed",
        "input_tensor has strides (8192, 1024, 2), expected 1",
        input_tensor=lambda x: x.repeat(1, 1, 2)[..., ::2],
    ),
    refuse(
        "output crossed",
        "output_tensor has strides (1024, 2), expected 1",
        output_tensor=lambda x: x.repeat(1, 2)[:, ::2],
    ),
    refuse("repeated", "expected rows that do not overlap: at least 512 elements apart", output_tensor=repeated),
    refuse(
        "overlap",
        "output_tensor overlaps input_tensor in memory",
        lambda call: {"output_tensor": call["input_tensor"][:, 0]},
    ),
    refuse("overlap with tokens apart", "output_tensor overlaps input_tensor in memory", _in_turned_rows),
)

WORKLOADS = tuple(
    {"tokens": tokens, "hidden": hidden}
    for hidden, counts in ((7168, (1, 16, 128, 1024, 4096, 16_384)), (4096, (1, 128, 16_384)))
    for tokens in counts
)


def sum_contract(
    function: Callable[..., Any], reference: Callable[..., Any], call: Callable[..., Any], peers: Callable[..., Any],
    samples: tuple[Sample, ...] = (), **more: Any,
) -> Contract:  # fmt: skip
    """Return the contract of an operator that sums over the second dimension and takes these arguments beside."""
    return Contract(
        function=function,
        check=check_sum,
        reference=reference,
        make=make_sum(**more),
        call=call,
        samples=(*SAMPLES, *samples),
        refusals=REFUSALS,
        tolerance=TOLERANCE,
        workloads=WORKLOADS,
        peers=peers,
        traits=(NOT_IN_PLACE,),
    )
