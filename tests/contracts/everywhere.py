"""What holds on the CPU and on a GPU alike; each suite says which device it has."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from contracts.cases import LARGEST, OPERATORS, call_of, draw, each_operator, each_sample, operators_where
from contracts.layers import Layer
from contracts.results import (
    Untouched,
    around,
    clones,
    determined,
    exact,
    has_float8,
    in_outs,
    near,
    outcome,
    outs,
    poison_outs,
    run,
    same,
    shares_memory,
    tensors,
    with_its_own,
)
from warpwright._registry import as_tuple, by_name, overload, pure_outs
from warpwright.contract import Contract, Sample, TraitKind
from warpwright.draw import poison_of

REQUIRED = ("typical", "smallest", "odd", "empty", LARGEST)


@each_operator
def test_its_contract_is_whole(contract: Contract) -> None:
    named = [sample.name for sample in contract.samples]
    wanted = [*REQUIRED]
    wanted += ["in place"] if may_be_in_place(contract) else []
    wanted += ["slices"] if not contract.trait(TraitKind.NEVER_SLICED) else []
    assert not [name for name in wanted if name not in named], "samples that the contract lacks"
    assert len(set(named)) == len(named)
    assert contract.refusals
    assert len({refusal.name for refusal in contract.refusals}) == len(contract.refusals)
    assert contract.workloads
    assert contract.tolerance.origin
    assert all(trait.reason for trait in contract.traits)
    assert (contract.determined is None) == (contract.trait(TraitKind.UNDETERMINED) is None)
    assert (contract.output is None) == (not overload(contract.name)._schema.returns)
    assert "Parameters" in (contract.function.__doc__ or "")


def may_be_in_place(contract: Contract) -> bool:
    """True where an output that is given may take the place of an input; what is read and written always does."""
    return bool(pure_outs(contract)) and not contract.trait(TraitKind.NEVER_IN_PLACE)


@each_operator
def test_its_samples_are_what_their_names_say(contract: Contract, device: str) -> None:
    typical, empty = (dict(tensors(call_of(contract, name, device))) for name in ("typical", "empty"))
    assert any(typical[name].numel() and not tensor.numel() for name, tensor in empty.items() if name in typical)
    if not contract.trait(TraitKind.NEVER_SLICED):
        slices = call_of(contract, "slices", device)
        assert any(around(tensor).numel() for _, tensor in tensors(slices))
    if may_be_in_place(contract):
        in_place = call_of(contract, "in place", device)
        assert any(shares_memory(in_place, name) for name in pure_outs(contract))


def test_every_registered_operator_has_a_contract_and_the_reverse() -> None:
    registered = {
        schema.name.split("::")[1]
        for schema in torch._C._jit_get_all_schemas()
        if schema.name.startswith("warpwright::") and schema.arguments
    }
    about_the_binary = {"obstacle", "no_backward"}
    assert registered - about_the_binary == set(OPERATORS)


@each_sample
def test_a_sample_is_near_the_reference_in_float64(contract: Contract, sample: Sample, device: str) -> None:
    """What it does not write keeps its bits, what it writes has no poison left, and its fake kernel looks the same."""
    with FakeTensorMode():
        fake = [looks(result) for result in run(contract, call_of(contract, sample, device))]
    if device == "cpu" and sample.name == LARGEST:
        pytest.skip("the largest samples take a CPU too long; a GPU runs them")
    call = call_of(contract, sample, device)
    expected = exact(contract, call)
    poison_outs(contract, call)
    untouched = Untouched(contract, call)
    _poison_what_comes_next(fake, device)
    results = run(contract, call)
    for found, right in zip(*(determined(contract, call, each) for each in (results, expected)), strict=True):
        near(contract, found, right)
    untouched.check()
    assert [looks(result) for result in results] == fake


def looks(result: torch.Tensor) -> tuple[Any, ...]:
    return tuple(result.shape), result.stride(), result.dtype, result.device.type


def _poison_what_comes_next(like: list[Any], device: str) -> None:
    """Fill the memory that new outputs will most likely get."""
    for shape, _, dtype, _ in like:
        torch.full(shape, poison_of(dtype), dtype=dtype, device=device)


@each_operator
def test_it_runs_on_meta(contract: Contract, device: str) -> None:
    found = run(contract, call_of(contract, "typical", "meta"))
    real = run(contract, call_of(contract, "typical", device))
    assert [looks(result)[:3] for result in found] == [looks(result)[:3] for result in real]


CHECKS = ("test_schema", "test_autograd_registration", "test_faketensor", "test_aot_dispatch_dynamic")


@each_operator
def test_an_operator_passes_opcheck(contract: Contract, device: str) -> None:
    call = call_of(contract, "typical", device)
    checks = CHECKS[1:] if has_float8(call) else CHECKS  # the schema's test is left out, and counted: see report.py
    torch.library.opcheck(overload(contract.name), tuple(call.values()), test_utils=checks)


@each_operator
def test_the_same_call_gives_the_same_bits(contract: Contract, device: str) -> None:
    call = call_of(contract, "typical", device)
    first = clones(outcome(contract, call))
    assert same(outcome(contract, call_of(contract, "typical", device)), first)


@each_operator
def test_autocast_changes_no_result(contract: Contract, device: str) -> None:
    expected = clones(outcome(contract, call_of(contract, "typical", device)))
    with torch.autocast(device, dtype=torch.bfloat16):
        assert same(outcome(contract, call_of(contract, "typical", device)), expected)


@each_operator
def test_the_public_function_gives_what_the_operator_gives(contract: Contract, device: str) -> None:
    layer = Layer(contract, device)
    tokens = layer.tokens(5)
    call = contract.make(draw(device), **{layer.size: 5}) | dict(tensors(layer.constant)) | tokens
    found = run(contract, with_its_own(contract, call))
    wrote = dict(zip(outs(contract), found, strict=False))
    first = [wrote[name] for name in in_outs(contract) if call[name] is not None]
    others = [result for result in found if not any(result is each for each in first)]
    assert same(*(clones(determined(contract, call, each)) for each in (layer(tokens), (*first, *others))))


@operators_where(lambda contract: bool(pure_outs(contract)))
def test_the_public_function_writes_and_returns_the_output_that_it_is_given(contract: Contract, device: str) -> None:
    call = call_of(contract, "typical", device)
    expected = clones(run(contract, call_of(contract, "typical", device)))
    returned = by_name(contract.call or contract.function)(call)
    if returned is not None:
        names = pure_outs(contract)
        assert all(found is call[name] for found, name in zip(as_tuple(returned)[: len(names)], names, strict=True))
    wrote = tuple(call[name] for name in outs(contract))
    assert same(*(determined(contract, call, each) for each in (wrote, expected[: len(wrote)])))
