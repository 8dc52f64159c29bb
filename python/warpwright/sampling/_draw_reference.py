"""Drawing from rows in plain torch: which classes may be drawn, and which one is."""

from __future__ import annotations

from typing import NamedTuple

import torch

from warpwright.random import Source, unit_interval, words

LARGEST_WEIGHT = 2.0**100


class Rows(NamedTuple):
    """The weights of each draw's row in float64, its scores, which of them count, and which of the rows there are."""

    weights: torch.Tensor
    scores: torch.Tensor
    counted: torch.Tensor
    there: torch.Tensor


def rows_of_probs(probs: torch.Tensor, indices: torch.Tensor | None) -> Rows:
    """Return probabilities as weights: NaN and what is negative count as 0, what is above 2^100 as 2^100."""
    rows, there = _picked(probs, indices)
    weights = rows.double().nan_to_num(0.0, LARGEST_WEIGHT, 0.0).clamp(0.0, LARGEST_WEIGHT)
    return Rows(weights, weights, weights > 0, there)


def rows_of_logits(logits: torch.Tensor, indices: torch.Tensor | None) -> Rows:
    """Return the weights of a softmax: NaN count as -inf; where a logit is +inf, it and its equals have all."""
    rows, there = _picked(logits, indices)
    scores = rows.double().nan_to_num(-torch.inf, torch.inf, -torch.inf)
    largest = scores.amax(-1, keepdim=True)
    weights = torch.where(scores == largest, 1.0, (scores - largest).exp())
    counted = scores > -torch.inf
    return Rows(weights.where(counted, 0.0), scores, counted, there)


def in_top_k(rows: Rows, top_k: torch.Tensor | None, top_k_all: int) -> torch.Tensor:
    """Return which classes are among the k of the largest scores, or equal to the last of them; at least one is."""
    classes = rows.scores.shape[1]
    k = _for_rows(top_k, top_k_all, rows).clamp(1, classes).long()
    kth = rows.scores.sort(-1, descending=True).values.gather(1, k - 1)
    return (rows.scores >= kth) & rows.counted


def in_top_p(rows: Rows, among: torch.Tensor, top_p: torch.Tensor, whole: torch.Tensor) -> torch.Tensor:
    """Return which classes less than a share of ``whole`` is heavier than, among those of ``among``; the first is."""
    weights = rows.weights.where(among, 0.0)
    scores, order = rows.scores.where(among, -torch.inf).sort(stable=True, dim=-1, descending=True)
    up_to = weights.gather(1, order).cumsum(-1)
    before = torch.cat((torch.zeros_like(up_to[:, :1]), up_to[:, :-1]), -1)
    starts = torch.ones_like(among)
    starts[:, 1:] = scores[:, 1:] != scores[:, :-1]
    heavier = before.where(starts, 0.0).cummax(-1).values  # the same for all equals
    stays = (heavier < top_p * whole) | (top_p >= 1) | (heavier == 0)
    return among & torch.zeros_like(among).scatter(1, order, stays)


def share_of(top_p: torch.Tensor | None, top_p_all: float, rows: Rows) -> torch.Tensor:
    """Return the share of each draw, as the kernels have it: in float32."""
    return _for_rows(top_p, top_p_all, rows).float().double()


def top_k_top_p(
    rows: Rows,
    top_k: torch.Tensor | None,
    top_k_all: int,
    top_p: torch.Tensor | None,
    top_p_all: float,
    top_k_first: bool,
    slack: float = 0.0,
) -> torch.Tensor:
    """Return which classes both rules leave; a share that is larger by ``slack`` of it may be asked for."""
    first = in_top_k(rows, top_k, top_k_all)
    whole = rows.weights.where(first, 0.0) if top_k_first else rows.weights
    share = share_of(top_p, top_p_all, rows) * (1 + slack)
    return in_top_p(rows, first, share, whole.sum(-1, keepdim=True))


def in_min_p(rows: Rows, min_p: torch.Tensor | None, min_p_all: float, slack: float = 0.0) -> torch.Tensor:
    """Return which classes have at least a share of the largest probability."""
    share = _for_rows(min_p, min_p_all, rows).float().double().nan_to_num(0.0).clamp(0.0, 1.0) * (1 - slack)
    return (rows.weights >= share * rows.weights.amax(-1, keepdim=True)) & (rows.weights > 0)


def renormed(rows: Rows, kept: torch.Tensor) -> torch.Tensor:
    """Return the weights that are kept, divided by their sum."""
    weights = rows.weights.where(kept, 0.0)
    whole = weights.sum(-1, keepdim=True)
    return weights / whole.where(whole > 0, 1.0)


def drawn_from(
    rows: Rows, kept: torch.Tensor, source: Source, indices: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the class of each draw by its random number, 0 where there is none, and where there is one."""
    up_to = rows.weights.where(kept, 0.0).cumsum(-1)
    random = words(source, rows.weights.shape[0], rows.weights.device)
    target = unit_interval(random[:, 0], random[:, 1]).unsqueeze(-1) * up_to[:, -1:]
    index = ((up_to <= target) | ~kept).int().argmin(-1)
    valid = rows.there & kept.any(-1)
    return index.where(valid, 0).to(torch.int32 if indices is None else indices.dtype), valid


def may_be(rows: Rows, kept: torch.Tensor, results: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return whether each sample is one of those that may be drawn, or 0 where there is none, and which are valid."""
    samples, valid = results
    there = rows.there & kept.any(-1)
    inside = (samples >= 0) & (samples < rows.weights.shape[1])
    of_kept = kept.gather(1, samples.long().where(inside, 0).unsqueeze(-1)).squeeze(-1)
    return inside & torch.where(there, of_kept, samples == 0), valid


def _picked(scores: torch.Tensor, indices: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
    if indices is None:
        return scores, torch.ones(scores.shape[0], dtype=torch.bool, device=scores.device)
    there = (indices >= 0) & (indices < scores.shape[0])
    if scores.shape[0] == 0:
        return scores.new_zeros(indices.shape[0], scores.shape[1]), there
    return scores[indices.long().where(there, 0)], there


def _for_rows(numbers: torch.Tensor | None, number: float, rows: Rows) -> torch.Tensor:
    count, device = rows.weights.shape[0], rows.weights.device
    if numbers is None:
        return torch.full((count, 1), number, dtype=torch.float64, device=device)
    return numbers.double().unsqueeze(-1)
