"""Two CUDA runtimes in one process: torch's shared one and the one that is linked into the wheel, on one context.

The universal wheel's is a CUDA 12 runtime, also in a process of CUDA 13; nothing here depends on which one it is.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import warpwright
from process import in_a_process_of_its_own

pytestmark = pytest.mark.operator("rmsnorm")


def problem() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(64, 4096, device="cuda").half(), torch.randn(4096, device="cuda").half()


def reference(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    return warpwright.rmsnorm(x.cpu(), weight.cpu())


def test_the_wheel_brings_its_runtime_and_loads_no_second_library() -> None:
    x, weight = problem()
    warpwright.rmsnorm(x, weight)
    maps = Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()
    runtimes = {line.split()[-1] for line in maps if "libcudart.so" in line}
    assert len(runtimes) == 1, f"torch has one shared runtime, the process has {sorted(runtimes)}"


def test_an_event_of_torch_orders_work_of_the_wheel_between_streams() -> None:
    x, weight = problem()
    expected = reference(x, weight)
    first, second = torch.cuda.Stream(), torch.cuda.Stream()
    torch.cuda.synchronize()
    written = torch.cuda.Event()
    with torch.cuda.stream(first):
        torch.cuda._sleep(50_000_000)  # without the event, the copy below would be done long before
        y = warpwright.rmsnorm(x, weight)
        written.record(first)
    with torch.cuda.stream(second):
        written.wait(second)
        copied = y.clone()
    second.synchronize()
    torch.testing.assert_close(copied.cpu(), expected, atol=2e-3, rtol=2e-3)


def test_an_event_of_torch_times_work_of_the_wheel() -> None:
    x, weight = problem()
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    warpwright.rmsnorm(x, weight)
    start.record()
    for _ in range(100):
        warpwright.rmsnorm(x, weight)
    end.record()
    end.synchronize()
    assert start.elapsed_time(end) > 0


def test_one_graph_holds_kernels_of_both_runtimes() -> None:
    x, weight = problem()
    warpwright.rmsnorm(x, weight)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        doubled = x * 2
        y = warpwright.rmsnorm(doubled, weight)
        out = y + 1
    fresh, _ = problem()
    x.copy_(fresh)
    out.fill_(torch.nan)
    graph.replay()
    torch.testing.assert_close(out.cpu(), reference(fresh * 2, weight) + 1, atol=4e-3, rtol=4e-3)


def test_the_first_call_of_a_process_may_be_captured() -> None:
    answer = in_a_process_of_its_own("""
        import json
        x, weight = problem()
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            y = warpwright.rmsnorm(x, weight)
        graph.replay()
        torch.cuda.synchronize()
        print(json.dumps({"right": right(x, weight, y)}))
    """)
    assert answer == {"right": True}


def test_an_error_that_torchs_runtime_remembers_is_not_the_wheels() -> None:
    answer = in_a_process_of_its_own("""
        import json
        x, weight = problem()
        torch.cuda.synchronize()
        runtime = ctypes.CDLL(mapped("libcudart.so")[0])
        status = runtime.cudaSetDevice(12345)  # refused, and kept as the last error of that runtime
        y = warpwright.rmsnorm(x, weight)
        kept = runtime.cudaGetLastError()
        print(json.dumps({"right": right(x, weight, y), "refused": status != 0, "kept": kept == status}))
    """)
    assert answer == {"right": True, "refused": True, "kept": True}


def test_a_call_that_the_wheel_refuses_leaves_torch_as_it_was() -> None:
    x, weight = problem()
    with pytest.raises(RuntimeError):
        warpwright.rmsnorm(x, weight[:100])
    assert torch.equal((x + 1).cpu(), x.cpu() + 1)
    torch.testing.assert_close(warpwright.rmsnorm(x, weight).cpu(), reference(x, weight), atol=2e-3, rtol=2e-3)


def test_a_context_that_torch_has_lost_is_an_error_and_no_result() -> None:
    answer = in_a_process_of_its_own("""
        import json
        x, weight = problem()
        warpwright.rmsnorm(x, weight)
        torch.cuda.synchronize()
        torch._assert_async(torch.zeros(1, device="cuda"))
        found = "no error"
        try:
            torch.cuda.synchronize()
        except RuntimeError:
            try:
                warpwright.rmsnorm(x, weight)
            except RuntimeError as error:
                found = str(error)
        print(json.dumps({"found": found}))
        import os, sys; sys.stdout.flush(); os._exit(0)  # torch cannot leave a lost context in order
    """)
    assert "CUDA" in str(answer["found"]) or "cuda" in str(answer["found"]), answer


def test_a_device_reset_by_torchs_runtime_gives_a_right_result_or_an_error() -> None:
    answer = in_a_process_of_its_own("""
        import json
        x, weight = problem()
        host_x, host_weight = x.cpu(), weight.cpu()
        warpwright.rmsnorm(x, weight)
        del x, weight
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        status = ctypes.CDLL(mapped("libcudart.so")[0]).cudaDeviceReset()
        try:
            x, weight = host_x.cuda(), host_weight.cuda()
            outcome = "right" if right(x, weight, warpwright.rmsnorm(x, weight)) else "wrong"
        except RuntimeError as error:
            outcome = "error"
        print(json.dumps({"status": status, "outcome": outcome}))
        import os, sys; sys.stdout.flush(); os._exit(0)  # torch still holds what the reset has destroyed
    """)
    assert answer["status"] == 0
    assert answer["outcome"] in ("right", "error"), "a wrong result without an error"
