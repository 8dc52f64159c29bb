"""Speculative sampling against the distribution that it promises, on whatever device a suite has.

The numbers are drawn from fixed seeds, so that a test that passes once passes always.
"""

from __future__ import annotations

import torch
from chi_square import is_drawn_from

import warpwright

__all__ = ["chain", "distributions", "is_drawn_from", "one_level", "uniform"]


def distributions(count: int, vocabulary: int, device: str, seed: int = 1) -> torch.Tensor:
    """Draw distributions of which a few tokens have most."""
    logits = torch.randn(count, vocabulary, generator=torch.Generator().manual_seed(seed))
    return (2 * logits).softmax(-1).to(device)


def uniform(*sizes: int, device: str, seed: int) -> torch.Tensor:
    return torch.rand(sizes, generator=torch.Generator().manual_seed(seed)).to(device)


def chain(target: torch.Tensor, draft: torch.Tensor, requests: int, seed: int) -> torch.Tensor:
    """Return the tokens of chains of one draft token, which the draft's distribution has given."""
    vocabulary = target.shape[-1]
    numbers = uniform(requests, 1, device="cpu", seed=seed).double()
    drafted = torch.searchsorted(draft.cpu().double().cumsum(0), numbers).clamp(max=vocabulary - 1).to(target.device)
    tokens: torch.Tensor = warpwright.chain_speculative_sampling(
        draft.expand(requests, 1, vocabulary).contiguous(),
        drafted,
        target.expand(requests, 2, vocabulary).contiguous(),
        seed=seed,
        offset=0,
    )[0]
    return tokens


def one_level(target: torch.Tensor, children: int, requests: int, seed: int, *, last: bool = True) -> torch.Tensor:
    """Return the first tokens of trees whose root has the likeliest tokens for children."""
    device, vocabulary, nodes = target.device.type, target.shape[-1], children + 1
    likely = target.topk(nodes).indices
    next_token = torch.full((requests, nodes), -1, device=device)
    sibling = torch.full((requests, nodes), -1, device=device)
    next_token[:, 0] = 1
    sibling[:, 1:-1] = torch.arange(2, nodes, device=device)
    predicts = torch.full((requests * nodes,), -1, dtype=torch.int32, device=device)
    warpwright.tree_speculative_sampling_target_only(
        predicts,
        torch.full((requests, 2), -1, dtype=torch.int32, device=device),
        torch.zeros(requests, dtype=torch.int32, device=device),
        likely.expand(requests, nodes).contiguous(),
        torch.arange(requests * nodes, device=device).view(requests, nodes),
        next_token,
        sibling,
        uniform(requests, nodes, device=device, seed=seed),
        uniform(requests, device=device, seed=seed + 1) if last else None,
        target.expand(requests, nodes, vocabulary).contiguous(),
        torch.zeros(requests, nodes, vocabulary, device=device),
    )
    return predicts.view(requests, nodes)[:, 0]
