"""rmsnorm and silu_and_mul beside torch's own and beside a copy of the same bytes, in one run."""

from __future__ import annotations

from statistics import geometric_mean
from typing import Any

import torch

import warpwright
from timing import microseconds, report

SHAPES = [(m, d) for m in (1, 64, 1024, 8192) for d in (4096, 8192)]


def test_rmsnorm() -> None:
    rows: list[dict[str, Any]] = []
    for m, hidden in SHAPES:
        x = torch.randn(m, hidden, device="cuda", dtype=torch.bfloat16)
        weight, out = torch.randn_like(x[0]), torch.empty_like(x)
        ours = microseconds(lambda: warpwright.rmsnorm(x, weight, 1e-6, out=out))  # noqa: B023
        torchs = microseconds(lambda: torch.nn.functional.rms_norm(x, (hidden,), weight, 1e-6))  # noqa: B023
        copy = microseconds(lambda: out.copy_(x))  # noqa: B023
        rows.append({"rows": m, "hidden": hidden, "ours": ours, "torch": torchs, "copy": copy,
                     "torch/ours": torchs / ours, "copy/ours": copy / ours})  # fmt: skip
    report("rmsnorm", rows)
    assert geometric_mean([row["torch/ours"] for row in rows]) > 0


def test_silu_and_mul() -> None:
    rows: list[dict[str, Any]] = []
    for m, hidden in SHAPES:
        x = torch.randn(m, 2 * hidden, device="cuda", dtype=torch.bfloat16)
        out = torch.empty(m, hidden, device="cuda", dtype=torch.bfloat16)
        ours = microseconds(lambda: warpwright.silu_and_mul(x, out=out))  # noqa: B023
        torchs = microseconds(lambda: torch.nn.functional.silu(x[:, :hidden]) * x[:, hidden:])  # noqa: B023
        rows.append({"rows": m, "hidden": hidden, "ours": ours, "torch": torchs, "torch/ours": torchs / ours})
    report("silu_and_mul", rows)
    assert rows
