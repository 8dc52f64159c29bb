"""How the benchmarks measure: medians of interleaved runs with the L2 cache flushed before each, in microseconds."""

from __future__ import annotations

import functools
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import torch

Call = Callable[[], object]


@functools.cache
def _flusher() -> torch.Tensor:
    return torch.empty(64 << 20, dtype=torch.int32, device="cuda")


def event_pair(call: Call, clean: bool = False) -> tuple[torch.cuda.Event, torch.cuda.Event]:
    """Run a call with a cold L2 cache between two events.

    As `triton.testing.do_bench` does, the cache is filled by writing, and what it holds is written back while the call
    reads; a clean one is filled by reading, as by the layers before in a model. The GPU then waits, so that the host
    has asked for all before the first event: what it takes to ask is no part of the time.
    """
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    _flusher().sum() if clean else _flusher().zero_()
    torch.cuda._sleep(400_000)  # cycles: 0.2 ms
    start.record()
    call()
    end.record()
    return start, end


def interleaved(calls: Mapping[str, Call], runs: int, clean: bool = False) -> dict[str, float]:
    """Return each call's median time; they take turns, so that clocks and temperature are the same for all.

    Each turn begins with another call than the one before: what ran before a call, and where its events lie, change
    what it takes by up to a tenth where it is short.
    """
    for call in calls.values():
        call()
    names = list(calls)
    turns = [names[first % len(names) :] + names[: first % len(names)] for first in range(runs)]
    events = [{name: event_pair(calls[name], clean) for name in turn} for turn in turns]
    torch.cuda.synchronize()
    return {name: median(start.elapsed_time(end) for start, end in (turn[name] for turn in events)) * 1e3
            for name in calls}  # fmt: skip


def median_of_three(calls: Mapping[str, Call], runs: int) -> dict[str, float]:
    """Return the median of three such runs, one after the other."""
    found = [interleaved(calls, runs) for _ in range(3)]
    return {name: median(times[name] for times in found) for name in calls}


def host_microseconds(call: Call, calls: int = 300) -> float:
    """Return the time from one call to the next while the GPU's queue has room: Python to launch. The best of five."""
    times = []
    for _ in range(6):  # the first one warms up
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(calls):
            call()
        times.append((time.perf_counter() - start) / calls * 1e6)
    torch.cuda.synchronize()
    return min(times[1:])


def copy_bandwidth() -> float:
    """Measure a large copy on the GPU: bytes read and written in a microsecond."""
    source = torch.empty(2 << 30, dtype=torch.uint8, device="cuda").random_()
    target = torch.empty_like(source)
    times = interleaved({"copy": lambda: target.copy_(source)}, 9)
    return float(2 * source.numel() / times["copy"])


def print_table(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print rows, whose keys are those of the first one, as a table."""
    print(f"\n{title} on {torch.cuda.get_device_name()}, torch {torch.__version__}")
    widths = {
        key: max(len(key), 9, *(len(str(row[key])) for row in rows if isinstance(row[key], str))) for key in rows[0]
    }
    print("  ".join(f"{key:>{width}}" for key, width in widths.items()))
    for row in rows:
        cells = {key: f"{row[key]:.2f}" if isinstance(row[key], float) else str(row[key]) for key in widths}
        print("  ".join(f"{cells[key]:>{width}}" for key, width in widths.items()))


def write_record(name: str, record: Mapping[str, Any]) -> None:
    """Write JSON into the folder WARPWRIGHT_BENCH_OUT where it is set, with the machine and the date."""
    if folder := os.environ.get("WARPWRIGHT_BENCH_OUT"):
        machine = {"device": torch.cuda.get_device_name(), "torch": torch.__version__,
                   "date": time.strftime("%Y-%m-%d", time.gmtime())}  # fmt: skip
        (Path(folder) / f"{name}.json").write_text(json.dumps({**machine, **record}, indent=1), encoding="utf-8")
