"""The CUDA functions refuse what the references refuse, in the same words, memory that may not be shared included."""

from __future__ import annotations

import pytest
import torch

from calls import CALLS, Arguments, operator, path_of, result
from refused import Refusal, overlapping, refusals, side_by_side

REFUSALS = [
    pytest.param(refusal, id=str(refusal), marks=pytest.mark.operator(path_of(refusal.operator)))
    for refusal in refusals()
]


def error_of(name: str, arguments: Arguments) -> str:
    with pytest.raises(RuntimeError) as refused:
        operator(name)(*arguments.values())
    return str(refused.value)


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_call_is_refused_as_by_the_reference(refusal: Refusal) -> None:
    found, on_cpu = (error_of(refusal.operator, refusal.arguments(device)) for device in ("cuda", "cpu"))
    assert refusal.words.format(device="cuda:0") in found
    assert found == on_cpu.replace(" on cpu", " on cuda:0")


@pytest.mark.parametrize(
    ("name", "case", "argument", "words"),
    [
        ("rmsnorm", "weight", "weight", "weight is on cpu and input on cuda:0; both have to be on one device"),
        ("rmsnorm", "input", "input", "weight is on cuda:0 and input on cpu; both have to be on one device"),
        ("int8_scaled_mm", "scales", "scales_b", "scales_b is on cpu and mat_a on cuda:0"),
        ("awq_dequantize", "scales", "scales", "scales is on cpu and qweight on cuda:0"),
        ("gptq_marlin_repack", "perm", "perm", "perm is on cpu and b_q_weight on cuda:0"),
        ("gptq_marlin_gemm", "a", "a", "a is on cpu and b_q_weight on cuda:0"),
        ("gptq_marlin_gemm", "perm", "perm", "perm is on cpu and b_q_weight on cuda:0"),
    ],
)
def test_an_operand_that_was_left_on_the_cpu_is_named(name: str, case: str, argument: str, words: str) -> None:
    arguments = CALLS[name]("cuda")
    assert words in error_of(name, arguments | {argument: arguments[argument].cpu()}), case


CASES = ["shifted", "a row on", "weight", "in place of another stride", "the middle", "a", "b_scales"]


@pytest.mark.operator("rmsnorm")
@pytest.mark.parametrize("index", range(len(CASES)), ids=CASES)
def test_an_output_that_overlaps_an_input_is_refused(index: int) -> None:
    name, case, arguments, other = list(overlapping("cuda"))[index]
    assert case == CASES[index]
    words = f"out overlaps {other} in memory, expected memory of its own: clone one of them"
    assert error_of(name, arguments) == words


@pytest.mark.operator("rmsnorm")
def test_an_output_among_an_inputs_rows_or_in_their_place_is_right() -> None:
    for name, case, arguments in side_by_side("cuda"):
        apart = arguments | {
            "input": arguments["input"].clone(),
            "out": torch.empty_like(arguments["out"]).contiguous(),
        }
        expected = result(name, apart)
        assert torch.equal(result(name, arguments), expected), case
