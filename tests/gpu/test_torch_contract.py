"""What torch asks of every operator: opcheck, compilation, CUDA graphs, side streams, and honest errors."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

import warpwright
from calls import CALLS, Arguments, operator, path_of, result
from warpwright import _extension, doctor

each_operator = pytest.mark.parametrize(
    "name", [pytest.param(name, id=name, marks=pytest.mark.operator(path_of(name))) for name in CALLS]
)


def make(name: str) -> Arguments:
    return CALLS[name]("cuda")


def take_over(arguments: Arguments, others: Arguments) -> None:
    """Copy the tensors of one call into those of another, in place."""
    for name, mine in arguments.items():
        if isinstance(mine, torch.Tensor):
            mine.copy_(others[name], non_blocking=True)


# opcheck's schema test compares its inputs by arithmetic that torch has for no float8 tensor.
CHECKS = ("test_schema", "test_autograd_registration", "test_faketensor", "test_aot_dispatch_dynamic")


@each_operator
def test_it_passes_opcheck(name: str) -> None:
    checks = CHECKS[1:] if name.startswith("fp8") else CHECKS
    torch.library.opcheck(operator(name), tuple(make(name).values()), test_utils=checks)


@each_operator
def test_it_compiles_without_a_graph_break(name: str) -> None:
    torch._dynamo.reset()  # one lambda is compiled for every operator, and that often is too often for a torch
    arguments = make(name)
    expected = result(name, arguments).clone()
    compiled = torch.compile(lambda given: result(name, given).clone(), backend="aot_eager", fullgraph=True)
    assert torch.equal(compiled(arguments), expected)


@each_operator
def test_a_captured_graph_replays_with_new_inputs(name: str) -> None:
    arguments, others = make(name), make(name)
    result(name, arguments)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured = result(name, arguments)
    take_over(arguments, others)
    captured.fill_(torch.nan if captured.is_floating_point() else -1)
    graph.replay()
    assert torch.equal(captured, result(name, others))


@each_operator
def test_a_side_stream_is_honoured(name: str) -> None:
    arguments, others = make(name), make(name)
    expected = result(name, others).clone()
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        # The inputs are there only after a long wait on this stream: work on any other stream reads the old ones.
        torch.cuda._sleep(50_000_000)
        take_over(arguments, others)
        found = result(name, arguments)
    torch.cuda.current_stream().wait_stream(stream)
    torch.cuda.synchronize()
    assert torch.equal(found, expected)


@each_operator
def test_two_streams_at_once_do_not_disturb_each_other(name: str) -> None:
    problems = [make(name) for _ in range(2)]
    expected = [result(name, problem).clone() for problem in problems]
    streams = [torch.cuda.Stream() for _ in problems]
    torch.cuda.synchronize()
    found: list[list[torch.Tensor]] = [[], []]
    for _ in range(20):
        for index, stream in enumerate(streams):
            with torch.cuda.stream(stream):
                found[index].append(result(name, problems[index]).clone())
    torch.cuda.synchronize()
    for index, outs in enumerate(found):
        for out in outs:
            assert torch.equal(out, expected[index])


@each_operator
def test_two_threads_with_two_streams_do_not_disturb_each_other(name: str) -> None:
    problems = [make(name) for _ in range(2)]
    expected = [result(name, problem).clone() for problem in problems]
    torch.cuda.synchronize()
    both_are_there = threading.Barrier(2)

    def call_often(problem: Arguments) -> list[torch.Tensor]:
        with torch.cuda.stream(torch.cuda.Stream()):
            both_are_there.wait(timeout=60)
            found = [result(name, problem).clone() for _ in range(50)]
            torch.cuda.current_stream().synchronize()
        return found

    with ThreadPoolExecutor(2) as threads:
        for index, outs in enumerate(threads.map(call_often, problems)):
            assert all(torch.equal(out, expected[index]) for out in outs)


@each_operator
def test_a_forced_path_that_is_not_there_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARPWRIGHT_FORCE_SM", "70")
    with pytest.raises(RuntimeError, match=r"WARPWRIGHT_FORCE_SM asks for the SM 70 path"):
        result(name, make(name))


@each_operator
def test_a_forced_word_that_is_no_sm_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARPWRIGHT_FORCE_SM", "hopper")
    with pytest.raises(RuntimeError, match="WARPWRIGHT_FORCE_SM is 'hopper', expected an SM such as 80 or 90a"):
        result(name, make(name))


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
