"""Calls that operators refuse, in which words, and calls whose output shares memory with an input."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from calls import CALLS, Arguments, gptq_marlin_gemm, rmsnorm, silu_and_mul

Change = Callable[[Any], Any]
Changes = dict[str, Change]


@dataclass(frozen=True)
class Refusal:
    """A call that is refused: what is put in place of some arguments, and words of the error."""

    operator: str
    case: str
    change: Changes
    words: str

    def arguments(self, device: Any) -> Arguments:
        arguments = CALLS[self.operator](device)
        changed = {name: make(arguments[name]) for name, make in self.change.items()}
        return arguments | changed

    def __str__(self) -> str:
        return f"{self.operator}-{self.case}"


def elsewhere(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.to("meta")


def transposed(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.t().contiguous().t()


def padded(rows: int, columns: int, dtype: torch.dtype, start: int = 0) -> Callable[[torch.Tensor], torch.Tensor]:
    """Put a tensor into rows of a wider one, from a column on."""

    def make(tensor: torch.Tensor) -> torch.Tensor:
        wide = torch.zeros(rows, columns, dtype=dtype, device=tensor.device)
        return wide[:, start : start + tensor.shape[1]]

    return make


def shape(*sizes: int) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda tensor: torch.zeros(sizes, dtype=torch.float32, device=tensor.device).to(tensor.dtype)


def repeated(tensor: torch.Tensor) -> torch.Tensor:
    return tensor[:1].expand(tensor.shape)


def _rows(*rows: tuple[str, Changes, str]) -> tuple[tuple[str, Changes, str], ...]:
    """Take the rows of one operator: case, what is put in place of some arguments, words of the error."""
    return rows


REFUSED = {
    "rmsnorm": _rows(
        (
            "weight-device",
            {"weight": elsewhere},
            "weight is on meta and input on {device}; both have to be on one device",
        ),
        ("out-device", {"out": elsewhere}, "out is on meta and input on {device}; both have to be on one device"),
        ("dtype", {"input": torch.Tensor.float}, "input has dtype float32, expected float16 or bfloat16"),
        (
            "weight-dtype",
            {"weight": torch.Tensor.bfloat16},
            "weight has dtype bfloat16, expected float16, the dtype of input",
        ),
        ("out-dtype", {"out": torch.Tensor.bfloat16}, "out has dtype bfloat16, expected float16, the dtype of input"),
        ("weight-dim", {"weight": lambda x: x[None]}, "weight has 2 dimensions, shape (1, 4096); expected 1"),
        ("weight-size", {"weight": lambda x: x[:32]}, "weight has shape (32,): size 32 in dimension 0, expected 4096"),
        ("weight-stride", {"weight": lambda x: torch.cat([x, x])[::2]}, "expected a contiguous tensor"),
        ("out-shape", {"out": lambda x: x[:2]}, "out has shape (2, 4096), expected (64, 4096), the shape of input"),
        ("crossed", {"input": transposed}, "input has strides (1, 64), expected 1 in the last dimension"),
        ("out-repeated", {"out": repeated}, "expected rows that do not overlap: at least 4096 elements apart"),
    ),
    "silu_and_mul": _rows(
        ("short", {"input": torch.Tensor.short}, "input has dtype int16, expected float16 or bfloat16"),
        ("bool", {"input": torch.Tensor.bool}, "input has dtype bool, expected float16 or bfloat16"),
        (
            "complex",
            {"input": lambda x: x.to(torch.complex64)},
            "input has dtype complex64, expected float16 or bfloat16",
        ),
        ("no-dim", {"input": lambda x: x[0, 0]}, "input has 0 dimensions; expected at least 1"),
        ("out-device", {"out": elsewhere}, "out is on meta and input on {device}; both have to be on one device"),
        ("dtype", {"input": torch.Tensor.float}, "input has dtype float32, expected float16 or bfloat16"),
        ("out-dtype", {"out": torch.Tensor.bfloat16}, "out has dtype bfloat16, expected float16, the dtype of input"),
        ("odd", {"input": lambda x: x[:, :33]}, "the last dimension of input is 33, expected a multiple of 2"),
        ("out-dim", {"out": lambda x: x[0]}, "out has 1 dimensions, shape (2048,); expected 2"),
        ("out-rows", {"out": lambda x: x[:2]}, "out has shape (2, 2048): size 2 in dimension 0, expected 64"),
        (
            "out-size",
            {"out": lambda x: x[:, :7]},
            "size 7 in dimension 1, expected 2048 (half of the last dimension of input)",
        ),
        ("out-repeated", {"out": repeated}, "expected rows that do not overlap: at least 2048 elements apart"),
    ),
    "int8_scaled_mm": _rows(
        ("a-device", {"mat_a": elsewhere}, "mat_b is on {device} and mat_a on meta; both have to be on one device"),
        ("b-device", {"mat_b": elsewhere}, "mat_b is on meta and mat_a on {device}; both have to be on one device"),
        ("scales-device", {"scales_a": elsewhere}, "scales_a is on meta and mat_a on {device}"),
        ("bias-device", {"bias": elsewhere}, "bias is on meta and mat_a on {device}"),
        ("dtype", {"mat_a": torch.Tensor.float}, "mat_a has dtype float32, expected int8"),
        ("dim", {"mat_a": lambda x: x[0]}, "mat_a has 1 dimensions, shape (512,); expected 2"),
        ("inner", {"mat_a": lambda x: x[:, :496]}, "mat_b has shape (512, 256): size 512 in dimension 0, expected 496"),
        (
            "K",
            {"mat_a": lambda x: x[:, :40], "mat_b": lambda x: x[:40]},
            "K, the columns of mat_a, is 40, expected a multiple of 16",
        ),
        ("N", {"mat_b": lambda x: x[:, :12]}, "N, the columns of mat_b, is 12, expected a multiple of 8"),
        (
            "most-K",
            {
                "mat_a": shape(1, 131072),
                "mat_b": lambda x: shape(8, 131072)(x).t(),
                "scales_a": lambda x: x[:1],
                "scales_b": lambda x: x[:8],
                "bias": lambda x: x[:8],
            },
            "K, the columns of mat_a, is 131072, expected at most 131056: a longer sum may leave int32",
        ),
        ("crossed", {"mat_a": transposed}, "mat_a has strides (1, 64), expected row-major: stride 1 in dimension 1"),
        (
            "row-major",
            {"mat_b": torch.Tensor.contiguous},
            "mat_b has strides (256, 1), expected column-major: stride 1 in dimension 0",
        ),
        (
            "repeated",
            {"mat_a": repeated},
            "mat_a has strides (0, 1), expected at least 512 in dimension 0: rows may not overlap",
        ),
        (
            "stride",
            {"mat_a": padded(64, 520, torch.int8)},
            "the stride of mat_a in dimension 0 is 520, expected a multiple of 16",
        ),
        (
            "start",
            {"mat_a": padded(64, 1024, torch.int8, 8)},
            "mat_a starts 8 bytes past a multiple of 16, expected an aligned start",
        ),
        ("scales-dtype", {"scales_a": torch.Tensor.half}, "scales_a has dtype float16, expected float32"),
        (
            "scales-size",
            {"scales_a": lambda x: x[:7]},
            "scales_a has shape (7,) with 7 elements, expected 64 (one for each row of its matrix, or one for all)",
        ),
        (
            "scales-stride",
            {"scales_b": lambda x: torch.cat([x, x])[::2]},
            "scales_b has shape (256,) and strides (2,), expected a contiguous tensor",
        ),
        (
            "out-dtype",
            {"out_dtype": lambda _: torch.float32},
            "out_dtype has dtype float32, expected float16 or bfloat16",
        ),
        ("bias-dtype", {"bias": torch.Tensor.half}, "bias has dtype float16, expected bfloat16"),
        (
            "bias-size",
            {"bias": lambda x: x[:8]},
            "bias has shape (8,) with 8 elements, expected 256 (one for each column of mat_b)",
        ),
        ("bias-start", {"bias": lambda x: torch.cat([x, x])[1:257]}, "bias starts 2 bytes past a multiple of 16"),
    ),
    "fp8_scaled_mm": _rows(
        ("b-device", {"mat_b": elsewhere}, "mat_b is on meta and mat_a on {device}; both have to be on one device"),
        ("dtype", {"mat_a": torch.Tensor.half}, "mat_a has dtype float16, expected float8_e4m3fn"),
    ),
    "fp8_blockwise_scaled_mm": _rows(
        ("scales-device", {"scales_b": elsewhere}, "scales_b is on meta and mat_a on {device}"),
        ("other-float8", {"mat_a": lambda x: x.to(torch.float8_e5m2)}, "mat_a has dtype float8_e5m2, expected float8"),
        ("dtype", {"mat_a": torch.Tensor.float}, "mat_a has dtype float32, expected float8_e4m3fn"),
        (
            "rows",
            {"scales_a": lambda x: x[:7]},
            "scales_a has shape (7, 4): size 7 in dimension 0, expected 64 (the rows of mat_a)",
        ),
        (
            "blocks",
            {"scales_a": lambda x: x[:, :3]},
            "size 3 in dimension 1, expected 4 (one for each 128 columns of mat_a)",
        ),
        ("scales-dtype", {"scales_a": torch.Tensor.half}, "scales_a has dtype float16, expected float32"),
        ("scales-dim", {"scales_a": torch.Tensor.flatten}, "scales_a has 1 dimensions, shape (256,); expected 2"),
        ("transposed", {"scales_b": torch.Tensor.t}, "scales_b has shape (2, 4): size 2 in dimension 0, expected 4"),
    ),
    "awq_dequantize": _rows(
        ("device", {"scales": elsewhere}, "scales is on meta and qweight on {device}; both have to be on one device"),
        (
            "zeros-device",
            {"qzeros": elsewhere},
            "qzeros is on meta and qweight on {device}; both have to be on one device",
        ),
        ("dtype", {"qweight": torch.Tensor.float}, "qweight has dtype float32, expected int32"),
        ("scales-dtype", {"scales": torch.Tensor.float}, "scales has dtype float32, expected float16 or bfloat16"),
        (
            "stride",
            {"qweight": transposed},
            "qweight has shape (256, 32) and strides (1, 256), expected a contiguous tensor",
        ),
        (
            "size",
            {"scales": lambda x: x[:, :128].contiguous()},
            "scales has shape (2, 128): size 128 in dimension 1, expected 256",
        ),
        ("zeros", {"qzeros": lambda x: x[:1]}, "qzeros has shape (1, 32): size 1 in dimension 0, expected 2"),
        (
            "groups",
            {"scales": shape(3, 256), "qzeros": shape(3, 32)},
            "scales has 3 rows for 256 rows of qweight, expected groups of equal size",
        ),
    ),
    "gptq_marlin_repack": _rows(
        ("device", {"perm": elsewhere}, "perm is on meta and b_q_weight on {device}; both have to be on one device"),
        ("dtype", {"b_q_weight": torch.Tensor.float}, "b_q_weight has dtype float32, expected int32"),
        ("K", {"size_k": lambda _: 250}, "size_k is 250, expected a multiple of 16"),
        ("N", {"size_n": lambda _: 100}, "size_n is 100, expected a multiple of 64"),
        ("negative", {"size_k": lambda _: -16}, "size_k and size_n are -16 and 128, expected none below 0"),
        ("bits", {"num_bits": lambda _: 8}, "num_bits is 8, expected 4: weights of 8 bits are not supported"),
        (
            "rows",
            {"b_q_weight": lambda x: x[:31]},
            "b_q_weight has shape (31, 128): size 31 in dimension 0, expected 32 (by size_k)",
        ),
        ("perm-dtype", {"perm": torch.Tensor.long}, "perm has dtype int64, expected int32"),
        ("perm-size", {"perm": lambda x: x[:7]}, "perm has shape (7,) with 7 elements, expected 256"),
    ),
    "awq_marlin_repack": _rows(
        ("columns", {"b_q_weight": lambda x: x[:, :8].contiguous()}, "size 8 in dimension 1, expected 16 (by size_n)"),
        ("bits", {"num_bits": lambda _: 8}, "num_bits is 8, expected 4: weights of 8 bits are not supported"),
    ),
    "gptq_marlin_dequantize": _rows(
        ("odd", {"b_q_weight": lambda x: x[:, :255].contiguous()}, "2 N, the columns of b_q_weight, is 255, expected"),
        ("part", {"b_q_weight": lambda x: x[:, :192].contiguous()}, "is 192, expected a multiple of 128"),
        (
            "device",
            {"b_scales": elsewhere},
            "b_scales is on meta and b_q_weight on {device}; both have to be on one device",
        ),
        ("dtype", {"b_scales": torch.Tensor.float}, "b_scales has dtype float32, expected float16 or bfloat16"),
        (
            "groups",
            {"g_idx": lambda _: None},
            "b_scales has 3 groups for K 256, expected groups of a multiple of 16 rows",
        ),
        (
            "no-group",
            {"b_scales": lambda x: x[:0], "b_zeros": lambda x: x[:0]},
            "b_scales has no row, expected one for each group of K",
        ),
        (
            "g_idx-size",
            {"g_idx": lambda x: x[:7]},
            "g_idx has shape (7,) with 7 elements, expected 256 (the group of each row",
        ),
        ("g_idx-dtype", {"g_idx": torch.Tensor.long}, "g_idx has dtype int64, expected int32"),
        (
            "zeros",
            {"b_zeros": lambda x: x[:, :8].contiguous()},
            "b_zeros has shape (3, 8): size 8 in dimension 1, expected 16",
        ),
        (
            "start",
            {"b_scales": lambda x: shape(3 * 128 + 8)(x)[1 : 3 * 128 + 1].view(3, 128)},
            "b_scales starts 2 bytes past a multiple of 16",
        ),
    ),
    "gptq_marlin_gemm": _rows(
        ("device", {"a": elsewhere}, "a is on meta and b_q_weight on {device}; both have to be on one device"),
        ("out-device", {"out": elsewhere}, "out is on meta and b_q_weight on {device}; both have to be on one device"),
        ("dtype", {"a": torch.Tensor.bfloat16}, "a has dtype bfloat16, expected float16, the dtype of b_scales"),
        ("dim", {"a": lambda x: x[0]}, "a has 1 dimensions, shape (4096,); expected 2"),
        ("K", {"a": lambda x: x[:, :16]}, "a has shape (16, 16): size 16 in dimension 1, expected 4096"),
        (
            "rows",
            {"out": lambda x: x[:3]},
            "out has shape (3, 256): size 3 in dimension 0, expected 16 (the rows of a)",
        ),
        ("crossed", {"a": transposed}, "a has strides (1, 16), expected 1 in the last dimension"),
        (
            "perm-size",
            {"perm": lambda x: x[:7]},
            "perm has shape (7,) with 7 elements, expected 4096 (one for each column of a)",
        ),
        ("perm-device", {"perm": elsewhere}, "perm is on meta and b_q_weight on {device}"),
        ("out-repeated", {"out": repeated}, "expected rows that do not overlap: at least 256 elements apart"),
    ),
}


def refusals() -> Iterator[Refusal]:
    for name, rows in REFUSED.items():
        for case, change, text in rows:
            yield Refusal(name, case, change, text)


def shared_rows(tensor: torch.Tensor, columns: int) -> torch.Tensor:
    return torch.zeros(tensor.shape[0], columns, dtype=tensor.dtype, device=tensor.device)


def overlapping(device: Any) -> Iterator[tuple[str, str, Arguments, str]]:
    """Yield calls whose output shares memory with an input: name, case, arguments, and that input."""
    norm, gate, gemm = rmsnorm(device), silu_and_mul(device), gptq_marlin_gemm(device)
    wide = shared_rows(norm["input"], 8192)
    yield "rmsnorm", "shifted", norm | {"input": wide[:, :4096], "out": wide[:, 8:4104]}, "input"
    flat = torch.zeros(65 * 4096, dtype=torch.float16, device=device)
    rows = {"input": flat[: 64 * 4096].view(64, 4096), "out": flat[4096:].view(64, 4096)}
    yield "rmsnorm", "a row on", norm | rows, "input"
    out = torch.zeros(64, 4096, dtype=torch.float16, device=device)
    yield "rmsnorm", "weight", norm | {"out": out, "weight": out[5]}, "weight"
    yield "rmsnorm", "in place of another stride", norm | {"input": repeated(out), "out": out}, "input"
    yield "silu_and_mul", "the middle", gate | {"out": gate["input"][:, 1024:3072]}, "input"
    both = torch.zeros(16, 4096, dtype=torch.float16, device=device)
    yield "gptq_marlin_gemm", "a", gemm | {"a": both, "out": both[:, :256]}, "a"
    scales = torch.zeros(32, 256, dtype=torch.float16, device=device)
    yield "gptq_marlin_gemm", "b_scales", gemm | {"b_scales": scales, "out": scales[:16]}, "b_scales"


def side_by_side(device: Any) -> Iterator[tuple[str, str, Arguments]]:
    """Yield calls whose output lies among an input's rows, or in place of them, and is right."""
    norm, gate = rmsnorm(device), silu_and_mul(device)
    wide = torch.randn(64, 8192, device=device).half()
    yield "rmsnorm", "beside", norm | {"input": wide[:, :4096], "out": wide[:, 4096:]}
    wide = torch.randn(64, 8192, device=device).half()
    yield "rmsnorm", "in place", norm | {"input": wide[:, :4096], "out": wide[:, :4096]}
    for case, half in (("first half", slice(0, 2048)), ("second half", slice(2048, 4096))):
        fresh = torch.randn(64, 4096, device=device).half()
        yield "silu_and_mul", case, gate | {"input": fresh, "out": fresh[:, half]}
