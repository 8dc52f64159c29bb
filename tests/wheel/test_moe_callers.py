"""Callers of sgl_kernel's moe functions: the forms of arguments that they write, in old versions and new ones."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest
import torch

import warpwright

SIGNATURES = {
    "moe_align_block_size": "topk_ids num_experts block_size sorted_token_ids experts_ids num_tokens_post_pad "
    "cumsum_buffer pad_sorted_token_ids ignore_invalid_expert",
    "prepare_moe_input": "topk_ids expert_offsets problem_sizes1 problem_sizes2 input_permutation output_permutation "
    "num_experts n k blockscale_offsets",
    "moe_sum_reduce": "input_tensor output_tensor routed_scaling_factor", "moe_sum": "input_tensor output_tensor",
    "apply_shuffle_mul_sum": "input output permutation factors",
    "shuffle_rows": "input_tensor dst2src_map output_tensor_shape",
    "dsv3_router_gemm": "hidden_states router_weights out_dtype",
}  # fmt: skip

CHOICE = [[2, 3, 4], [1, 2, 4], [1, 3, 4], [1, 2, 3]]
ORDERED = [3, 6, 9, 12, 0, 4, 10, 12, 1, 7, 11, 12, 2, 5, 8, 12]
"""The example of vLLM's documentation: four experts in blocks of four, with one place of no element in each."""


def int32(*sizes: int, of: int = -7) -> torch.Tensor:
    return torch.full(sizes, of, dtype=torch.int32)


def outputs(ids: int, places: int = 40) -> dict[str, torch.Tensor]:
    return {
        "sorted_token_ids": int32(places, of=12), "experts_ids": int32(places // 4), "num_tokens_post_pad": int32(1),
        "cumsum_buffer": int32(ids + 1),
    }  # fmt: skip


@pytest.mark.parametrize("name", SIGNATURES)
def test_arguments_have_the_names_and_the_order_that_callers_write(name: str) -> None:
    wanted = SIGNATURES[name].split()
    assert list(inspect.signature(getattr(warpwright, name)).parameters)[: len(wanted)] == wanted


def test_the_first_versions_form_counts_ids_from_zero() -> None:
    """Without elements of other GPUs, and with a buffer more: by position and by name."""
    ids, more = torch.tensor(CHOICE, dtype=torch.int32), int32(36)
    by_position, by_name = outputs(5), outputs(5)
    *first, cumsum = by_position.values()
    warpwright.moe_align_block_size(ids, 5, 4, *first, more, cumsum)
    warpwright.moe_align_block_size(ids, 5, 4, **by_name, token_cnts_buffer=more)
    for out in (by_position, by_name):
        assert out["sorted_token_ids"][:16].tolist() == ORDERED
        assert out["experts_ids"][:4].tolist() == [1, 2, 3, 4]
        assert out["num_tokens_post_pad"].tolist() == [16]
        assert out["cumsum_buffer"].tolist() == [0, 0, 4, 8, 12, 16]


@pytest.mark.parametrize("pads", [False, True])
def test_the_form_between_the_first_and_the_newer_ones_says_whether_to_pad(pads: bool) -> None:
    """It has both buffers of the first form, and the word for padding behind them; ids go from zero."""
    ids, out = torch.tensor(CHOICE, dtype=torch.int32), outputs(5)
    out["sorted_token_ids"].fill_(-7)
    *first, cumsum = out.values()
    warpwright.moe_align_block_size(ids, 5, 4, *first, int32(36), cumsum, pads)
    filled = 12 if pads else -7
    assert out["sorted_token_ids"][:16].tolist() == [place if place < 12 else filled for place in ORDERED]
    assert out["sorted_token_ids"][16:].tolist() == [filled] * 24
    assert out["experts_ids"][:4].tolist() == [1, 2, 3, 4]


def test_newer_forms_count_ids_from_minus_one() -> None:
    """``num_experts`` is one more than there are: elements of -1 stand first, in blocks that a product leaves out."""
    ids, out = torch.tensor(CHOICE).int() - 2, outputs(4)
    warpwright.moe_align_block_size(ids, 4, 4, *out.values(), True)
    assert out["sorted_token_ids"].tolist() == ORDERED + [12] * 24
    assert out["experts_ids"].tolist() == [-1, 0, 1, 2] + [-7] * 6


def test_elements_of_other_gpus_may_be_left_out() -> None:
    ids, out = torch.tensor(CHOICE).int() - 2, outputs(4)
    warpwright.moe_align_block_size(ids, 4, 4, *out.values(), True, True)
    assert out["sorted_token_ids"][:12].tolist() == ORDERED[4:]
    assert out["experts_ids"][:3].tolist() == [0, 1, 2]
    assert out["num_tokens_post_pad"].tolist() == [12]


def prepared(ids: torch.Tensor, experts: int) -> dict[str, Any]:
    sizes = {"problem_sizes1": (experts, 3), "problem_sizes2": (experts, 3)}
    flat = {"input_permutation": ids.numel(), "output_permutation": ids.numel()}
    out = {"expert_offsets": int32(experts + 1), **{name: int32(*size) for name, size in sizes.items()}}
    return out | {name: int32(size) for name, size in flat.items()}


def test_rows_are_moved_to_their_experts_and_back() -> None:
    """As an engine does it, with an element of another GPU: what has no place adds nothing."""
    ids = torch.tensor([[2, 0], [1, 2], [-1, 1]])
    out = prepared(ids, 3)
    warpwright.prepare_moe_input(ids, *out.values(), 3, 8, 16)
    assert out["expert_offsets"].tolist() == [0, 1, 3, 5]
    assert out["problem_sizes1"].tolist() == [[1, 16, 16], [2, 16, 16], [2, 16, 16]]
    assert out["problem_sizes2"].tolist() == [[1, 16, 8], [2, 16, 8], [2, 16, 8]]
    assert out["input_permutation"].tolist() == [0, 1, 2, 0, 1, -1]
    assert out["output_permutation"].tolist() == [3, 0, 1, 4, -1, 2]
    tokens = torch.randn(3, 16)
    rows, back = warpwright.shuffle_rows(tokens, out["input_permutation"], (6, 16)), torch.empty(3, 16)
    warpwright.apply_shuffle_mul_sum(rows, back, out["output_permutation"], None)
    assert torch.equal(back, tokens * torch.tensor([[2.0], [2.0], [1.0]]))


def test_a_shape_that_is_not_the_results_is_refused() -> None:
    with pytest.raises(RuntimeError, match=r"output_tensor_shape is \(5, 16\), expected \(6, 16\): a row for each"):
        warpwright.shuffle_rows(torch.randn(3, 16), int32(6, of=0), (5, 16))


@pytest.mark.parametrize(
    ("tokens", "numbers", "words"),
    [
        (torch.randn(3, 16), int32(of=0), "dst2src_map has 0 dimensions, shape (); expected 1"),
        (torch.tensor(1.0), int32(6, of=0), "input_tensor has 0 dimensions, shape (); expected 2"),
        (torch.randn(2, 3, 16), int32(6, of=0), "input_tensor has 3 dimensions, shape (2, 3, 16); expected 2"),
    ],
    ids=["one number", "one element", "a dimension more"],
)
def test_tensors_without_the_dimensions_of_a_shape_are_refused_by_name(
    tokens: torch.Tensor, numbers: torch.Tensor, words: str
) -> None:
    with pytest.raises(RuntimeError, match=re.escape(words)):
        warpwright.shuffle_rows(tokens, numbers, (6, 16))


def test_a_router_gives_bfloat16_unless_told_otherwise() -> None:
    states, weights = torch.randn(3, 64).bfloat16(), torch.randn(8, 64).bfloat16()
    assert warpwright.dsv3_router_gemm(states, weights).dtype == torch.bfloat16
    assert warpwright.dsv3_router_gemm(states, weights, torch.float32).dtype == torch.float32


def test_gemm_has_what_callers_look_for_there() -> None:
    assert __import__("warpwright.gemm", fromlist=["shuffle_rows"]).shuffle_rows is warpwright.shuffle_rows
