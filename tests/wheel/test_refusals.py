"""The CPU references, the fake kernels and the CUDA functions refuse the same calls in the same words."""

from __future__ import annotations

from itertools import combinations

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

import warpwright
from calls import CALLS, operator, result
from refused import Refusal, overlapping, refusals, side_by_side

REFUSALS = list(refusals())


def error_of(name: str, arguments: dict[str, object]) -> str:
    with pytest.raises(RuntimeError) as refused:
        operator(name)(*arguments.values())
    return str(refused.value)


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_a_refusal_names_the_argument_and_both_values(refusal: Refusal) -> None:
    """By the reference; by the fake kernel where a tensor was left on meta, which would give garbage for a result."""
    assert refusal.words.format(device="cpu") in error_of(refusal.operator, refusal.arguments("cpu"))


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_a_fake_tensor_is_refused_as_a_real_one(refusal: Refusal) -> None:
    """Fake tensors are what torch.compile has; a stray one on meta is among them."""
    with FakeTensorMode():
        found = error_of(refusal.operator, refusal.arguments("cpu"))
    assert found == error_of(refusal.operator, refusal.arguments("cpu"))


CUDA = torch._C.DispatchKeySet(torch._C.DispatchKey.CUDA)


def both_errors(name: str, arguments: dict[str, object]) -> tuple[str, str]:
    """Give the words of the CUDA function, and those of the reference.

    The CUDA function makes all its checks before it asks for a GPU, so they can be compared where there is none.
    """
    with pytest.raises(RuntimeError) as refused:
        operator(name).redispatch(CUDA, *arguments.values())
    return str(refused.value).splitlines()[0], error_of(name, arguments).splitlines()[0]


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_the_cuda_function_refuses_in_the_words_of_the_reference(refusal: Refusal) -> None:
    found, expected = both_errors(refusal.operator, refusal.arguments("cpu"))
    assert found == expected


@pytest.mark.parametrize("name", CALLS)
def test_of_two_faults_the_cuda_function_names_the_one_that_the_reference_names(name: str) -> None:
    """The order of the checks is one; two changes of one call are made at once where they change other arguments."""
    of_operator = [refusal for refusal in REFUSALS if refusal.operator == name]
    pairs = [pair for pair in combinations(of_operator, 2) if pair[0].change.keys().isdisjoint(pair[1].change)]
    assert pairs or len(of_operator) < 2
    for one, other in pairs:
        both = Refusal(name, f"{one.case} and {other.case}", one.change | other.change, "")
        found, expected = both_errors(name, both.arguments("cpu"))
        assert found == expected, both


@pytest.mark.parametrize("name", ["int8_scaled_mm", "fp8_scaled_mm", "fp8_blockwise_scaled_mm"])
@pytest.mark.parametrize(("m", "n"), [(0, 256), (64, 0)], ids=["no-rows", "no-columns"])
def test_matrices_of_a_product_that_reads_none_may_start_anywhere(name: str, m: int, n: int) -> None:
    """The reference takes them; the CUDA function goes on to what needs a GPU."""
    arguments = CALLS[name]("cpu")
    for matrix, rows in (("mat_a", m), ("mat_b", n)):
        wide = torch.zeros(rows, 1024, dtype=torch.int8).view(arguments[matrix].dtype)[:, 8:520]
        arguments[matrix] = wide if matrix == "mat_a" else wide.t()
    of_b = {"scales_b": arguments["scales_b"][..., :n].contiguous()} if n == 0 else {}
    of_a = {"scales_a": arguments["scales_a"][:m]}
    arguments |= of_a | of_b | ({"bias": None} if "bias" in arguments else {})
    assert result(name, arguments).shape == (m, n)
    with pytest.raises(RuntimeError) as refused:
        operator(name).redispatch(CUDA, *arguments.values())
    assert "expected an aligned start" not in str(refused.value)


@pytest.mark.parametrize("name", CALLS)
def test_every_operator_runs_on_the_cpu_and_on_meta(name: str) -> None:
    found, shape = result(name, CALLS[name]("cpu")), result(name, CALLS[name]("meta"))
    assert (found.shape, found.dtype, found.stride()) == (shape.shape, shape.dtype, shape.stride())


@pytest.mark.parametrize(
    ("name", "case", "arguments", "other"), list(overlapping("cpu")), ids=lambda value: str(value)[:40]
)
def test_an_output_that_overlaps_an_input_is_refused(
    name: str, case: str, arguments: dict[str, object], other: str
) -> None:
    words = f"out overlaps {other} in memory, expected memory of its own: clone one of them"
    assert both_errors(name, arguments) == (words, words), case


@pytest.mark.parametrize(("name", "case", "arguments"), list(side_by_side("cpu")), ids=lambda value: str(value)[:40])
def test_an_output_among_an_inputs_rows_or_in_their_place_is_right(
    name: str, case: str, arguments: dict[str, torch.Tensor]
) -> None:
    apart = arguments | {"input": arguments["input"].clone(), "out": torch.empty(arguments["out"].shape).half()}
    assert torch.equal(result(name, arguments), result(name, apart)), case


def test_rows_that_only_interleave_do_not_meet() -> None:
    from warpwright.checks import Rows, meet

    whole = Rows(0, 0, 10, 100, 40)
    assert not meet(whole, Rows(0, 40, 10, 100, 60))
    assert meet(whole, Rows(0, 40, 10, 100, 61))
    assert not meet(whole, Rows(1, 0, 10, 100, 40)), "of another storage"
    assert meet(whole, Rows(0, 350, 3, 70, 1)), "350, 420: the second lies in the fifth row"
    assert not meet(whole, Rows(0, 350, 1, 0, 50))
    assert not meet(Rows(0, 0, 0, 0, 0), whole)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: warpwright.marlin_zero_points(torch.full((2, 64), 7.5), 2, 64, 4),
            "zp has dtype float32, expected whole numbers",
        ),
        (
            lambda: warpwright.marlin_zero_points(torch.full((2, 64), 16), 2, 64, 4),
            "zp has numbers from 16 to 16, expected 0 to 15",
        ),
        (lambda: warpwright.marlin_zero_points(torch.zeros(2, 64).int() - 1, 2, 64, 4), "zp has numbers from -1 to -1"),
        (
            lambda: warpwright.marlin_zero_points(torch.zeros(2, 64).int(), 3, 64, 4),
            "size 2 in dimension 0, expected 3",
        ),
        (
            lambda: warpwright.marlin_zero_points(torch.zeros(2, 96).int(), 2, 96, 4),
            "size_n is 96, expected a multiple of 64",
        ),
        (
            lambda: warpwright.marlin_permute_scales(torch.ones(3, 64), 256, 64, 128),
            "size 3 in dimension 0, expected 2 (size_k over group_size)",
        ),
        (
            lambda: warpwright.marlin_permute_scales(torch.ones(2, 64), 256, 64, 100),
            "group_size is 100, expected -1 or a divisor of size_k",
        ),
        (lambda: warpwright.marlin_permute_scales(torch.ones(2, 64), 256, 64, -1), "size 2 in dimension 0, expected 1"),
        (
            lambda: warpwright.marlin_permute_scales(torch.ones(2, 64), 256, 128, 128),
            "size 64 in dimension 1, expected 128 (size_n)",
        ),
    ],
    ids=["dtype", "high", "low", "groups", "columns", "scales", "group size", "single", "scale columns"],
)
def test_what_prepares_a_checkpoint_refuses_by_name(call: object, words: str) -> None:
    with pytest.raises(RuntimeError) as refused:
        call()  # type: ignore[operator]
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("k", "n", "words"),
    [
        (2**30 + 16, 64, "K, 16 times the rows of b_q_weight, is 1073741840, expected at most 1073741824"),
        (16, 2**30 + 64, "N, half of the columns of b_q_weight, is 1073741888, expected at most 1073741824"),
    ],
    ids="KN",
)
def test_more_4_bit_weights_than_the_kernels_count_are_refused(k: int, n: int, words: str) -> None:
    """On meta, where they need no memory; up to the limit they are taken."""

    def dequantize(k: int, n: int) -> torch.Tensor:
        packed = torch.empty(k // 16, 2 * n, dtype=torch.int32, device="meta")
        scales = torch.empty(1, n, dtype=torch.float16, device="meta")
        found: torch.Tensor = operator("gptq_marlin_dequantize")(packed, scales, None, None)
        return found

    with pytest.raises(RuntimeError) as refused:
        dequantize(k, n)
    assert words in str(refused.value)
    assert dequantize(min(k, 2**30), min(n, 2**30)).shape == (min(k, 2**30), min(n, 2**30))
    with pytest.raises(RuntimeError, match="size_[kn] is 10737418.., expected at most 1073741824"):
        warpwright.awq_marlin_repack(torch.empty(k, n // 8, dtype=torch.int32, device="meta"), k, n, 4)


@pytest.mark.parametrize(
    ("m", "n", "k", "words"),
    [
        (2**30 + 1, 8, 16, "M, the rows of mat_a, is 1073741825, expected at most 1073741824"),
        (1, 65535 * 512 + 8, 16, "N, the columns of mat_b, is 33553928, expected at most 33553920"),
        (1, 8, 131072, "K, the columns of mat_a, is 131072, expected at most 131056: a longer sum may leave int32"),
    ],
    ids="MNK",
)
def test_sizes_that_no_path_takes_are_refused(m: int, n: int, k: int, words: str) -> None:
    """On meta, where such matrices need no memory; up to the limit they are taken."""

    def multiply(m: int, n: int, k: int) -> torch.Tensor:
        a, b = (torch.empty(rows, k, dtype=torch.int8, device="meta") for rows in (m, n))
        scales = torch.empty(1, device="meta")
        return warpwright.int8_scaled_mm(a, b.t(), scales, scales, torch.float16)

    with pytest.raises(RuntimeError) as refused:
        multiply(m, n, k)
    assert words in str(refused.value)
    assert multiply(min(m, 2**30), min(n, 65535 * 512), min(k, 131056)).shape == (min(m, 2**30), min(n, 65535 * 512))
