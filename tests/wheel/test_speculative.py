"""Speculative decoding on the CPU: forms of older and newer callers, small trees, and distributions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from speculative import chain, distributions, is_drawn_from, one_level

import warpwright

FULL, DRAFT_ONLY, PACKED = range(3)
PARENTS, SELECTED = torch.tensor([[-1, 0, 1, 3, 4]]), torch.tensor([[0, 1, 3, 4, 6]])
"""Two expansions of two tokens each: numbers 0 and 1 below the root, 3 below 0, 4 below 1, and 6 below 3."""
ABOVE = [[0], [0, 1], [0, 2], [0, 1, 3], [0, 2, 4], [0, 1, 3, 5]]
LINKS = [[0, 1, 2, 3, 4, 5], [1, 3, 4, 5, -1, -1], [-1, 2, -1, -1, -1, -1]]


def outputs() -> list[torch.Tensor]:
    return [torch.full((6,), -7), *(torch.full((1, 6), -7) for _ in range(3))]


def built(mask: torch.Tensor, *mode: int) -> list[torch.Tensor]:
    """Return the positions and the links of that tree, of which the mask is written."""
    made = outputs()
    warpwright.build_tree_kernel_efficient(PARENTS, SELECTED, torch.tensor([10]), mask, *made, 2, 3, 6, *mode)
    return made


def seen() -> torch.Tensor:
    rows = torch.zeros(6, 6, dtype=torch.bool)
    for row, columns in enumerate(ABOVE):
        rows[row, columns] = True
    return rows


@pytest.mark.parametrize("mode", [(), (FULL,)], ids=["0.1.4", "0.4.5"])
def test_a_tree_is_built_behind_the_tokens_before_it(mode: tuple[int, ...]) -> None:
    mask = torch.ones(6 * 16, dtype=torch.bool)
    positions, *links = built(mask, *mode)
    assert positions.tolist() == [10, 11, 11, 12, 12, 13]
    assert [each[0].tolist() for each in links] == LINKS
    assert torch.equal(mask.view(6, 16), torch.cat((torch.ones(6, 10, dtype=torch.bool), seen()), dim=1))


def test_a_mask_of_the_draft_alone_brings_the_links_back() -> None:
    mask = torch.zeros(36, dtype=torch.bool)
    links = built(mask, DRAFT_ONLY)
    assert torch.equal(mask.view(6, 6), seen())
    again = outputs()
    warpwright.reconstruct_indices_from_tree_mask(mask, torch.tensor([10]), *again, 1, 6)
    assert all(torch.equal(one, other) for one, other in zip(links, again, strict=True))


def test_fewer_requests_than_there_is_room_for_are_reconstructed() -> None:
    masks, made = seen().repeat(2, 1, 1), [torch.full((12,), -7), *(torch.full((2, 6), -7) for _ in range(3))]
    warpwright.reconstruct_indices_from_tree_mask(masks, torch.tensor([10, 20]), *made, 1, 6)
    assert made[0].tolist() == [10, 11, 11, 12, 12, 13, *[-7] * 6]
    assert all(bool((each[1] == -7).all()) for each in made[1:])


@pytest.mark.parametrize(
    ("requests", "words"),
    [
        (-2, "batch_size is -2, expected at least 0"),
        (2, "batch_size is 2, expected at most 1: verified_seq_len has no more"),
    ],
)
def test_a_number_of_requests_that_there_are_none_of_is_refused(requests: int, words: str) -> None:
    with pytest.raises(RuntimeError, match=words):
        warpwright.reconstruct_indices_from_tree_mask(seen(), torch.tensor([10]), *outputs(), requests, 6)


def test_tensors_without_dimensions_are_refused_by_name() -> None:
    mask, length, number, outs = seen(), torch.tensor([10]), torch.tensor(10), outputs()
    with pytest.raises(RuntimeError, match="verified_seq_len has 0 dimensions"):
        warpwright.reconstruct_indices_from_tree_mask(mask, number, *outs, 1, 6)
    with pytest.raises(RuntimeError, match="retrive_index has 0 dimensions"):
        warpwright.reconstruct_indices_from_tree_mask(mask, length, outs[0], number, *outs[2:], 0, 6)
    with pytest.raises(RuntimeError, match="draft_probs has 0 dimensions"):
        warpwright.chain_speculative_sampling(torch.tensor(0.5), number, torch.tensor(0.5))


@pytest.mark.parametrize(
    ("draft", "dtype"), [(6, torch.uint8), (13, torch.uint16), (29, torch.uint32), (40, torch.int32)], ids=str
)
def test_a_packed_mask_has_the_bits_of_one_that_is_not(draft: int, dtype: torch.dtype) -> None:
    """A chain: each token sees all before it."""
    chained = torch.arange(draft - 1)[None]
    words = -(-draft // 32)
    mask = torch.zeros(draft * words, dtype=dtype)
    links = [torch.zeros(1, draft, dtype=torch.int64) for _ in range(3)]
    parents = torch.cat((torch.tensor([[-1]]), torch.arange(draft - 2)[None]), dim=1)
    call = (parents, chained, torch.tensor([4]), mask, torch.zeros(draft, dtype=torch.int64), *links)
    warpwright.build_tree_kernel_efficient(*call, 1, draft - 1, draft, PACKED)
    bits = np.unpackbits(mask.view(torch.uint8).numpy().reshape(draft, -1), axis=1, bitorder="little")[:, :draft]
    assert (bits == np.tril(np.ones((draft, draft), dtype=np.uint8))).all()


def test_a_packed_mask_of_words_that_lie_apart_is_refused_by_name() -> None:
    with pytest.raises(
        RuntimeError, match=r"tree_mask has shape \(12,\) and strides \(2,\), expected a contiguous tensor"
    ):
        built(torch.zeros(24, dtype=torch.int32)[::2], PACKED)


def test_an_empty_list_of_parents_may_have_any_dtype() -> None:
    made, mask = [torch.zeros(3, dtype=torch.int64), *(torch.zeros(1, 3, dtype=torch.int64) for _ in range(3))], seen()
    call = (torch.empty(1, 0), torch.tensor([[0, 1]]), torch.tensor([2]), mask, *made)
    warpwright.build_tree_kernel_efficient(*call, 2, 1, 3, DRAFT_ONLY)
    assert made[2].tolist() == [[1, -1, -1]]


def verified() -> tuple[torch.Tensor, ...]:
    """Return outputs of three steps, and the tokens and links of that tree."""
    outs = (torch.full((6,), -1), torch.full((1, 4), -1), torch.full((1,), -1))
    links = [torch.tensor([each]) for each in LINKS]
    return (*(out.int() for out in outs), torch.tensor([[9, 5, 6, 7, 8, 4]]), *links)


def test_the_path_that_the_target_predicts_is_accepted() -> None:
    predicts, index, number, *tree = verified()
    target = torch.tensor([[6, 0, 8, 0, 3, 0]])
    warpwright.verify_tree_greedy(predicts, index, number, *tree, target)
    assert (predicts.tolist(), index.tolist(), number.tolist()) == ([6, -1, 8, -1, 3, -1], [[0, 2, 4, -1]], [2])


OLD_AND_NEW: dict[str, Any] = {
    "0.4.5": lambda final, target, draft: ((final, target, draft, 0.9, 0.8, True), {}),
    "0.4.5, by name": lambda final, target, draft: (
        (),
        {
            "uniform_samples_for_final_sampling": final,
            "target_probs": target,
            "draft_probs": draft,
            "threshold_single": 0.9,
            "threshold_acc": 0.8,
            "deterministic": True,
        },
    ),
    "0.1.4": lambda _, target, draft: ((target, draft, 0.9, 0.8, True), {}),
    "0.1.4, one threshold by name": lambda _, target, draft: ((target, draft, 0.9), {"threshold_acc": 0.8}),
    "0.1.4, thresholds by name": lambda _, target, draft: (
        (target, draft),
        {"threshold_single": 0.9, "threshold_acc": 0.8},
    ),
    "0.1.4, a draft by name": lambda _, target, draft: (
        (target,),
        {"draft_probs": draft, "threshold_single": 0.9, "threshold_acc": 0.8},
    ),
    "0.1.4, by name": lambda _, target, draft: (
        (),
        {"target_probs": target, "draft_probs": draft, "threshold_single": 0.9, "threshold_acc": 0.8},
    ),
}


@pytest.mark.parametrize("form", OLD_AND_NEW, ids=str)
def test_a_tree_is_sampled_in_the_forms_of_older_and_newer_callers(form: str) -> None:
    """The number 0.45 accepts token 6, the first 0.5 of the target, at a threshold of 0.8 alone."""
    predicts, index, number, *tree = verified()
    coins = torch.tensor([[0.45, 0.1, 0.1, 0.1, 0.99, 0.1]])
    target = torch.zeros(1, 6, 10)
    target[0, :, 1] = 0.6
    target[0, 0, 6] = 0.4
    target[0, 2, 8] = 0.4
    given, named = OLD_AND_NEW[form](torch.tensor([0.3]), target, torch.zeros_like(target))
    warpwright.tree_speculative_sampling_target_only(predicts, index, number, *tree, coins, *given, **named)
    assert (predicts.tolist(), index.tolist(), number.tolist()) == ([6, -1, 8, -1, 1, -1], [[0, 2, 4, -1]], [2])


def test_a_target_of_too_few_dimensions_is_named_in_the_form_of_0_1_4() -> None:
    predicts, index, number, *tree = verified()
    given = (predicts, index, number, *tree, torch.zeros(1, 6), torch.zeros(6, 10), torch.zeros(1, 6, 10), 1.0, 1.0)
    with pytest.raises(RuntimeError, match="target_probs has 2 dimensions"):
        warpwright.tree_speculative_sampling_target_only(*given)


@pytest.mark.parametrize(("threshold", "accepted"), [(0.9, 1), (0.95, 0)])
def test_a_probability_that_is_the_threshold_is_accepted(threshold: float, accepted: int) -> None:
    """In float32, 0.9 is less than the 0.9 of float64."""
    predicts, index, number, *tree = verified()
    target = torch.full((1, 6, 10), 0.001)
    target[0, 0, 5] = 0.9
    given = (torch.full((1, 6), 0.99), torch.tensor([0.5]), target, torch.zeros_like(target), threshold, 1.0)
    warpwright.tree_speculative_sampling_target_only(predicts, index, number, *tree, *given)
    assert number.tolist() == [accepted]


TARGET, DRAFT = distributions(2, 111, "cpu")


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_a_chain_gives_tokens_as_the_target_has_them(seed: int) -> None:
    tokens = chain(TARGET, DRAFT, 20_000, seed)
    assert is_drawn_from(tokens[:, 0], TARGET)
    assert not is_drawn_from(tokens[:, 0], DRAFT)
    behind = tokens[:, 1][tokens[:, 1] >= 0]
    assert 1000 < behind.numel() < 19_000
    assert is_drawn_from(behind, TARGET)


@pytest.mark.parametrize("last", [True, False], ids=["0.4.5", "0.1.4"])
@pytest.mark.parametrize("children", [1, 4])
def test_a_tree_gives_tokens_as_the_target_has_them(children: int, last: bool) -> None:
    tokens = one_level(TARGET, children, 20_000, 21, last=last)
    assert is_drawn_from(tokens, TARGET)
    assert not is_drawn_from(tokens, DRAFT)


def test_a_chain_counts_and_fills_up() -> None:
    """FlashInfer's example: the first token is accepted whatever the numbers are, the second never."""
    draft = torch.tensor([[[0.1, 0.2, 0.3, 0.4], [0.2, 0.3, 0.4, 0.1]]])
    target = torch.tensor([[[0.0, 0.1, 0.6, 0.3], [1.0, 0.0, 0.0, 0.0], [0.7, 0.1, 0.1, 0.1]]])
    accepted = torch.tensor([5])
    found = warpwright.chain_speculative_sampling(draft, torch.tensor([[2, 1]]), target, accepted)
    assert found[1] is accepted
    assert [each.tolist() for each in found] == [[[2, 0, -1]], [6], [1]]
    assert [each.dtype for each in found] == [torch.int32, torch.int64, torch.int32]


def test_a_generator_gives_the_same_chain_again() -> None:
    call = (
        DRAFT.expand(50, 3, -1).contiguous(),
        torch.zeros(50, 3, dtype=torch.int64),
        TARGET.repeat(50, 4, 1).double(),
    )
    found = [
        warpwright.chain_speculative_sampling(*call, generator=torch.Generator().manual_seed(n))[0] for n in (1, 1, 2)
    ]
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])
