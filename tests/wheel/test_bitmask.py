"""Masks of tokens on the CPU, in every form that callers write."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

import warpwright

grammar: Any = warpwright.grammar


@pytest.mark.parametrize(
    "indices",
    [None, [1], torch.tensor([1]), [1, -1, 2**40]],
    ids=["all", "a list", "a tensor", "rows that there are not"],
)
def test_logits_are_masked_in_every_form(indices: Any) -> None:
    logits, mask = torch.zeros(2, 40), torch.tensor([[0b101, 0], [-2, 1]], dtype=torch.int32)
    assert grammar.apply_token_bitmask_inplace_cuda(logits, mask, indices) is None
    kept = [(row == 0).nonzero().flatten().tolist() for row in logits]
    assert kept == [[0, 2] if indices is None else list(range(40)), list(range(1, 33))]


def test_one_row_of_logits_is_masked() -> None:
    logits = torch.zeros(40)
    warpwright.apply_token_bitmask_inplace_cuda(logits, torch.tensor([1, 0], dtype=torch.int32))
    assert logits.tolist() == [0.0, *[-torch.inf] * 39]


def test_rows_that_the_cpu_names_are_taken_for_logits_on_another_device() -> None:
    with FakeTensorMode():
        logits, mask = torch.zeros(2, 40, device="cuda"), torch.zeros(2, 2, dtype=torch.int32, device="cuda")
        for indices in ([1], torch.zeros(1, dtype=torch.int64)):
            warpwright.apply_token_bitmask_inplace_cuda(logits, mask, indices)
