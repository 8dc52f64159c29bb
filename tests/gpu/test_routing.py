"""Routing on a GPU: the order of near logits, and the same bits in every batch."""

from __future__ import annotations

import pytest
import torch
from routing import *  # noqa: F403
from routing import each_operator, each_size, near_logits, route

pytestmark = pytest.mark.operator("topk_softmax")


@each_operator
@each_size
def test_a_choice_has_the_same_bits_beside_any_other_token(name: str, experts: int, k: int) -> None:
    logits = near_logits(33, experts, "cuda")
    weights, ids = route(name, logits, k)
    for token in range(1, 12):
        own_weights, own_ids = route(name, logits[token : token + 1], k)
        assert torch.equal(own_weights[0], weights[token])
        assert torch.equal(own_ids[0], ids[token])


@each_size
def test_a_choice_by_capped_and_biased_logits_has_the_same_bits_beside_any_other_token(experts: int, k: int) -> None:
    logits = near_logits(33, experts, "cuda")
    bias = torch.linspace(-0.5, 0.5, experts, device="cuda")
    bias[::2] = 0.25
    capped = {"moe_softcapping": 5.0, "correction_bias": bias}
    weights, ids = route("topk_softmax", logits, k, **capped)
    for token in range(1, 12):
        own_weights, own_ids = route("topk_softmax", logits[token : token + 1], k, **capped)
        assert torch.equal(own_weights[0], weights[token])
        assert torch.equal(own_ids[0], ids[token])
