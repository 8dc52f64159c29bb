"""The functions of toys: what they do, their checks, references and calls, in torch."""

from __future__ import annotations

from typing import Any

import torch
from torch import is_grad_enabled

from warpwright.checks import check_dim, check_dtype, check_same_device, check_same_shape, check_size
from warpwright.contract import (
    Arguments,
    Output,
)
from warpwright.draw import Draw
from warpwright.gradient import call, is_recorded, write_all


def operator(name: str) -> Any:
    return getattr(torch.ops.warpwright, name).default


def toy_add_norm(input: torch.Tensor, residual: torch.Tensor, weight: torch.Tensor, eps: float = 1e-6) -> None:  # noqa: A002
    """Add the input to the residual, and put the norm of the sum in place of the input.

    Parameters
    ----------
    input, residual
        Both are written to.
    """
    given = (input, residual, weight, eps)
    if is_grad_enabled() and is_recorded(input, residual, weight):
        write_all(operator("toy_add_norm"), {"input": input, "residual": residual}, *given)
    else:
        operator("toy_add_norm")(*given)


def check_add_norm(input: torch.Tensor, residual: torch.Tensor, weight: torch.Tensor) -> None:  # noqa: A002
    check_same_device("residual", residual, "input", input)
    check_same_device("weight", weight, "input", input)
    for name, tensor in (("input", input), ("residual", residual), ("weight", weight)):
        check_dtype(name, tensor.dtype, torch.float32)
    check_same_shape("residual", residual, "input", input)
    check_size("weight", weight, 0, input.shape[-1], "the last dimension of input")


def add_norm(
    input: torch.Tensor,  # noqa: A002
    residual: torch.Tensor,
    weight: torch.Tensor,
    eps: float,
    wide: torch.dtype,
) -> tuple[torch.Tensor, ...]:
    total = input.to(wide) + residual.to(wide)
    return total / (total.square().mean(-1, keepdim=True) + eps).sqrt() * weight.to(wide), total


def make_add_norm(draw: Draw, rows: int = 4, hidden: int = 8) -> Arguments:
    made = {name: draw.normal(rows, hidden, dtype=torch.float32) for name in ("input", "residual")}
    return made | {"weight": draw.normal(hidden, dtype=torch.float32), "eps": 1e-6}


def toy_quantize(
    input: torch.Tensor,  # noqa: A002
    out: torch.Tensor | None = None,
    scales: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Write rows as int8, and a scale for each.

    Parameters
    ----------
    input
        Rows of float32.
    """
    out = torch.empty_like(input, dtype=torch.int8) if out is None else out
    scales = input.new_empty(input.shape[0]) if scales is None else scales
    if is_grad_enabled() and is_recorded(scales, input):
        written = write_all(operator("toy_quantize"), {"out": out, "scales": scales}, out, scales, input)
        return written[0], written[1]
    operator("toy_quantize")(out, scales, input)
    return out, scales


def check_quantize(out: torch.Tensor, scales: torch.Tensor, input: torch.Tensor) -> None:  # noqa: A002
    check_same_device("out", out, "input", input)
    check_same_device("scales", scales, "input", input)
    check_dtype("out", out.dtype, torch.int8)
    check_dtype("scales", scales.dtype, torch.float32)
    check_dtype("input", input.dtype, torch.float32)
    check_same_shape("out", out, "input", input)
    check_size("scales", scales, 0, input.shape[0], "the rows of input")


def quantized(input: torch.Tensor, wide: torch.dtype) -> tuple[torch.Tensor, ...]:  # noqa: A002
    scales = input.to(wide).abs().amax(-1) / 127
    return (input.to(wide) / scales[:, None]).round(), scales


def make_quantize(draw: Draw, rows: int = 4, hidden: int = 8) -> Arguments:
    outs = {"out": draw.unwritten(rows, hidden, dtype=torch.int8), "scales": draw.unwritten(rows, dtype=torch.float32)}
    return outs | {"input": draw.normal(rows, hidden, dtype=torch.float32)}


def toy_store(cache: torch.Tensor, key: torch.Tensor, slots: torch.Tensor) -> None:
    """Write keys into the slots of a cache.

    Parameters
    ----------
    cache
        Written to in those rows.
    """
    operator("toy_store")(cache, key, slots)


def check_store(cache: torch.Tensor, key: torch.Tensor, slots: torch.Tensor) -> None:
    check_same_device("key", key, "cache", cache)
    check_same_device("slots", slots, "cache", cache)
    check_dtype("cache", cache.dtype, torch.int8)
    check_dtype("key", key.dtype, torch.int8)
    check_dtype("slots", slots.dtype, torch.int64)
    check_dim("slots", slots, 1)
    check_size("slots", slots, 0, key.shape[0], "the rows of key")


def stored(cache: torch.Tensor, key: torch.Tensor, slots: torch.Tensor) -> torch.Tensor:
    return cache.index_copy(0, slots, key)


def make_store(draw: Draw, rows: int = 4, hidden: int = 8) -> Arguments:
    cache = draw.integers(-9, 9, 256, hidden, dtype=torch.int8)
    key = draw.integers(-9, 9, rows, hidden, dtype=torch.int8)
    return {"cache": cache, "key": key, "slots": draw.permutation(256)[:rows].long()}


def toy_top(input: torch.Tensor, k: int = 2) -> tuple[torch.Tensor, torch.Tensor]:  # noqa: A002
    """Return the largest numbers of rows, and where they stand.

    Parameters
    ----------
    input
        Rows of float32.
    """
    wanted = is_grad_enabled() and is_recorded(input)
    found = call(operator("toy_top"), input, k) if wanted else operator("toy_top")(input, k)
    return found[0], found[1]


def check_top(input: torch.Tensor) -> None:  # noqa: A002
    check_dtype("input", input.dtype, torch.float32)
    check_dim("input", input, 2)


def top(input: torch.Tensor, k: int, wide: torch.dtype) -> tuple[torch.Tensor, ...]:  # noqa: A002
    values, indices = input.to(wide).topk(k, -1)
    return values, indices


def output_of_top(input: torch.Tensor, k: int) -> tuple[Output, ...]:  # noqa: A002
    return Output((input.shape[0], k), torch.float32), Output((input.shape[0], k), torch.int64)


def make_top(draw: Draw, rows: int = 4, hidden: int = 8) -> Arguments:
    return {"input": draw.normal(rows, hidden, dtype=torch.float32), "k": 2}


def toy_rows(groups: torch.Tensor, order: torch.Tensor | None = None) -> torch.Tensor:
    """Write which rows belong to each group: group by group, in any order inside of one.

    Parameters
    ----------
    groups
        The group of each row.
    """
    order = torch.empty_like(groups) if order is None else order
    operator("toy_rows")(order, groups)
    return order


def check_rows(order: torch.Tensor, groups: torch.Tensor) -> None:
    check_same_device("order", order, "groups", groups)
    check_dtype("groups", groups.dtype, torch.int64)
    check_dtype("order", order.dtype, torch.int64)
    check_same_shape("order", order, "groups", groups)


def rows_by_group(groups: torch.Tensor) -> torch.Tensor:
    by_chance = torch.randperm(groups.numel(), device=groups.device)
    return by_chance[groups[by_chance].argsort(stable=True)]


def determined_rows(groups: torch.Tensor, results: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    (order,) = results
    return groups[order], order.sort().values


def make_rows(draw: Draw, rows: int = 64) -> Arguments:
    return {"order": draw.unwritten(rows, dtype=torch.int64), "groups": draw.integers(0, 5, rows, dtype=torch.int64)}


def toy_sum(input: torch.Tensor, largest: torch.Tensor | None = None) -> torch.Tensor:  # noqa: A002
    """Return the sums of rows, and write the largest numbers if asked.

    Parameters
    ----------
    input
        Rows of float32.
    """
    wanted = is_grad_enabled() and is_recorded(input)
    given = (operator("toy_sum"), largest, input)
    return call(*given) if wanted else given[0](*given[1:])


def check_sum(largest: torch.Tensor | None, input: torch.Tensor) -> None:  # noqa: A002
    if largest is not None:
        check_same_device("largest", largest, "input", input)
        check_dtype("largest", largest.dtype, torch.float32)
    check_dtype("input", input.dtype, torch.float32)
    check_dim("input", input, 2)


def sums(input: torch.Tensor, wide: torch.dtype) -> tuple[torch.Tensor, ...]:  # noqa: A002
    return input.to(wide).amax(-1), input.to(wide).sum(-1)


def make_sum(draw: Draw, rows: int = 4, hidden: int = 8) -> Arguments:
    return {"largest": None, "input": draw.normal(rows, hidden, dtype=torch.float32)}


def _largest(made: Arguments) -> Arguments:
    return {"largest": torch.full_like(made["input"][:, 0], torch.nan)}
