"""Sampling on a GPU: distributions, batches, seeds and generators, and what CUDA graphs draw."""

from __future__ import annotations

import pytest
import torch
from drawing import *  # noqa: F403
from drawing import each_case, logits_of, sample, scores_of

import warpwright
from warpwright.random import Source, unit_interval, words

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


def order_of_threads(classes: int, element_bytes: int) -> torch.Tensor:
    """Return classes as the kernels sum them: those of a thread one after the other, which has every 1024th vector."""
    index = torch.arange(classes)
    return (index // (16 // element_bytes) % 1024 * classes + index).argsort()


@pytest.mark.parametrize("name", ["sampling_from_probs", "min_p_sampling_from_probs", "sampling_from_logits"])
@pytest.mark.parametrize("classes", [111, 9001, 32_000])
def test_exact_sums_draw_what_their_order_and_the_random_numbers_say(name: str, classes: int) -> None:
    """Whole weights have exact sums, and so one token for each random number, on every GPU."""
    draws, source = 500, Source(11, 8)
    weights = torch.randint(0, 2 if "logits" in name else 256, (classes,), generator=torch.Generator().manual_seed(1))
    scores = weights.log().bfloat16() if "logits" in name else weights.float()
    random = words(source, draws, torch.device("cpu"))
    order = order_of_threads(classes, scores.element_size())
    up_to = weights[order].double().cumsum(0)
    expected = order[torch.searchsorted(up_to, unit_interval(random[:, 0], random[:, 1]) * up_to[-1], right=True)]
    given = {"min_p": 0.0} if "min_p" in name else {}
    rows = torch.zeros(draws, dtype=torch.int64, device="cuda")
    drawn = getattr(warpwright, name)(
        scores[None].cuda(), indices=rows, seed=source.seed, offset=source.offset, **given
    )
    assert torch.equal(drawn.cpu(), expected)
