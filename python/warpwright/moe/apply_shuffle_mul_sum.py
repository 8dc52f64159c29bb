"""The weighted sum of what a token's experts gave, found by its place in the products."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.checks import (
    FLOAT_TYPES,
    check_contiguous,
    check_dim,
    check_dtype,
    check_inner_stride,
    check_numel,
    check_same_device,
    check_same_dtype,
    check_size,
    known,
)
from warpwright.checks import check as check_that
from warpwright.contract import Arguments, Contract, each, refuse, sample
from warpwright.draw import Draw, repeated, widened
from warpwright.gradient import is_recorded, write_all
from warpwright.moe._expert_order import ID_TYPES, part_of_more
from warpwright.moe._sum_rows import TOLERANCE, beside
from warpwright.rows import check_apart, out_row_stride, row_stride, rows_of, span_of

_apply_shuffle_mul_sum = torch.ops.warpwright.apply_shuffle_mul_sum.default


def apply_shuffle_mul_sum(
    input: torch.Tensor,  # noqa: A002  the name that callers know
    output: torch.Tensor,
    permutation: torch.Tensor,
    factors: torch.Tensor | None = None,
) -> None:
    """Write, for each token, the sum of its rows in the products of experts, each multiplied by a factor.

    ``output[t] = sum(factors[t * topk + j] * input[permutation[t * topk + j]] for j in range(topk))``, in float32 in
    the order of ``j``, rounded once. An index that names no row of ``input``, such as the -1 of `prepare_moe_input`,
    adds nothing, whatever its factor is. Method: Shazeer et al., "Outrageously Large Neural Networks"
    (arXiv:1701.06538), equation 1; interface of sgl_kernel.

    Parameters
    ----------
    input
        ``(rows, hidden)``, float16, bfloat16 or float32. Rows may lie apart; sizes, starts and distances of whole 16
        bytes run fastest.
    output
        ``(tokens, hidden)``, of the dtype of ``input``, with memory of its own. Rows may lie apart.
    permutation
        ``(tokens * topk,)`` int32 or int64, contiguous.
    factors
        As many of the dtype of ``input``, or float32, in any shape, contiguous. None stands for ones.

    Raises
    ------
    RuntimeError
        A dtype, shape, stride or device is wrong (the argument is named with both values), or the wheel has no code for
        the GPU.
    """
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(output, input, factors):
        write_all(_apply_shuffle_mul_sum, {"output": output}, input, output, permutation, factors)
        return
    _apply_shuffle_mul_sum(input, output, permutation, factors)


def check(
    input: torch.Tensor,  # noqa: A002
    output: torch.Tensor,
    permutation: torch.Tensor,
    factors: torch.Tensor | None,
) -> None:
    """Refuse what the operator cannot take."""
    _check_tensors(input, output, permutation)
    if factors is not None:
        check_same_device("factors", factors, "input", input)
        if factors.dtype != torch.float32:
            check_same_dtype("factors", factors, "input", input)
        check_numel("factors", factors, permutation.shape[0], "one for each element of permutation")
        check_contiguous("factors", factors)
    if not known(output.numel() == 0):
        read = [("input", rows_of(input, row_stride("input", input))), ("permutation", span_of(permutation))]
        read += [("factors", span_of(factors))] if factors is not None else []
        check_apart("output", rows_of(output, out_row_stride("output", output)), read)


def _check_tensors(input: torch.Tensor, output: torch.Tensor, permutation: torch.Tensor) -> None:  # noqa: A002
    check_same_device("output", output, "input", input)
    check_same_device("permutation", permutation, "input", input)
    check_dim("input", input, 2)
    check_dim("output", output, 2)
    check_dim("permutation", permutation, 1)
    check_dtype("input", input.dtype, *FLOAT_TYPES)
    check_same_dtype("output", output, "input", input)
    check_dtype("permutation", permutation.dtype, *ID_TYPES)
    check_size("output", output, 1, input.shape[1], "that of input")
    check_inner_stride("input", input)
    check_inner_stride("output", output)
    check_contiguous("permutation", permutation)
    tokens, elements = output.shape[0], permutation.shape[0]
    if known(tokens >= 1):  # what is not known here, the CUDA function checks
        check_that(
            elements % tokens == 0,
            *("permutation has ", elements, " elements, expected as many for each of the ", tokens, " rows of output"),
        )


def reference(
    input: torch.Tensor,  # noqa: A002
    output: torch.Tensor,
    permutation: torch.Tensor,
    factors: torch.Tensor | None,
    wide: torch.dtype,
) -> torch.Tensor:
    """Return the sums; of the output its shape is read."""
    tokens, rows = output.shape[0], input.shape[0]
    is_row = (permutation >= 0) & (permutation < rows)
    padded = torch.cat((input.to(wide), input.new_zeros((1, input.shape[1]), dtype=wide)))
    found = padded[torch.where(is_row, permutation, rows).long()]
    if factors is not None:
        found = torch.where(is_row[:, None], found * factors.to(wide).reshape(-1, 1), 0.0)
    topk = len(permutation) // max(tokens, 1)
    return found[: tokens * topk].view(tokens, topk, input.shape[1]).sum(1)


def make(
    draw: Draw, tokens: int = 16, topk: int = 4, hidden: int = 512, dtype: torch.dtype = torch.bfloat16
) -> Arguments:
    """Make a call."""
    return {
        "input": draw.normal(tokens * topk, hidden, dtype=dtype),
        "output": draw.unwritten(tokens, hidden, dtype=dtype),
        "permutation": draw.permutation(tokens * topk),
        "factors": draw.uniform(tokens * topk, dtype=dtype),
    }


def peers(
    input: torch.Tensor,  # noqa: A002
    output: torch.Tensor,
    permutation: torch.Tensor,
    factors: torch.Tensor,
) -> dict[str, Callable[[], object]]:
    """Return who else does it."""
    tokens, hidden = output.shape

    def by_torch() -> None:
        rows = input[permutation].view(tokens, -1, hidden)
        torch.sum(rows * factors.view(tokens, -1, 1), 1, out=output)

    return {
        "torch": by_torch,
        "sglang-kernel": lambda: torch.ops.sgl_kernel.apply_shuffle_mul_sum.default(
            input, output, permutation, factors
        ),
    }


def beyond_rows(name: str, rows: str) -> Callable[[Arguments], Arguments]:
    """Return the change that puts indices of no row among the others: just beyond, and as far as the dtype reaches."""

    def change(call: Arguments) -> Arguments:
        changed, far = call[name].clone(), torch.iinfo(call[name].dtype)
        for place, value in enumerate((-1, call[rows].shape[0], far.max, far.min)):
            changed[place * 3 :: 19] = value
        return {name: changed}

    return change


def _beside(call: Arguments) -> Arguments:
    return dict(zip(("input", "output"), beside(call["input"], call["output"]), strict=True))


CONTRACT = Contract(
    function=apply_shuffle_mul_sum,
    check=check,
    reference=reference,
    make=make,
    samples=(
        sample("typical"),
        sample("smallest", tokens=1, topk=1, hidden=1),
        sample("odd", tokens=7, topk=5, hidden=257, dtype=torch.float16),
        sample("float32", tokens=5, topk=6, hidden=96, dtype=torch.float32),
        sample("no factors", each(factors=lambda _: None), tokens=9, topk=8),
        sample("float32 factors", each(factors=torch.Tensor.float), tokens=9, topk=9),
        sample("factors by token", each(factors=lambda x: x.view(-1, 4)), tokens=9),
        sample("int64", each(permutation=torch.Tensor.long), tokens=9),
        sample("indices of no row", beyond_rows("permutation", "input"), tokens=33),
        sample("no rows", each(input=lambda x: x[:0]), tokens=3),
        sample("fewer rows", each(input=lambda x: x[:20]), tokens=9),
        sample("nothing is summed", topk=0),
        sample("large blocks", tokens=520, topk=8),
        sample("slices", each(input=widened, output=widened, permutation=part_of_more), tokens=5),
        sample(
            "slices off every vector", each(input=lambda x: widened(x, 3), output=lambda x: widened(x, 5)), tokens=5
        ),
        sample("columns beside each other", _beside, tokens=9),
        sample("empty", tokens=0),
        sample("nothing in a row", hidden=0),
        sample("largest", tokens=70_000, topk=2, hidden=16),
    ),
    refusals=(
        refuse("dtype", "input has dtype int16, expected float16 or bfloat16 or float32", input=torch.Tensor.short),
        refuse(
            "output dtype", "output has dtype float16, expected bfloat16, the dtype of input", output=torch.Tensor.half
        ),
        refuse("index dtype", "permutation has dtype int16, expected int32 or int64", permutation=torch.Tensor.short),
        refuse(
            "factor dtype",
            "factors has dtype float16, expected bfloat16, the dtype of input",
            factors=torch.Tensor.half,
        ),
        refuse("dim", "input has 3 dimensions, shape (1, 64, 512); expected 2", input=lambda x: x[None]),
        refuse("output dim", "output has 3 dimensions, shape (1, 16, 512); expected 2", output=lambda x: x[None]),
        refuse(
            "index dim", "permutation has 2 dimensions, shape (16, 4); expected 1", permutation=lambda x: x.view(16, 4)
        ),
        refuse("hidden", "size 510 in dimension 1, expected 512 (that of input)", output=lambda x: x[:, :510]),
        refuse("crossed", "input has strides (1, 64), expected 1", input=lambda x: x.t().contiguous().t()),
        refuse("output crossed", "output has strides (1, 16), expected 1", output=lambda x: x.t().contiguous().t()),
        refuse("indices apart", "expected a contiguous tensor", permutation=lambda x: x.repeat(2)[::2]),
        refuse("factors apart", "expected a contiguous tensor", factors=lambda x: x.repeat(2)[::2]),
        refuse(
            "indices left over",
            "permutation has 64 elements, expected as many for each of the 15 rows of output",
            output=lambda x: x[:15],
        ),
        refuse(
            "few factors",
            "with 60 elements, expected 64 (one for each element of permutation)",
            factors=lambda x: x[:60],
        ),
        refuse("repeated", "expected rows that do not overlap: at least 512 elements apart", output=repeated),
        refuse("overlap", "output overlaps input in memory", lambda call: {"output": call["input"][:16]}),
    ),
    tolerance=TOLERANCE,
    workloads=tuple(
        {"tokens": tokens, "topk": 8, "hidden": hidden}
        for hidden, counts in ((7168, (1, 16, 128, 1024, 4096, 16_384)), (4096, (1, 128, 16_384)))
        for tokens in counts
    ),
    peers=peers,
)
