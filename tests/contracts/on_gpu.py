"""What holds on a GPU: graphs, streams, threads, devices, forced paths, and that the host does not wait."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from contracts.cases import (
    OPERATORS,
    call_of,
    draw,
    each_operator,
    each_small_sample_on_its_own_path,
    operators_where,
    path_of,
)
from contracts.results import (
    clones,
    determined,
    exact,
    near,
    outcome,
    poison,
    run,
    same,
    take_over,
    tensors,
    with_its_own,
)
from warpwright._registry import pure_outs
from warpwright.contract import Arguments, Contract, Sample, TraitKind

LONG = 50_000_000
"""Cycles of the GPU: a few hundredths of a second."""


def two_calls(contract: Contract) -> tuple[Arguments, Arguments]:
    """Make two calls with other numbers in them, from one seed."""
    source = draw("cuda")
    return contract.make(source), contract.make(source)


@each_operator
def test_a_captured_graph_replays_with_new_inputs(contract: Contract) -> None:
    source = draw("cuda")
    call, other = (contract.arguments(contract.captured, source) for _ in range(2))
    run(contract, call)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured = run(contract, call)
    take_over(call, other)
    poison(contract, call, captured)
    graph.replay()
    assert same(determined(contract, call, captured), outcome(contract, other))


@each_operator
def test_a_side_stream_is_honoured(contract: Contract) -> None:
    """The inputs are there only after a long wait on this stream: work on any other stream reads the old ones."""
    call, other = two_calls(contract)
    expected = clones(outcome(contract, with_its_own(contract, other)))
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        torch.cuda._sleep(LONG)
        take_over(call, other)
        found = outcome(contract, call)
    torch.cuda.current_stream().wait_stream(stream)
    torch.cuda.synchronize()
    assert same(found, expected)


@each_operator
def test_two_threads_with_two_streams_do_not_disturb_each_other(contract: Contract) -> None:
    calls = two_calls(contract)
    expected = [clones(outcome(contract, with_its_own(contract, call))) for call in calls]
    torch.cuda.synchronize()
    both_are_there = threading.Barrier(2)

    def call_often(call: Arguments) -> list[tuple[torch.Tensor, ...]]:
        with torch.cuda.stream(torch.cuda.Stream()):
            both_are_there.wait(timeout=60)
            found = [clones(outcome(contract, with_its_own(contract, call))) for _ in range(20)]
            torch.cuda.current_stream().synchronize()
        return found

    with ThreadPoolExecutor(2) as threads:
        for index, found in enumerate(threads.map(call_often, calls)):
            assert all(same(each, expected[index]) for each in found)


@operators_where(lambda contract: contract.trait(TraitKind.SYNCHRONISES) is None)
def test_the_host_does_not_wait_for_the_gpu(contract: Contract) -> None:
    call = call_of(contract, "typical", "cuda")
    run(contract, call)
    torch.cuda.synchronize()
    done = torch.cuda.Event()
    torch.cuda._sleep(10 * LONG)
    results = run(contract, call)
    done.record()
    waited = done.query()
    torch.cuda.synchronize()
    assert not waited, "the call came back after the work that was on its stream before it"
    assert results


@each_operator
@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("70", "WARPWRIGHT_FORCE_SM asks for the SM 70 path"),
        ("hopper", "WARPWRIGHT_FORCE_SM is 'hopper', expected an SM such as 80 or 90a"),
    ],
)
def test_a_forced_path_that_is_not_there_is_refused(
    contract: Contract, monkeypatch: pytest.MonkeyPatch, word: str, words: str
) -> None:
    monkeypatch.setenv("WARPWRIGHT_FORCE_SM", word)
    with pytest.raises(RuntimeError, match=words):
        run(contract, call_of(contract, "typical", "cuda"))


@each_operator
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
def test_the_tensors_device_is_used_and_the_current_one_kept(contract: Contract) -> None:
    call = call_of(contract, "typical", "cuda:1")
    found = run(contract, call)
    assert all(result.device.index == 1 for result in found)
    assert torch.cuda.current_device() == 0
    there = tuple(result.cuda(0) for result in determined(contract, call, found))
    assert same(there, outcome(contract, call_of(contract, "typical", "cuda:0")))


@contextmanager
def copies_beside() -> Iterator[None]:
    """Keep the memory busy from another stream."""
    stream, source = torch.cuda.Stream(), torch.empty(64 << 20, dtype=torch.uint8, device="cuda")
    with torch.cuda.stream(stream):
        for _ in range(50):
            source.copy_(source.clone(), non_blocking=True)
    yield
    stream.synchronize()


@each_operator
def test_every_run_gives_the_same_bits_beside_other_work(contract: Contract) -> None:
    call = call_of(contract, "typical", "cuda")
    first = clones(outcome(contract, call))
    with copies_beside():
        again = [clones(outcome(contract, call_of(contract, "typical", "cuda"))) for _ in range(10)]
    assert all(same(each, first) for each in again)


@each_small_sample_on_its_own_path
@pytest.mark.sanitized
def test_a_sample_runs_under_the_sanitizers(contract: Contract, sample: Sample) -> None:
    """By its own path: without one, a product by 4-bit weights is cuBLAS's, in whose kernels racecheck finds fault."""
    unchecked = contract.trait(TraitKind.RACES_UNCHECKED)
    if unchecked and sample.name in unchecked.by.split(", ") and os.environ.get("GPU_RUNNER_TOOL") == "racecheck":
        pytest.skip(unchecked.reason)
    assert run(contract, contract.arguments(sample, draw("cuda")))
    torch.cuda.synchronize()


SPECIAL = {"nan": torch.nan, "inf": torch.inf, "-inf": -torch.inf}


def special_cases() -> list[Any]:
    """Return every input that can hold such a value; float8_e4m3fn has no infinity."""
    cases = []
    for contract in OPERATORS.values():
        for name, tensor in tensors(call_of(contract, "typical", "cpu")):
            words = SPECIAL if tensor.element_size() > 1 else ("nan",)
            for word in words if tensor.is_floating_point() and name not in pure_outs(contract) else ():
                marks = pytest.mark.operator(path_of(contract))
                cases.append(pytest.param(contract, name, word, id=f"{contract.name}-{name}-{word}", marks=marks))
    return cases


@pytest.mark.parametrize(("contract", "argument", "word"), special_cases())
def test_a_special_value_comes_out_where_the_reference_has_it(contract: Contract, argument: str, word: str) -> None:
    call = {key: _with_exact_sums(value) for key, value in call_of(contract, "typical", "cuda").items()}
    changed = call[argument].float()
    flat = changed.reshape(-1)
    flat[torch.randint(flat.numel(), (3,), device="cuda")] = SPECIAL[word]
    call[argument] = _laid_out_as(call[argument], flat.reshape(changed.shape))
    expected = exact(contract, call)
    results = run(contract, call)
    for found, right in zip(*(determined(contract, call, each) for each in (results, expected)), strict=True):
        ours, rounded = (each.double() for each in (found, right.to(found.dtype)))
        assert torch.equal(ours.isnan(), rounded.isnan())
        assert torch.equal(ours.isinf(), rounded.isinf())
        there = rounded.isfinite()
        near(contract, ours.where(there, 0).to(found.dtype), right.where(there, 0))


def _with_exact_sums(value: Any) -> Any:
    """Return small whole numbers in place of float8: a sum that is zero in float64 is zero in the tensor core too."""
    if not isinstance(value, torch.Tensor) or value.dtype != torch.float8_e4m3fn:
        return value
    return _laid_out_as(value, torch.randint(-2, 3, value.shape, device=value.device).float())


def _laid_out_as(like: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """Return values in the dtype and the strides of a tensor."""
    made = torch.empty_strided(like.shape, like.stride(), dtype=torch.float32, device=like.device)
    return made.copy_(values).to(like.dtype)
