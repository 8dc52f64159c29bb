"""What is made of a contract, shown on operators of shapes that few in the package have.

Each goes through the general tests themselves, as every operator of the package does.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from contracts import compiled, everywhere, refused
from contracts.layers import Layer
from contracts.results import exact, in_outs, near, poison, run
from toy_functions import operator
from toys import CONTRACTS, registered
from warpwright._registry import pure_outs
from warpwright.contract import Contract
from warpwright.draw import Draw
from warpwright.export import bytes_of

nothing_compiled_before = compiled.nothing_compiled_before
pytestmark = compiled.pytestmark

OF_OUTPUTS = everywhere.test_the_public_function_writes_and_returns_the_output_that_it_is_given
OF_DEVICES = refused.test_a_tensor_of_another_device_is_refused_by_name
OF_GRADIENTS = (
    compiled.test_a_call_that_requires_a_gradient_runs_and_its_backward_is_refused_by_name,
    compiled.test_nothing_is_recorded_where_torch_records_nothing,
)


@pytest.fixture(autouse=True, scope="module")
def _registered() -> Iterator[None]:
    with registered():
        yield


def general_tests() -> list[Any]:
    """Return the general tests that take a contract alone, and those that take its samples or refusals."""
    found = []
    for module in (everywhere, compiled, refused):
        for name, test in vars(module).items():
            if name.startswith("test_") and "contract" in inspect.signature(test).parameters:
                found.append(pytest.param(test, id=name))
    return found


@pytest.mark.parametrize("test", general_tests())
@pytest.mark.parametrize("contract", [pytest.param(each, id=each.name) for each in CONTRACTS])
def test_a_general_test_holds(contract: Contract, test: Callable[..., None], device: str) -> None:
    wanted = inspect.signature(test).parameters
    if test is OF_OUTPUTS and (not pure_outs(contract) or contract.output):
        pytest.skip("it has no output that a typical call brings")
    if test is OF_DEVICES and len(refused.given(contract, "meta")) < 2:
        pytest.skip("it takes one tensor, which is on its own device")
    if test in OF_GRADIENTS and not Layer(contract, device).may_require_a_gradient:
        pytest.skip("it takes nothing that may require a gradient")
    given: dict[str, Any] = {"contract": contract, "device": device}
    varied: list[dict[str, Any]] = [
        *({"sample": each} for each in contract.samples if "sample" in wanted),
        *({"refusal": refusal} for refusal in contract.refusals if "refusal" in wanted),
        *({"is_compiled": value} for value in (False, True) if "is_compiled" in wanted),
        *({"quiet": value} for value in (torch.no_grad, torch.inference_mode) if "quiet" in wanted),
    ]
    for more in varied or [{}]:
        if more.get("sample") is None or more["sample"].name != "largest":
            test(**{name: value for name, value in (given | more).items() if name in wanted})


def test_defaults_of_the_schema_are_given_to_the_reference() -> None:
    call = CONTRACTS[1].make(Draw("cpu"))
    expected = exact(CONTRACTS[1], call)
    operator("toy_add_norm")(call["input"], call["residual"], call["weight"])
    near(CONTRACTS[1], call["input"], expected[0])


def test_what_is_read_and_written_is_not_poisoned_and_counts_twice() -> None:
    add, quantize = CONTRACTS[1:3]
    call, other = add.make(Draw("cpu")), quantize.make(Draw("cpu"))
    poison(add, call, run(add, call))
    assert in_outs(add) == ["input", "residual"]
    assert call["input"].isfinite().all()
    poison(quantize, other, run(quantize, other))
    assert in_outs(quantize) == []
    assert other["scales"].isnan().all()
    assert bytes_of(add, call) == 4 * (2 * 32 + 2 * 32 + 8)
    assert bytes_of(quantize, other) == 4 * 32 + 32 + 4 * 4


@pytest.mark.parametrize("off", [0, 1, 2])
def test_whole_numbers_are_equal_or_as_near_as_their_dtype_may_be(off: int) -> None:
    right = torch.tensor([3, 120])
    for dtype, most in ((torch.int8, 1), (torch.int32, 0)):
        if off <= most:
            near(CONTRACTS[2], (right + off).to(dtype), right.double())
        else:
            with pytest.raises(AssertionError, match="toy_quantize"):
                near(CONTRACTS[2], (right + off).to(dtype), right.double())
