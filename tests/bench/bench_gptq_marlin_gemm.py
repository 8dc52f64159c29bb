"""gptq_marlin_gemm beside torch's bf16 product: what 4-bit weights save where the weights take the time."""

from __future__ import annotations

from statistics import geometric_mean
from typing import Any

import torch

import warpwright
from products import LAYERS, words
from timing import copy_bandwidth, interleaved, print_table, write_record

TOKENS = [1, 16, 32, 64, 128, 256, 512, 2048]
GROUP = 128
WANTED = 2.8
"""Times as fast as torch's bf16 product, the mean over the layers at 1 and 16 tokens."""


def time_row(m: int, n: int, k: int, bandwidth: float) -> dict[str, Any]:
    a, dense = torch.randn(m, k, device="cuda").bfloat16(), torch.randn(n, k, device="cuda").bfloat16().t()
    weights, scales = words(k // 16, 2 * n), torch.rand(k // GROUP, n, device="cuda").bfloat16()

    def ours() -> torch.Tensor:
        return warpwright.gptq_marlin_gemm(
            a, None, weights, scales, None, None, None, None, None, "uint4b8", m, n, k
        )  # fmt: skip

    expected = a.double() @ torch.ops.warpwright.gptq_marlin_dequantize(weights, scales, None).double()
    assert (ours().double() - expected).norm() < 1e-2 * expected.norm()
    times = interleaved({"ours": ours, "torch bf16": lambda: a @ dense}, 31)
    floor = (n * k / 2 + scales.numel() * 2 + 2 * m * (n + k)) / bandwidth
    row = {"m": m, "n": n, "k": k, "floor": floor, **times}
    return row | {"ours/floor": times["ours"] / floor, "torch bf16/ours": times["torch bf16"] / times["ours"]}


def test_gptq_marlin_gemm() -> None:
    bandwidth = copy_bandwidth()
    rows = [time_row(m, n, k, bandwidth) for n, k in LAYERS for m in TOKENS]
    print_table("gptq_marlin_gemm, groups of 128, us", rows)
    few = [row["torch bf16/ours"] for row in rows if row["m"] <= 16]
    bars = [{"against": "torch bf16", "m": "1, 16", "wanted": WANTED, "mean": geometric_mean(few), "least": min(few)}]
    print_table("bars", bars)
    write_record("gptq_marlin_gemm", {"rows": rows, "bars": bars})
