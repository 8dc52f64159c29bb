"""How the benchmarks measure: medians of repeated runs with the L2 cache flushed between them, in microseconds."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from triton.testing import do_bench


def microseconds(call: Callable[[], object]) -> float:
    """Give the median time of a call on the GPU."""
    return float(do_bench(call, warmup=10, rep=50, return_mode="median")) * 1e3


def geometric_mean(ratios: list[float]) -> float:
    """Give the mean of ratios."""
    return math.exp(sum(map(math.log, ratios)) / len(ratios))


def report(name: str, rows: list[dict[str, Any]]) -> None:
    """Print the rows as a table, and write them as JSON into the folder WARPWRIGHT_BENCH_OUT where it is set."""
    print(f"\n{name} on {torch.cuda.get_device_name()}, torch {torch.__version__}; microseconds, and times our time")
    print("  ".join(f"{key:>14}" for key in rows[0]))
    for row in rows:
        cells = (f"{value:.2f}" if isinstance(value, float) else str(value) for value in row.values())
        print("  ".join(f"{cell:>14}" for cell in cells))
    if folder := os.environ.get("WARPWRIGHT_BENCH_OUT"):
        record = {"device": torch.cuda.get_device_name(), "torch": torch.__version__, "rows": rows}
        (Path(folder) / f"{name}.json").write_text(json.dumps(record, indent=1), encoding="utf-8")
