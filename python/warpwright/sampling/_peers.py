"""Who else draws and keeps the largest: plain torch, sglang-kernel, and FlashInfer where it can be imported."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import torch

Peers: TypeAlias = Mapping[str, Callable[[], object]]


def flashinfer_peer(name: str, *arguments: Any) -> Peers:
    """Return FlashInfer's function of that name."""
    try:
        function = getattr(importlib.import_module("flashinfer.sampling"), name)
    except (ImportError, AttributeError):
        return {}
    return {"FlashInfer": lambda: function(*arguments)}


def draw_peers(name: str, scores: Any, *numbers: Any) -> Peers:
    """Return who else draws from these scores."""
    by_torch = _DRAWN_BY_TORCH.get(name)
    found: Peers = {} if by_torch is None else {"torch": lambda: by_torch(scores, *numbers)}
    return {**found, **flashinfer_peer(name, scores, *numbers)}


def keep_top_k(probs: torch.Tensor, top_k: int) -> torch.Tensor:
    """Return what is among the k largest, of a sum of 1."""
    least = probs.topk(top_k, -1).values[:, -1:]
    kept = probs.where(probs >= least, 0.0)
    return kept / kept.sum(-1, keepdim=True)


def keep_top_p(probs: torch.Tensor, top_p: float) -> torch.Tensor:
    """Return what less than a share of the mass is larger than, of a sum of 1."""
    ordered, order = probs.sort(-1, descending=True)
    kept = ordered.where(ordered.cumsum(-1) - ordered < top_p, 0.0)
    return torch.zeros_like(probs).scatter_(-1, order, kept / kept.sum(-1, keepdim=True))


def _top_k_top_p(probs: torch.Tensor, top_k: int, top_p: float) -> torch.Tensor:
    """Draw as engines without kernels do: sort, sum up, mask, draw, look up."""
    ordered, order = probs.sort(-1, descending=True)
    ordered[:, top_k:] = 0.0
    ordered = ordered / ordered.sum(-1, keepdim=True)
    kept = ordered.where(ordered.cumsum(-1) - ordered < top_p, 0.0)
    return order.gather(-1, torch.multinomial(kept, 1))


def _min_p(probs: torch.Tensor, min_p: float) -> torch.Tensor:
    return torch.multinomial(probs.where(probs >= min_p * probs.amax(-1, keepdim=True), 0.0), 1)


_DRAWN_BY_TORCH: Mapping[str, Callable[..., torch.Tensor]] = {
    "sampling_from_probs": lambda probs: torch.multinomial(probs, 1),
    "sampling_from_logits": lambda logits: torch.multinomial(logits.softmax(-1), 1),
    "top_k_sampling_from_probs": lambda probs, top_k: torch.multinomial(keep_top_k(probs, top_k), 1),
    "top_p_sampling_from_probs": lambda probs, top_p: torch.multinomial(keep_top_p(probs, top_p), 1),
    "min_p_sampling_from_probs": _min_p,
    "top_k_top_p_sampling_from_probs": _top_k_top_p,
    "top_k_top_p_sampling_from_logits": lambda logits, top_k, top_p: _top_k_top_p(logits.softmax(-1), top_k, top_p),
}
