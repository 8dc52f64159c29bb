"""Every operator on the workloads of its contract, beside its peers, in one process: microseconds, ratios, and JSON.

`-k NAME` times one operator. WARPWRIGHT_BENCH_SGL names sglang-kernel's common_ops.abi3.so, which needs libnuma.so.1
and torch's own CUDA libraries on the loader's path; FlashInfer is a peer where it can be imported. A peer that is not
here is left out, and said so.
WARPWRIGHT_BENCH_COMPILE names operators, or is "all": their references are compiled by torch.compile, in float32 with
one rounding at the end, and run as a peer.

The floor of a workload is the larger of its bytes over the measured copy bandwidth and its operations over the fastest
rate at which anyone here ran any workload of the operator.
"""

from __future__ import annotations

import importlib
import inspect
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from statistics import geometric_mean
from typing import Any

import pytest
import torch

import warpwright
from contracts.results import asked, determined, left_out, referred
from timing import Call, copy_bandwidth, host_microseconds, median_of_three, print_table, write_record
from warpwright._registry import as_tuple, by_name, overload, pure_outs, written
from warpwright.contract import Arguments, Contract, TraitKind, no_operations
from warpwright.draw import Draw
from warpwright.export import bytes_of, operations_of, title_of

# Torch itself calls what it warns of, when torch.compile is first used.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore::{kind}") for kind in ("DeprecationWarning", "UserWarning", "FutureWarning")
]
OPERATORS = warpwright.operators()
each_operator = pytest.mark.parametrize("contract", [pytest.param(each, id=name) for name, each in OPERATORS.items()])
OURS = "ours"


@dataclass(frozen=True)
class Timed:
    """A workload's size and times, without its tensors."""

    title: str
    bytes: int
    operations: int
    us: Mapping[str, float]

    def row(self, bandwidth: float, rate: float) -> dict[str, Any]:
        floor = max(self.bytes / bandwidth, self.operations / rate)
        counts = {"bytes": self.bytes, "operations": self.operations}
        return {"workload": self.title, **counts, "floor": floor, "us": dict(self.us)}


@cache
def load_peers() -> None:
    """Load what peers need that is no part of torch."""
    if path := os.environ.get("WARPWRIGHT_BENCH_SGL"):
        torch.ops.load_library(path)


def is_here(call: Call) -> bool:
    """True where a peer can be called: the libraries of some are not everywhere, and some take no such shape."""
    try:
        call()
    except (AttributeError, RuntimeError, TypeError, ValueError) as error:
        return "out of memory" in str(error)
    return True


def results(contract: Contract, call: Arguments) -> Callable[[], tuple[torch.Tensor, ...]]:
    """Return our call, as the operator itself is called."""
    operator, given = overload(contract.name), tuple(call.values())
    outs = tuple(call[name] for name in written(operator._schema) if call[name] is not None)
    return lambda: outs if (found := operator(*given)) is None else (*outs, *as_tuple(found))


def is_compiled(contract: Contract) -> bool:
    """True where torch.compile is asked for, and the operator does nothing but move memory."""
    names = os.environ.get("WARPWRIGHT_BENCH_COMPILE", "").split()
    return contract.operations is no_operations and (names == ["all"] or contract.name in names)


def compiled(contract: Contract, call: Arguments) -> Callable[[Arguments], tuple[torch.Tensor, ...]]:
    """Return what torch makes of a reference for one shape; it returns new tensors, also where the operator writes.

    Anew for each workload: a function that torch has compiled for eight shapes it runs uncompiled from then on.
    """
    reference, without = by_name(contract.reference), left_out(contract, call)
    dtypes = tuple(each.dtype for each in results(contract, call)())

    def rounded(call: Arguments) -> tuple[torch.Tensor, ...]:
        found = asked(without, reference(call | {"wide": torch.float32}))
        return tuple(each.to(dtype) for each, dtype in zip(found, dtypes, strict=True))

    torch.compiler.reset()
    made: Callable[[Arguments], tuple[torch.Tensor, ...]] = torch.compile(rounded, dynamic=False)
    return made


def compiled_peer(contract: Contract, call: Arguments) -> Mapping[str, Call]:
    """Return that peer, where it is asked for."""
    if not is_compiled(contract):
        return {}
    peer = compiled(contract, call)
    return {"torch.compile": lambda: peer(call)}


def flashinfer_peer(contract: Contract, call: Arguments) -> Mapping[str, Call]:
    """Return FlashInfer's function of the same module and name, which takes our arguments; some return a new tensor."""
    for module in contract.also_in:
        try:
            function = getattr(importlib.import_module(f"flashinfer.{module}"), contract.name)
        except (ImportError, AttributeError):
            continue
        known = inspect.signature(function).parameters
        asked = {name for name, value in call.items() if value is not None and name not in pure_outs(contract)}
        if asked <= known.keys():
            return {"FlashInfer": partial(function, **{name: call[name] for name in call if name in known})}
    return {}


def check(contract: Contract, call: Arguments) -> None:
    """Hold our result against the reference in float32; the tests hold it closer."""
    expected = referred(contract, call, torch.float32)
    given = (results(contract, call)(), expected)
    for found, right in zip(*(determined(contract, call, each) for each in given), strict=True):
        found, right = found.float(), right.to(found.dtype).float()
        off, size = (found - right).where(found != right, 0), right.where(right.isfinite(), 0)  # infinity, in both
        error = off.norm() / size.norm().clamp(min=1e-30)
        assert float(error) < 1e-2, f"{contract.name} is off by {float(error):.1e}"


def time_workload(contract: Contract, sizes: Mapping[str, Any]) -> Timed:
    call = contract.make(Draw("cuda", 1), **sizes)
    check(contract, call)
    offered = {**by_name(contract.peers)(call), **flashinfer_peer(contract, call), **compiled_peer(contract, call)}
    peers = {name: peer for name, peer in offered.items() if is_here(peer)}
    if left_out := offered.keys() - peers.keys():
        print(f"{contract.name}, {title_of(sizes)}: left out, not here or not for this shape: {sorted(left_out)}")
    operations = operations_of(contract, call)
    runs = 21 if operations < 5e9 else 9 if operations < 4e11 else 5
    times = median_of_three({OURS: results(contract, call), **peers}, runs)
    return Timed(title_of(sizes), bytes_of(contract, call), operations, times)


def rate_of(timed: list[Timed]) -> float:
    """Return the fastest rate of all, in operations of a microsecond."""
    return max(1.0, *(each.operations / min(each.us.values()) for each in timed))


def table_of(rows: list[dict[str, Any]], peers: list[str]) -> list[dict[str, Any]]:
    """Return the rows as they are printed: times, the floor, and how many times as fast we are."""
    table = []
    for row in rows:
        us = {name: row["us"].get(name, "") for name in (OURS, *peers)}
        ratios = {f"{name}/ours": us[name] / us[OURS] if us[name] else "" for name in peers}
        table.append({"workload": row["workload"], **us, "ours/floor": us[OURS] / row["floor"], **ratios})
    return table


def means_of(rows: list[dict[str, Any]], peers: list[str]) -> dict[str, Any]:
    """Return the geometric means of each peer's time over ours."""
    ratios = {name: [row["us"][name] / row["us"][OURS] for row in rows if name in row["us"]] for name in peers}
    return {"workloads": len(rows), **{name: geometric_mean(found) for name, found in ratios.items()}}


@each_operator
def test_workloads(contract: Contract) -> None:
    load_peers()
    bandwidth = copy_bandwidth()
    timed = [time_workload(contract, sizes) for sizes in contract.workloads]
    rows = [each.row(bandwidth, rate_of(timed)) for each in timed]
    peers = list(dict.fromkeys(name for each in timed for name in each.us if name != OURS))
    print_table(f"{contract.name}: us, and times our time", table_of(rows, peers))
    print_table(f"{contract.name}: geometric means of a peer's time over ours", [means_of(rows, peers)])
    document = {"schema": 2, "operator": contract.name, "version": warpwright.__version__, "rows": rows}
    write_record(contract.name, document)


def parts_of(contract: Contract) -> dict[str, Any]:
    """Return what one call costs the host, by part: the difference between a call and one that does less."""
    call = contract.make(Draw("cuda", 1))
    empty = contract.arguments(next(each for each in contract.samples if each.name == "empty"), Draw("cuda", 1))
    public, outs = by_name(contract.call or contract.function), pure_outs(contract)
    new = {name: value for name, value in call.items() if name not in outs}
    whole, given = (host_microseconds(lambda each=each: public(each)) for each in (new, call))  # type: ignore[misc]
    operator, nothing = (host_microseconds(results(contract, each)) for each in (call, empty))
    parts = {"the public function's Python": given - operator, "dispatch and checks": nothing}
    parts |= {"path, launch": operator - nothing} if outs else {"allocation, path, launch": operator - nothing}
    parts |= {"allocation": whole - given} if outs else {}
    return {"operator": contract.name, "call": whole, **parts}


def test_host_cost() -> None:
    waits = TraitKind.SYNCHRONISES
    rows = [parts_of(contract) for contract in OPERATORS.values() if contract.trait(waits) is None]
    columns = list(dict.fromkeys(key for row in rows for key in row))
    table = [{key: row.get(key, "") for key in columns} for row in rows]
    print_table("host cost of a call by part, us; an operator that returns what it makes allocates itself", table)
    write_record("host_cost", {"rows": rows})


def test_host_time_beside_a_copy() -> None:
    """What a call costs the host where the output is given, beside torch's own copy of as much."""
    rows = []
    for name in ("rmsnorm", "silu_and_mul"):
        contract = OPERATORS[name]
        call = contract.make(Draw("cuda", 1), rows=4, hidden=2048, dtype=torch.bfloat16)
        public, out = by_name(contract.function), call["out"]
        source = torch.empty_like(out)
        with torch.inference_mode():
            ours = host_microseconds(lambda public=public, call=call: public(call))  # type: ignore[misc]
            direct = host_microseconds(_called_as_engines_do(name, call))
            copy = host_microseconds(lambda out=out, source=source: out.copy_(source))  # type: ignore[misc]
        rows.append({"operator": name, "by name": ours, "call": direct, "copy_": copy, "call/copy_": direct / copy})
    print_table("host time of a call with an output, us", rows)
    write_record("host_beside_copy", {"rows": rows})


def _called_as_engines_do(name: str, call: Arguments) -> Call:
    """Return the plain call: what finds arguments by name costs more than it."""
    out, given = call["out"], call["input"]
    if name == "rmsnorm":
        weight = call["weight"]
        return lambda: warpwright.rmsnorm(given, weight, 1e-6, out)
    return lambda: warpwright.silu_and_mul(given, out)
