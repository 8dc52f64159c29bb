"""The quantised products beside sglang-kernel and torch, in one process, against the least time needed.

WARPWRIGHT_BENCH_SGL names the peer's common_ops.abi3.so; without it, torch is the only peer.

The floor of a product is the larger of its bytes over the measured copy bandwidth and its operations over the measured
peak: the fastest rate at which any of the libraries here ran any product of that element type, on random data.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import geometric_mean
from typing import Any

import pytest

from products import OPERATORS, Product, fp8_scaled_mm, int8_scaled_mm, load_sgl, products
from timing import copy_bandwidth, host_microseconds, interleaved, print_table, write_record


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


@dataclass(frozen=True)
class Timed:
    """A product's sizes and times, without its matrices."""

    m: int
    n: int
    k: int
    bytes: int
    operations: int
    times: dict[str, float]

    def most_operations(self) -> float:
        """Return the rate of the fastest of those that multiply what we do."""
        return self.operations / min(time for name, time in self.times.items() if name != "torch bf16")

    def row(self, bandwidth: float, most_operations: float) -> dict[str, Any]:
        ours, floor = self.times["ours"], max(self.bytes / bandwidth, self.operations / most_operations)
        row = {"m": self.m, "n": self.n, "k": self.k, "floor": floor, **self.times}
        row["TOPS"], row["ours/floor"] = self.operations / ours * 1e-6, ours / floor
        row.update({f"{name}/ours": time / ours for name, time in self.times.items() if name != "ours"})
        return row


def time_product(product: Product) -> Timed:
    product.check()
    times = interleaved(product.calls, 51 if product.m <= 128 else 21 if product.operations < 4e11 else 11)
    return Timed(product.m, product.n, product.k, product.bytes, product.operations, times)


def held(bar: Bar, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the mean and the least of the ratios that a bar is about."""
    key = f"{bar.against}/ours"
    ratios = [row[key] for row in rows if key in row and bar.least_m <= row["m"] <= bar.most_m]
    return {"against": bar.against, "m": f"{bar.least_m}..{bar.most_m}", "wanted": bar.wanted,
            "mean": geometric_mean(ratios), "least": min(ratios)}  # fmt: skip


@pytest.mark.parametrize("op", OPERATORS)
def test_scaled_mm(op: str) -> None:
    bandwidth = copy_bandwidth()
    timed = [time_product(product) for product in products(op)]
    plain = int8_scaled_mm if op.startswith("int8") else fp8_scaled_mm  # one scale for the whole of k: the fastest
    most = max(product.most_operations() for product in [*timed, time_product(plain(2048, 8192, 8192))])
    rows = [product.row(bandwidth, most) for product in timed]
    columns = sorted({key for row in rows for key in row}, key=[*rows[2], *rows[-1]].index)
    print_table(f"{op}: microseconds, and times our time", [{key: row.get(key, "") for key in columns} for row in rows])
    means = [held(bar, rows) for bar in BARS if bar.op == op and (bar.against != "sgl" or load_sgl() is not None)]
    if means:
        print_table(f"{op}: geometric means", means)
    over_floor = [{"m": text, "ours/floor": geometric_mean([row["ours/floor"] for row in rows if row["m"] in sizes])}
                  for text, sizes in (("1..128", range(129)), ("512..8192", range(512, 8193)))]  # fmt: skip
    print_table(f"{op}: time over floor", over_floor)
    write_record(op, {"op": op, "copy": bandwidth, "peak": most, "rows": rows, "means": means})


def test_host_overhead() -> None:
    rows = []
    for op, make in OPERATORS.items():
        calls = make(1, 4096, 4096).calls
        rows.append({"op": op, **{name: host_microseconds(calls[name]) for name in ("ours", "sgl") if name in calls}})
    print_table("host overhead of a call, microseconds", rows)
    write_record("host_overhead", {"rows": rows})
