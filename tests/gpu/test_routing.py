"""Routing on a GPU: the order of near logits, and the same bits in every batch."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from routing import *  # noqa: F403
from routing import each_operator, each_size, near_logits, route

pytestmark = pytest.mark.operator("topk_softmax")


def has_the_same_bits_alone(name: str, experts: int, k: int, **more: Any) -> bool:
    logits = near_logits(33, experts, "cuda")
    together = route(name, logits, k, **more)
    alone = [route(name, logits[token : token + 1], k, **more) for token in range(len(logits))]
    return all(
        torch.equal(torch.cat(rows), whole) for rows, whole in zip(zip(*alone, strict=True), together, strict=True)
    )


@each_operator
@each_size
def test_a_choice_has_the_same_bits_beside_any_other_token(name: str, experts: int, k: int) -> None:
    assert has_the_same_bits_alone(name, experts, k)


@each_size
def test_a_choice_by_capped_and_biased_logits_has_the_same_bits_beside_any_other_token(experts: int, k: int) -> None:
    bias = torch.linspace(-0.5, 0.5, experts, device="cuda")
    bias[::2] = 0.25
    assert has_the_same_bits_alone("topk_softmax", experts, k, moe_softcapping=5.0, correction_bias=bias)
