"""Calls of the operators that quantise groups: those that are taken, and those that are refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from warpwright.contract import Arguments, Refusal, each, refuse, sample
from warpwright.draw import Draw, crossed, repeated, widened
from warpwright.quantization._quantize import BOUNDS, OVERLAP


def make_group_quant(names: tuple[str, str], dtypes: Sequence[torch.dtype]) -> Callable[..., Arguments]:
    """Return the ``make`` of an operator that calls its bounds by these names, and gives these dtypes."""

    def make(
        draw: Draw,
        rows: int = 64,
        hidden: int = 2048,
        group: int = 128,
        dtype: torch.dtype = torch.float16,
        to: torch.dtype = dtypes[0],
        halves: int = 1,
    ) -> Arguments:
        """Make a call."""
        return {
            "input": draw.normal(rows, halves * hidden, dtype=dtype),
            "output_q": draw.unwritten(rows, hidden, dtype=to),
            "output_s": draw.unwritten(rows, hidden // group, dtype=torch.float32),
            "group_size": group,
            "eps": 1e-10,
            **dict(zip(names, BOUNDS[to], strict=True)),
            "scale_ue8m0": False,
            "fuse_silu_and_mul": halves == 2,
            "masked_m": None,
        }

    return make


def _by_columns(scales: torch.Tensor) -> torch.Tensor:
    """Return scales of which those of one group are side by side, with room for four more rows."""
    rows, groups = scales.shape
    return scales.new_full((groups, rows + 4), -1).t()[:rows]


def packed_words(call: Arguments) -> Arguments:
    """Put exponent bytes in place of scales, four in a word, with those of one group side by side."""
    rows, groups = call["output_s"].shape
    words = torch.full((-(-groups // 4), rows + 4), -1, dtype=torch.int32, device=call["output_s"].device)
    return {"scale_ue8m0": True, "output_s": words.t()[:rows]}


def _gated_words(call: Arguments) -> Arguments:
    """Make one product of each group 20 * 1.5, in float32 as in float64, and the largest: far from powers of two."""
    changed = call["input"].clone()
    half, group = changed.shape[-1] // 2, call["group_size"]
    changed[:, :half:group], changed[:, half::group] = 20.0, 1.5
    return packed_words(call) | {"input": changed}


def _experts(*counts: int, by_column: bool = False) -> Callable[[Arguments], Arguments]:
    def change(call: Arguments) -> Arguments:
        number = len(counts)
        made = {name: call[name].view(number, -1, call[name].shape[-1]) for name in ("input", "output_q", "output_s")}
        if by_column:
            made["output_s"] = made["output_s"].transpose(1, 2).contiguous().transpose(1, 2)
        return {**made, "masked_m": torch.tensor(counts, dtype=torch.int32, device=call["input"].device)}

    return change


def _in_experts(call: Arguments) -> Arguments:
    """Experts whose scales are by columns, and of which all rows count."""
    return _experts(3, 3, by_column=True)(call) | {"masked_m": None}


def samples() -> tuple[Any, ...]:
    """Return calls that are taken."""
    return (
        sample("typical"),
        sample("smallest", rows=1, hidden=1, group=1),
        sample("odd", rows=7, hidden=4097, group=17, dtype=torch.bfloat16),
        sample("float32", rows=9, hidden=3072, dtype=torch.float32),
        sample("groups of 16", rows=33, hidden=7168, group=16, dtype=torch.bfloat16),
        sample("groups of 8", rows=5, hidden=64, group=8),
        sample("groups of 256", rows=12, hidden=4096, group=256),
        sample("groups of three quarters of a warp", rows=5, hidden=384, group=192),
        sample("groups of more than a warp", rows=5, hidden=2048, group=1024),
        sample("several rows a block", rows=1003, hidden=128, group=64, dtype=torch.bfloat16),
        sample("many vectors a thread", rows=3, hidden=24_576, dtype=torch.bfloat16),
        sample("more than the registers hold", rows=3, hidden=70_016, group=64),
        sample("zeros", each(input=torch.zeros_like), rows=3),
        sample("by columns", each(output_s=_by_columns), rows=9),
        sample("powers of two", each(scale_ue8m0=lambda _: True), rows=9),
        sample("packed", packed_words, rows=9),
        sample("packed words that no group fills", packed_words, rows=9, hidden=768),
        sample("packed, one element at a time", packed_words, rows=9, hidden=36, group=6),
        sample("gated", rows=9, halves=2),
        sample("gated, packed", _gated_words, rows=9, halves=2),
        sample("gated, one element at a time", rows=9, hidden=60, group=12, halves=2, dtype=torch.bfloat16),
        sample("experts", _experts(2, 0, 5), rows=15),
        sample("experts by columns", _experts(1, 4, by_column=True), rows=8, hidden=512, dtype=torch.bfloat16),
        sample("experts of whom all rows count", _in_experts, rows=6, hidden=512),
        sample("experts, one element at a time", _experts(2, 3, by_column=True), rows=8, hidden=36, group=12),
        sample("slices", each(input=widened, output_q=widened, output_s=lambda x: widened(x, 1, 2)), rows=5),
        sample("slices off every vector", each(input=lambda x: widened(x, 3), output_q=widened), rows=5),
        sample("empty", rows=0),
        sample("largest", rows=70_000, hidden=16, group=16),
    )


def refusals(out_words: str, wrong: torch.dtype) -> tuple[Refusal, ...]:
    """Return calls that are refused; ``wrong`` is no dtype of the output."""
    return (
        refuse("dtype", "input has dtype int16, expected float16 or bfloat16 or float32", input=torch.Tensor.short),
        refuse("out dtype", f"expected {out_words}", output_q=lambda x: torch.zeros_like(x, dtype=wrong)),
        refuse("scale dtype", "output_s has dtype float16, expected float32", output_s=torch.Tensor.half),
        refuse("words", "output_s has dtype int32, expected float32", output_s=torch.Tensor.int),
        refuse("group", "group_size is 96, expected a divisor of 2048", group_size=lambda _: 96),
        refuse("no group", "group_size is 0, expected at least 1", group_size=lambda _: 0),
        refuse("scales dim", "output_s has 1 dimensions, shape (16,); expected 2", output_s=lambda x: x[0]),
        refuse("scales rows", "size 7 in dimension 0, expected 64", output_s=lambda x: x[:7]),
        refuse(
            "scales",
            "size 3 in dimension 1, expected 16 (one scale for each group)",
            output_s=lambda x: x[:, :3],
        ),
        refuse(
            "few words",
            "size 16 in dimension 1, expected 4 (one word for four groups)",
            lambda call: {"scale_ue8m0": True, "output_s": call["output_s"].int()},
        ),
        refuse("scales repeated", "expected elements that do not overlap", output_s=repeated),
        refuse("shape", "output_q has shape (2, 2048), expected (64, 2048)", output_q=lambda x: x[:2]),
        refuse(
            "no halves",
            "size 2048 in dimension 1, expected 1024 (half of the last dimension of input)",
            fuse_silu_and_mul=lambda _: True,
        ),
        refuse("crossed", "input has strides (1, 64), expected 1 in the last dimension", input=crossed),
        refuse("repeated", "expected rows that do not overlap: at least 2048 elements apart", output_q=repeated),
        refuse(
            "mask of no experts",
            "output_q has 2 dimensions, shape (64, 2048); expected 3",
            lambda call: {"masked_m": torch.ones(4, dtype=torch.int32, device=call["input"].device)},
        ),
        refuse(
            "mask size",
            "masked_m has shape (4,): size 4 in dimension 0, expected 8 (one number for each expert)",
            lambda call: _experts(*[1] * 8)(call)
            | {"masked_m": torch.ones(4, dtype=torch.int32, device=call["input"].device)},
        ),
        refuse(
            "mask dtype",
            "masked_m has dtype int64, expected int32",
            lambda call: {"masked_m": torch.ones(4, dtype=torch.int64, device=call["input"].device)},
        ),
        refuse(
            "scales in it",
            OVERLAP.format("output_s", "input"),
            lambda call: {"output_s": call["input"].view(torch.float32)[:, :16]},
        ),
        refuse(
            "in place",
            OVERLAP.format("output_q", "input"),
            lambda call: {"output_q": call["input"].view(call["output_q"].dtype)[:, :2048]},
        ),
    )
