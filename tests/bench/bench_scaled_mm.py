"""The quantised products beside sglang-kernel and torch, in one process, against the least time needed.

WARPWRIGHT_BENCH_SGL names the peer's common_ops.abi3.so; without it, torch is the only peer.

The floor of a product is the larger of its bytes over the measured copy bandwidth and its operations over the measured
peak: the fastest rate at which any of the libraries here ran the product of 8192 cubed, on random data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from products import OPERATORS, Product, load_sgl, products
from timing import copy_bandwidth, geometric_mean, host_microseconds, interleaved, print_table, write_record


@dataclass(frozen=True)
class Bar:
    """The wanted geometric mean of a peer's time over ours."""

    op: str
    against: str
    least_m: int
    most_m: int
    wanted: float


BARS = [
    Bar("int8_scaled_mm", "sgl", 1, 128, 1.10),
    Bar("int8_scaled_mm", "sgl", 512, 8192, 1.03),
    Bar("int8_scaled_mm", "torch._int_mm", 1, 8192, 1.45),
    Bar("fp8_scaled_mm", "sgl", 1, 128, 1.10),
    Bar("fp8_scaled_mm", "sgl", 512, 8192, 1.05),
    Bar("fp8_scaled_mm", "torch row-wise", 1, 8192, 1.12),
    Bar("fp8_blockwise_scaled_mm", "sgl", 1, 8192, 1.00),
]


def runs(product: Product) -> int:
    return 51 if product.m <= 128 else 21 if product.operations < 4e11 else 11


def peak(op: str) -> float:
    """Measure the most operations in a microsecond."""
    product = OPERATORS[op](8192, 8192, 8192)
    calls = {name: call for name, call in product.calls.items() if name != "torch bf16"}
    return product.operations / min(interleaved(calls, 7).values())


def time_row(product: Product, bandwidth: float, most_operations: float) -> dict[str, Any]:
    product.check()
    times = interleaved(product.calls, runs(product))
    floor = max(product.bytes / bandwidth, product.operations / most_operations)
    row = {"m": product.m, "n": product.n, "k": product.k, "floor": floor, **times}
    row["TOPS"], row["ours/floor"] = product.operations / times["ours"] * 1e-6, times["ours"] / floor
    row.update({f"{name}/ours": time / times["ours"] for name, time in times.items() if name != "ours"})
    return row


def held(bar: Bar, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Give the mean and the least of the ratios that a bar is about."""
    key = f"{bar.against}/ours"
    ratios = [row[key] for row in rows if key in row and bar.least_m <= row["m"] <= bar.most_m]
    return {"against": bar.against, "m": f"{bar.least_m}..{bar.most_m}", "wanted": bar.wanted,
            "mean": geometric_mean(ratios), "least": min(ratios)}  # fmt: skip


@pytest.mark.parametrize("op", OPERATORS)
def test_scaled_mm(op: str) -> None:
    bandwidth, most_operations = copy_bandwidth(), peak(op)
    rows = [time_row(product, bandwidth, most_operations) for product in products(op)]
    columns = sorted({key for row in rows for key in row}, key=[*rows[2], *rows[-1]].index)
    print_table(f"{op}: microseconds, and times our time", [{key: row.get(key, "") for key in columns} for row in rows])
    means = [held(bar, rows) for bar in BARS if bar.op == op and (bar.against != "sgl" or load_sgl() is not None)]
    if means:
        print_table(f"{op}: geometric means", means)
    over_floor = [{"m": text, "ours/floor": geometric_mean([row["ours/floor"] for row in rows if row["m"] in sizes])}
                  for text, sizes in (("1..128", range(129)), ("512..8192", range(512, 8193)))]  # fmt: skip
    print_table(f"{op}: time over floor", over_floor)
    write_record(op, {"op": op, "copy": bandwidth, "peak": most_operations, "rows": rows, "means": means})


def test_host_overhead() -> None:
    rows = []
    for op, make in OPERATORS.items():
        calls = make(1, 4096, 4096).calls
        rows.append({"op": op, **{name: host_microseconds(calls[name]) for name in ("ours", "sgl") if name in calls}})
    print_table("host overhead of a call, microseconds", rows)
    write_record("host_overhead", {"rows": rows})
