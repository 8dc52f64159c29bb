"""What torch asks of every operator: opcheck, compilation, CUDA graphs, side streams, and honest errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import warpwright
from warpwright import _extension, doctor

Call = Callable[[], torch.Tensor]


def rmsnorm() -> tuple[Any, ...]:
    x = torch.randn(64, 4096, device="cuda").half()
    return torch.empty_like(x), x, torch.randn(4096, device="cuda").half(), 1e-6


def silu_and_mul() -> tuple[Any, ...]:
    return torch.empty(64, 2048, device="cuda").half(), torch.randn(64, 4096, device="cuda").half()


def int8_scaled_mm() -> tuple[Any, ...]:
    a = torch.randint(-128, 128, (64, 512), dtype=torch.int8, device="cuda")
    b = torch.randint(-128, 128, (256, 512), dtype=torch.int8, device="cuda").t()
    return a, b, torch.rand(64, device="cuda"), torch.rand(256, device="cuda"), torch.bfloat16, None


def fp8_scaled_mm() -> tuple[Any, ...]:
    a = torch.randn(64, 512, device="cuda").to(torch.float8_e4m3fn)
    b = torch.randn(256, 512, device="cuda").to(torch.float8_e4m3fn).t()
    return a, b, torch.rand(64, device="cuda"), torch.rand(256, device="cuda"), torch.float16, None


def fp8_blockwise_scaled_mm() -> tuple[Any, ...]:
    a = torch.randn(64, 512, device="cuda").to(torch.float8_e4m3fn)
    b = torch.randn(256, 512, device="cuda").to(torch.float8_e4m3fn).t()
    return a, b, torch.rand(4, 64, device="cuda").t(), torch.rand(2, 4, device="cuda").t(), torch.bfloat16


def words(rows: int, columns: int) -> torch.Tensor:
    return torch.randint(-(2**31), 2**31, (rows, columns), dtype=torch.int32, device="cuda")


def awq_dequantize() -> tuple[Any, ...]:
    return words(256, 32), torch.rand(2, 256, device="cuda").half(), words(2, 32)


def gptq_marlin_repack() -> tuple[Any, ...]:
    return words(32, 128), torch.randperm(256, device="cuda").int(), 256, 128, 4


def awq_marlin_repack() -> tuple[Any, ...]:
    return words(256, 16), 256, 128, 4


def gptq_marlin_dequantize() -> tuple[Any, ...]:
    return words(16, 256), torch.rand(2, 128, device="cuda").half(), words(2, 16)


def gptq_marlin_gemm() -> tuple[Any, ...]:
    a, out = torch.randn(16, 4096, device="cuda").half(), torch.empty(16, 256, device="cuda").half()
    return out, a, words(256, 512), torch.rand(32, 256, device="cuda").half() / 512, words(32, 32)


OPERATORS = [
    pytest.param(make, id=make.__name__, marks=pytest.mark.operator(make.__name__))
    for make in (
        rmsnorm,
        silu_and_mul,
        int8_scaled_mm,
        fp8_scaled_mm,
        fp8_blockwise_scaled_mm,
        awq_dequantize,
        gptq_marlin_repack,
        awq_marlin_repack,
        gptq_marlin_dequantize,
        gptq_marlin_gemm,
    )
]
each_operator = pytest.mark.parametrize("make", OPERATORS)


def operator(make: Callable[[], tuple[Any, ...]]) -> Any:
    return getattr(torch.ops.warpwright, make.__name__).default


def result(make: Callable[[], tuple[Any, ...]], arguments: tuple[Any, ...]) -> torch.Tensor:
    """Call the operator; give what it returned or wrote."""
    returned = operator(make)(*arguments)
    return arguments[0] if returned is None else returned


# opcheck's schema test compares its inputs by arithmetic that torch has for no float8 tensor.
CHECKS = ("test_schema", "test_autograd_registration", "test_faketensor", "test_aot_dispatch_dynamic")


@each_operator
def test_it_passes_opcheck(make: Any) -> None:
    checks = CHECKS[1:] if make.__name__.startswith("fp8") else CHECKS
    torch.library.opcheck(operator(make), make(), test_utils=checks)


@each_operator
def test_it_compiles_without_a_graph_break(make: Any) -> None:
    torch._dynamo.reset()  # one lambda is compiled for every operator, and that often is too often for a torch
    arguments = make()
    expected = result(make, arguments).clone()
    compiled = torch.compile(lambda *args: result(make, args).clone(), backend="aot_eager", fullgraph=True)
    assert torch.equal(compiled(*arguments), expected)


@each_operator
def test_a_captured_graph_replays_with_new_inputs(make: Any) -> None:
    arguments, others = make(), make()
    result(make, arguments)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured = result(make, arguments)
    for mine, other in zip(arguments, others, strict=True):
        if isinstance(mine, torch.Tensor):
            mine.copy_(other)
    captured.fill_(torch.nan if captured.is_floating_point() else -1)
    graph.replay()
    assert torch.equal(captured, result(make, others))


@each_operator
def test_a_side_stream_is_honoured(make: Any) -> None:
    arguments, others = make(), make()
    expected = result(make, others).clone()
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        # The inputs are there only after a long wait on this stream: work on any other stream reads the old ones.
        torch.cuda._sleep(50_000_000)
        for mine, other in zip(arguments, others, strict=True):
            if isinstance(mine, torch.Tensor):
                mine.copy_(other, non_blocking=True)
        found = result(make, arguments)
    torch.cuda.current_stream().wait_stream(stream)
    torch.cuda.synchronize()
    assert torch.equal(found, expected)


@each_operator
def test_two_streams_at_once_do_not_disturb_each_other(make: Any) -> None:
    problems = [make() for _ in range(2)]
    expected = [result(make, problem).clone() for problem in problems]
    streams = [torch.cuda.Stream() for _ in problems]
    torch.cuda.synchronize()
    found: list[list[torch.Tensor]] = [[], []]
    for _ in range(20):
        for index, stream in enumerate(streams):
            with torch.cuda.stream(stream):
                found[index].append(result(make, problems[index]).clone())
    torch.cuda.synchronize()
    for index, outs in enumerate(found):
        for out in outs:
            assert torch.equal(out, expected[index])


@each_operator
def test_a_forced_path_that_is_not_there_is_refused(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARPWRIGHT_FORCE_SM", "70")
    with pytest.raises(RuntimeError, match=r"WARPWRIGHT_FORCE_SM asks for the SM 70 path"):
        operator(make)(*make())


@each_operator
def test_a_forced_word_that_is_no_sm_is_refused(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARPWRIGHT_FORCE_SM", "hopper")
    with pytest.raises(RuntimeError, match="WARPWRIGHT_FORCE_SM is 'hopper', expected an SM such as 80 or 90a"):
        operator(make)(*make())


def test_the_doctor_names_a_path_for_this_gpu() -> None:
    sm = doctor.device_sm(0)
    paths = [doctor.chosen_path(sms, sm, None) for sms in _extension.compiled_paths().values()]
    assert any(paths)
    assert doctor.verdict() is None


def test_an_error_of_the_device_is_not_swallowed() -> None:
    """A wrong argument leaves the device usable: the next call runs."""
    with pytest.raises(RuntimeError):
        warpwright.rmsnorm(torch.zeros(1, 8, device="cuda"), torch.zeros(8, device="cuda"))
    x = torch.randn(2, 64, device="cuda").half()
    assert warpwright.rmsnorm(x, torch.ones(64, device="cuda").half()).isfinite().all()


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
def test_the_tensors_device_is_used_and_the_current_one_kept() -> None:
    x = torch.randn(2, 64, device="cuda:1").half()
    out = warpwright.rmsnorm(x, torch.ones(64, device="cuda:1").half())
    assert out.device.index == 1
    assert torch.cuda.current_device() == 0
