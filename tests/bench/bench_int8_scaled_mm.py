"""int8_scaled_mm beside torch._int_mm, which leaves the scaling out, and beside torch's bf16 product, in one run."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import warpwright
from timing import geometric_mean, microseconds, report

LAYERS = [(6144, 4096), (4096, 4096), (28672, 4096), (4096, 14336), (8192, 8192)]


@pytest.mark.parametrize("m", [1, 16, 64, 128, 512, 2048, 4096, 8192])
def test_int8_scaled_mm(m: int) -> None:
    rows: list[dict[str, Any]] = []
    for n, k in LAYERS:
        a = torch.randint(-128, 128, (m, k), dtype=torch.int8, device="cuda")
        b = torch.randint(-128, 128, (n, k), dtype=torch.int8, device="cuda").t()
        sa, sb = torch.rand(m, 1, device="cuda"), torch.rand(n, 1, device="cuda")
        x, w = torch.randn(m, k, device="cuda").bfloat16(), torch.randn(n, k, device="cuda").bfloat16().t()
        ours = microseconds(lambda: warpwright.int8_scaled_mm(a, b, sa, sb, torch.bfloat16))  # noqa: B023
        bf16 = microseconds(lambda: x @ w)  # noqa: B023
        row = {"m": m, "n": n, "k": k, "ours": ours, "TOPS": 2 * m * n * k / ours * 1e-6, "bf16/ours": bf16 / ours}
        if m > 16:  # torch._int_mm takes more than 16 rows alone
            row["_int_mm/ours"] = microseconds(lambda: torch._int_mm(a, b)) / ours  # noqa: B023
        rows.append(row)
    report(f"int8_scaled_mm_{m}", rows)
    assert geometric_mean([row["bf16/ours"] for row in rows]) > 0
