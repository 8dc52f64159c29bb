"""The matrix products that are timed: their inputs, and the calls of ours and of the peers."""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

import warpwright
from timing import Call

LAYERS = [(6144, 4096), (4096, 4096), (28672, 4096), (4096, 14336), (8192, 8192)]
TOKENS = [1, 16, 64, 128, 512, 2048, 8192]
OUT = torch.bfloat16


@dataclass(frozen=True)
class Product:
    """One product: a is (m, k), b is (k, n), with one byte an element, and the output has two."""

    op: str
    m: int
    n: int
    k: int
    calls: dict[str, Call]  # "ours" and the peers
    expected: Call

    @property
    def operations(self) -> int:
        return 2 * self.m * self.n * self.k

    @property
    def bytes(self) -> int:
        return self.m * self.k + self.n * self.k + 2 * self.m * self.n

    def check(self) -> None:
        """Hold our output against the same product in bf16, which both inputs fit into but for their scales."""
        found, expected = self.calls["ours"](), self.expected()
        assert isinstance(found, torch.Tensor)
        assert isinstance(expected, torch.Tensor)
        error = (found.float() - expected).norm() / expected.norm()
        assert error < 1e-2, f"{self.op} at {(self.m, self.n, self.k)} is off by {error:.1e}"


@functools.cache
def load_sgl() -> Any:
    """Return the operators of sglang-kernel, whose common_ops.abi3.so WARPWRIGHT_BENCH_SGL names, or None.

    The library needs libnuma.so.1 and torch's own CUDA libraries on the loader's path.
    """
    path = os.environ.get("WARPWRIGHT_BENCH_SGL")
    if path is None:
        return None
    torch.ops.load_library(path)
    return torch.ops.sgl_kernel


def float8(rows: int, columns: int) -> torch.Tensor:
    return torch.randn(rows, columns, device="cuda").to(torch.float8_e4m3fn)


def int8(rows: int, columns: int) -> torch.Tensor:
    return torch.randint(-128, 128, (rows, columns), dtype=torch.int8, device="cuda")


def words(rows: int, columns: int) -> torch.Tensor:
    """Draw weights of 4 bits, eight in a word."""
    return torch.randint(-(2**31), 2**31, (rows, columns), dtype=torch.int32, device="cuda")


def bf16_product(a: torch.Tensor, b: torch.Tensor) -> tuple[Call, Callable[[], torch.Tensor]]:
    """Return torch's bf16 product of the same shape and values, as a peer and as a reference."""
    x, w = a.bfloat16(), b.bfloat16()
    return lambda: x @ w, lambda: (x @ w).float()


def int8_scaled_mm(m: int, n: int, k: int) -> Product:
    a, b = int8(m, k), int8(n, k).t()
    sa, sb = torch.rand(m, 1, device="cuda"), torch.rand(n, 1, device="cuda")
    bf16, reference = bf16_product(a, b)
    calls: dict[str, Call] = {"ours": lambda: warpwright.int8_scaled_mm(a, b, sa, sb, OUT), "torch bf16": bf16}
    if m > 16:  # torch._int_mm takes more than 16 rows alone
        calls["torch._int_mm"] = lambda: torch._int_mm(a, b)
    if (sgl := load_sgl()) is not None:
        calls["sgl"] = lambda: sgl.int8_scaled_mm.default(a, b, sa, sb, OUT, None)
    return Product("int8_scaled_mm", m, n, k, calls, lambda: reference() * sa * sb.t())


def fp8_scaled_mm(m: int, n: int, k: int) -> Product:
    a, b = float8(m, k), float8(n, k).t()
    sa, sb = torch.rand(m, 1, device="cuda"), torch.rand(n, 1, device="cuda")
    row = sb.t().contiguous()
    bf16, reference = bf16_product(a, b)
    calls: dict[str, Call] = {
        "ours": lambda: warpwright.fp8_scaled_mm(a, b, sa, sb, OUT),
        "torch bf16": bf16,
        "torch row-wise": lambda: torch._scaled_mm(a, b, sa, row, out_dtype=OUT, use_fast_accum=True),
    }
    if (sgl := load_sgl()) is not None:
        calls["sgl"] = lambda: sgl.fp8_scaled_mm.default(a, b, sa, sb, OUT, None)
    return Product("fp8_scaled_mm", m, n, k, calls, lambda: reference() * sa * sb.t())


def fp8_blockwise_scaled_mm(m: int, n: int, k: int) -> Product:
    a, b = float8(m, k), float8(n, k).t()
    sa, sb = torch.rand(k // 128, m, device="cuda").t(), torch.rand(n // 128, k // 128, device="cuda").t()
    x = (a.float() * sa.repeat_interleave(128, 1)).bfloat16()
    w = (b.float() * sb.repeat_interleave(128, 0).repeat_interleave(128, 1)).bfloat16()
    calls: dict[str, Call] = {
        "ours": lambda: warpwright.fp8_blockwise_scaled_mm(a, b, sa, sb, OUT),
        "torch bf16": lambda: x @ w,
    }
    if (sgl := load_sgl()) is not None:
        calls["sgl"] = lambda: sgl.fp8_blockwise_scaled_mm.default(a, b, sa, sb, OUT)
    return Product("fp8_blockwise_scaled_mm", m, n, k, calls, lambda: (x @ w).float())


OPERATORS = {make.__name__: make for make in (int8_scaled_mm, fp8_scaled_mm, fp8_blockwise_scaled_mm)}


def products(op: str) -> Iterator[Product]:
    """Return the operator's products over all layers and tokens, one at a time: the largest take gigabytes."""
    for (n, k), m in itertools.product(LAYERS, TOKENS):
        yield OPERATORS[op](m, n, k)
