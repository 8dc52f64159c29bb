"""Sampling on a GPU: distributions, batches, seeds and generators, and what CUDA graphs draw."""

from __future__ import annotations

import pytest
import torch
from drawing import *  # noqa: F403
from drawing import each_case, logits_of, sample, scores_of

pytestmark = pytest.mark.operator("sampling_from_probs")


@each_case
def test_each_replay_of_a_graph_draws_anew(case: str) -> None:
    scores = scores_of(case, logits_of(4099, "cuda", rows=64))
    sample(case, scores)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        tokens = sample(case, scores)
    drawn = []
    for _ in range(4):
        graph.replay()
        drawn.append(tokens.clone())
    assert not any(torch.equal(drawn[one], drawn[other]) for one in range(4) for other in range(one))


@each_case
def test_tensors_of_the_callers_own_are_read_at_each_replay(case: str) -> None:
    scores = scores_of(case, logits_of(4099, "cuda", rows=64))
    seed, offset = (torch.zeros(1, dtype=torch.int64, device="cuda") for _ in range(2))
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        tokens = sample(case, scores, seed=seed, offset=offset)
    for number in range(3):
        seed.fill_(number)
        graph.replay()
        assert torch.equal(tokens, sample(case, scores, seed=number, offset=0))


@pytest.mark.filterwarnings("ignore:The CUDA Graph is empty")
@each_case
def test_numbers_are_refused_while_a_graph_is_captured(case: str) -> None:
    scores = scores_of(case, logits_of(4099, "cuda", rows=4))
    torch.cuda.synchronize()
    with (
        pytest.raises(RuntimeError, match="which every replay of the graph that is captured would use again"),
        torch.cuda.graph(torch.cuda.CUDAGraph()),
    ):
        sample(case, scores, seed=1, offset=0)
