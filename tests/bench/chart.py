"""Draw the products of bench_operators.py: python tests/bench/chart.py OUT.png RESULT.json... (needs matplotlib)."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import geometric_mean
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

NAMES = {
    "ours": "warpwright",
    "sglang-kernel": "sglang-kernel",
    "torch._int_mm": "torch._int_mm (no scales)",
    "torch row-wise": "torch._scaled_mm, row-wise",
    "torch bf16": "torch bf16",
}


Row = dict[str, Any]


def tokens(row: Row) -> int:
    """Return the tokens of a workload, whose name says them first: `m 16, n 4096, k 4096`."""
    return int(row["workload"].split(",")[0].split()[1])


def series(rows: list[Row], name: str, value: Callable[[Row, float], float]) -> dict[int, float]:
    """Return the geometric mean over the layers for each number of tokens."""
    sizes = sorted({tokens(row) for row in rows if name in row["us"]})
    return {m: geometric_mean([value(row, row["us"][name]) for row in rows if tokens(row) == m]) for m in sizes}


def rate(row: Row, time: float) -> float:
    return float(row["operations"] / time * 1e-6)


def over_floor(row: Row, time: float) -> float:
    return float(time / row["floor"])


def draw(axes: Any, record: dict[str, Any], value: Callable[[Row, float], float], title: str) -> None:
    for name, label in NAMES.items():
        points = series(record["rows"], name, value)
        if points:
            axes.plot(
                list(points), list(points.values()), marker="o", label=label, linewidth=2 if name == "ours" else 1
            )
    sizes = sorted({tokens(row) for row in record["rows"]})
    axes.set_xscale("log", base=2)
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.set_xlabel("M (tokens)")
    axes.set_title(title)
    axes.grid(alpha=0.3)


def main(out: Path, results: list[Path]) -> None:
    records = [json.loads(path.read_text(encoding="utf-8")) for path in results]
    figure, grid = plt.subplots(2, len(records), figsize=(5 * len(records), 8), squeeze=False, layout="constrained")
    for record, (upper, lower) in zip(records, grid.T, strict=True):
        draw(upper, record, rate, f"{record['operator']}: TFLOP/s")
        upper.set_yscale("log")
        draw(lower, record, over_floor, "time over floor")
        lower.set_ylim(bottom=0)
        upper.legend(fontsize=8)
    first = records[0]
    figure.suptitle(f"{first['device']}, torch {first['torch']}, {first['date']}: geometric means over five layers")
    figure.savefig(out, dpi=110)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
