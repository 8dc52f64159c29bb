"""Calls that are refused: by the reference, by the fake kernel and by the CUDA function, in the same words."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import combinations

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from contracts.cases import call_of, each_operator, each_refusal, operators_where
from contracts.results import tensors
from warpwright._registry import overload
from warpwright.contract import Arguments, Contract, Refusal, TraitKind

CUDA = torch._C.DispatchKeySet(torch._C.DispatchKey.CUDA)


def error_of(contract: Contract, call: Arguments) -> str:
    with pytest.raises(RuntimeError) as refused:
        overload(contract.name)(*call.values())
    return str(refused.value).splitlines()[0]


def error_of_cuda(contract: Contract, call: Arguments) -> str:
    """Return what the CUDA function says of tensors on the CPU: it checks before it asks for a GPU."""
    with pytest.raises(RuntimeError) as refused:
        overload(contract.name).redispatch(CUDA, *call.values())
    return str(refused.value).splitlines()[0]


def in_all_words(contract: Contract, make: Callable[[], Arguments], device: str) -> str:
    """Return the first line of the error, which has to be the same whoever is asked."""
    found = error_of(contract, make())
    with FakeTensorMode():
        assert error_of(contract, make()) == found, "a fake tensor"
    if device == "cpu":
        assert error_of_cuda(contract, make()) == found, "the CUDA function"
    return found


@each_refusal
def test_a_refusal_names_the_argument_and_both_values(contract: Contract, refusal: Refusal, device: str) -> None:
    found = in_all_words(contract, lambda: call_of(contract, refusal, device), device)
    place = f"{device}:0" if device == "cuda" else device
    assert refusal.words.format(device=place) in found


def given(contract: Contract, device: str) -> list[str]:
    """Name the tensors of the typical call; an empty one stands for none."""
    return [name for name, tensor in tensors(call_of(contract, "typical", device)) if tensor.numel()]


@operators_where(lambda contract: len(given(contract, "meta")) > 1)
def test_a_tensor_of_another_device_is_refused_by_name(contract: Contract, device: str) -> None:
    """One on meta would give garbage for a result; on a GPU, one on the CPU too. One alone is where it is."""
    trait = contract.trait(TraitKind.HOST_OPERANDS)
    stays = trait.by.split() if trait else []
    for name in given(contract, device):
        for other in ("meta", "cpu") if device == "cuda" and name not in stays else ("meta",):
            call = call_of(contract, "typical", device)
            found = error_of(contract, call | {name: call[name].to(other)})
            assert re.search(rf"\b{name} (is )?on {other}.*; both have to be on one device", found), found


@each_operator
def test_a_tensor_of_another_dtype_is_refused_by_name(contract: Contract, device: str) -> None:
    for name in given(contract, device):

        def wrong(name: str = name) -> Arguments:
            call = call_of(contract, "typical", device)
            return call | {name: call[name].to(torch.complex64)}

        found = in_all_words(contract, wrong, device)
        assert re.search(rf"\b{name} has dtype complex64, expected|complex64, the dtype of {name}$", found), found


@each_operator
def test_of_two_faults_the_same_is_named(contract: Contract, device: str) -> None:
    """The order of the checks is one: two changes are made at once where they change other arguments."""

    def changed(refusal: Refusal) -> Arguments:
        call = call_of(contract, "typical", device)
        return {} if refusal.sizes else refusal.change(call)

    pairs = [
        (one, other)
        for one, other in combinations(contract.refusals, 2)
        if changed(one).keys().isdisjoint(changed(other)) and changed(one) and changed(other)
    ]
    names = {name for refusal in contract.refusals for name in changed(refusal)}
    assert pairs or len(names) < 2, "no two refusals change other arguments"
    for one, other in pairs:
        call = call_of(contract, "typical", device)
        both = call | one.change(call) | other.change(call)
        found = error_of(contract, both)
        assert device != "cpu" or error_of_cuda(contract, both) == found, f"{one.name} and {other.name}"
