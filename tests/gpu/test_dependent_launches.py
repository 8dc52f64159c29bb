"""Programmatic dependent launch: a kernel that starts early reads nothing that an earlier one has yet to write."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
import torch

import warpwright
from warpwright import _extension, doctor

LINKS = 1000
Step = Callable[[torch.Tensor], torch.Tensor]


def norm(x: torch.Tensor) -> torch.Tensor:
    return warpwright.rmsnorm(x, torch.ones(x.shape[-1], dtype=x.dtype, device=x.device), out=x)


def gate(x: torch.Tensor) -> torch.Tensor:
    return warpwright.silu_and_mul(torch.cat((x, x), dim=-1))


def turn(x: torch.Tensor) -> torch.Tensor:
    heads = x.view(x.shape[0], -1, 64)
    positions = torch.arange(x.shape[0], device=x.device, dtype=torch.int32)
    warpwright.apply_rope_pos_ids_inplace(heads, heads.new_zeros(x.shape[0], 1, 64), positions)
    return x


def add(x: torch.Tensor) -> torch.Tensor:
    other = x.clone()
    warpwright.fused_add_rmsnorm(other, x, torch.ones(x.shape[-1], dtype=x.dtype, device=x.device))
    return other


CHAINS: dict[str, tuple[Step, ...]] = {
    "one norm after the other": (norm,),
    "norms and gates": (norm, gate, norm),
    "norms, sums and turns": (add, turn, norm),
}


def has_dependent_launch() -> bool:
    paths = _extension.compiled_paths()["rmsnorm"]
    path = doctor.chosen_path(paths, doctor.device_sm(0), os.environ.get("WARPWRIGHT_FORCE_SM"))
    return path is not None and path.startswith("90")


def chained(steps: tuple[Step, ...], x: torch.Tensor, *, wait: bool) -> torch.Tensor:
    """Run a thousand kernels, each on what the one before it wrote; ``wait`` lets each end first."""
    for link in range(LINKS):
        x = steps[link % len(steps)](x)
        if wait:
            torch.cuda.synchronize()
    return x


@pytest.mark.operator("rmsnorm")
@pytest.mark.parametrize("rows", [1, 7, 2000])
@pytest.mark.parametrize("name", CHAINS)
def test_a_thousand_dependent_kernels_give_the_same_bits_as_one_after_the_other(name: str, rows: int) -> None:
    start = torch.randn(rows, 2048, device="cuda").bfloat16()
    expected = chained(CHAINS[name], start.clone(), wait=True)
    assert torch.equal(chained(CHAINS[name], start.clone(), wait=False), expected)


@pytest.mark.operator("rmsnorm")
def test_a_captured_chain_gives_the_same_bits() -> None:
    start = torch.randn(64, 2048, device="cuda").bfloat16()
    expected = chained(CHAINS["norms, sums and turns"], start.clone(), wait=True)
    x = start.clone()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        found = chained(CHAINS["norms, sums and turns"], x, wait=False)
    x.copy_(start)
    graph.replay()
    assert torch.equal(found, expected)


@pytest.mark.operator("rmsnorm")
def test_dependent_launch_shortens_a_chain() -> None:
    """It does what it says: the same kernels, one after the other, take longer without it."""
    x, weight = torch.randn(64, 4096, device="cuda").half(), torch.ones(4096, device="cuda").half()

    def graph_of(enable_pdl: bool) -> torch.cuda.CUDAGraph:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            for _ in range(LINKS):
                warpwright.rmsnorm(x, weight, out=x, enable_pdl=enable_pdl)
        return graph

    times = {}
    for enable_pdl in (False, True):
        graph = graph_of(enable_pdl)
        graph.replay()
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        graph.replay()
        end.record()
        torch.cuda.synchronize()
        times[enable_pdl] = start.elapsed_time(end)
    words = f"a link of {LINKS}: {times[False]:.3f} us without dependent launch, {times[True]:.3f} with it"
    if not has_dependent_launch():
        pytest.skip("the path that runs here has no programmatic dependent launch")
    assert times[True] < times[False], words
