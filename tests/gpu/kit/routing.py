"""Experts stand in the order of their logits, to the last bit; the suite gives the device."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import warpwright

EXPERTS = [(8, 2), (24, 3), (64, 6), (256, 8), (384, 8), (512, 10), (1024, 8)]
each_size = pytest.mark.parametrize(("experts", "k"), EXPERTS)
each_operator = pytest.mark.parametrize("name", ["topk_softmax", "topk_sigmoid"])


def near_logits(tokens: int, experts: int, device: str) -> torch.Tensor:
    """Return logits of which every other token's differ in their last bits alone, or not at all."""
    generator = torch.Generator().manual_seed(experts)
    logits = torch.randn(tokens, experts, generator=generator)
    steps = torch.rand(tokens, experts, generator=generator).argsort(dim=1)
    logits[::2] = 1 + (steps[::2] // 2).float() * 2.0**-23
    return logits.to(device)


def route(name: str, logits: torch.Tensor, k: int, **more: Any) -> tuple[torch.Tensor, torch.Tensor]:
    weights = torch.empty(len(logits), k, device=logits.device)
    ids = torch.empty(len(logits), k, dtype=torch.int32, device=logits.device)
    getattr(warpwright, name)(weights, ids, logits, True, **more)
    return weights, ids


@each_operator
@each_size
def test_experts_stand_in_the_order_of_their_logits_to_the_last_bit(
    name: str, experts: int, k: int, device: str
) -> None:
    logits = near_logits(67, experts, device)
    _, ids = route(name, logits, k)
    assert torch.equal(ids.long(), logits.sort(dim=1, descending=True, stable=True).indices[:, :k])
