"""Speculative decoding on a GPU: distributions over vocabularies of all sizes, and rows that know of no other."""

from __future__ import annotations

import pytest
import torch
from speculative import chain, distributions, is_drawn_from, one_level, uniform

import warpwright
from warpwright.draw import Draw
from warpwright.speculative._sample_tree_calls import make

SIZES = [(111, 40_000), (32_000, 4_000), (128_256, 1_000), (151_936, 1_000)]
"""Vocabularies, and how many requests fit beside each other; every one is drawn from in 20 calls."""
each_size = pytest.mark.parametrize(("vocabulary", "requests"), SIZES)


@pytest.mark.operator("chain_speculative_sampling")
@each_size
def test_a_chain_gives_tokens_as_the_target_has_them(vocabulary: int, requests: int) -> None:
    target, draft = distributions(2, vocabulary, "cuda")
    tokens = torch.cat([chain(target, draft, requests, seed) for seed in range(20)])
    assert is_drawn_from(tokens[:, 0], target)
    assert not is_drawn_from(tokens[:, 0], draft)
    assert is_drawn_from(tokens[:, 1][tokens[:, 1] >= 0], target)


@pytest.mark.operator("tree_speculative_sampling_target_only")
@pytest.mark.parametrize("last", [True, False], ids=["0.4.5", "0.1.4"])
@each_size
def test_a_tree_gives_tokens_as_the_target_has_them(vocabulary: int, requests: int, last: bool) -> None:
    target, other = distributions(2, vocabulary, "cuda")
    tokens = torch.cat([one_level(target, 2, requests // 2, 2 * seed, last=last) for seed in range(20)])
    assert is_drawn_from(tokens, target)
    assert not is_drawn_from(tokens, other)


@pytest.mark.operator("tree_speculative_sampling_target_only")
@pytest.mark.parametrize("vocabulary", [111, 4099, 151_936, 300_003])
def test_a_row_gives_the_same_tokens_at_every_address_and_in_every_batch(vocabulary: int) -> None:
    names = (
        "target_probs",
        "draft_probs",
        "uniform_samples",
        "candidates",
        "retrive_next_token",
        "retrive_next_sibling",
    )
    whole = make(Draw("cuda", 3), requests=16, draft=8, vocabulary=vocabulary)
    warpwright.tree_speculative_sampling_target_only(**whole)
    for request in range(16):
        alone = make(Draw("cuda", 3), requests=1, draft=8, vocabulary=vocabulary)
        for name in names:
            shifted = torch.empty(whole[name][0].numel() + 1, dtype=whole[name].dtype, device="cuda")[1:]
            alone[name] = shifted.view(1, *whole[name].shape[1:]).copy_(whole[name][request : request + 1])
        alone["uniform_samples_for_final_sampling"] = whole["uniform_samples_for_final_sampling"][request : request + 1]
        warpwright.tree_speculative_sampling_target_only(**alone)
        assert torch.equal(alone["predicts"], whole["predicts"][8 * request : 8 * request + 8])
        assert torch.equal(alone["accept_token_num"], whole["accept_token_num"][request : request + 1])


@pytest.mark.operator("chain_speculative_sampling")
def test_the_cpu_and_the_gpu_draw_the_same_tokens() -> None:
    target, draft = distributions(2, 5003, "cpu")
    assert torch.equal(chain(target, draft, 500, 5), chain(target.cuda(), draft.cuda(), 500, 5).cpu())


@pytest.mark.filterwarnings("ignore:The CUDA Graph is empty")
@pytest.mark.operator("chain_speculative_sampling")
def test_a_graph_keeps_no_numbers_that_a_chain_is_sampled_by() -> None:
    probs = torch.full((8, 4, 100), 0.01, device="cuda")
    tokens = torch.zeros(8, 3, dtype=torch.int32, device="cuda")
    torch.cuda.synchronize()
    with (
        pytest.raises(RuntimeError, match="which every replay of the graph that is captured would use again"),
        torch.cuda.graph(torch.cuda.CUDAGraph()),
    ):
        warpwright.chain_speculative_sampling(probs[:, :3].contiguous(), tokens, probs, seed=1, offset=0)


@pytest.mark.operator("chain_speculative_sampling")
def test_every_replay_of_a_graph_draws_other_tokens() -> None:
    target, draft = distributions(2, 1000, "cuda")
    given = (draft.expand(64, 3, -1).contiguous(), torch.zeros(64, 3, dtype=torch.int64, device="cuda"))
    rows = target.expand(64, 4, -1).contiguous()
    warpwright.chain_speculative_sampling(*given, rows)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        tokens, _, _ = warpwright.chain_speculative_sampling(*given, rows)
    found = []
    for _ in range(3):
        graph.replay()
        found.append(tokens.clone())
    assert not torch.equal(found[0], found[1])
    assert not torch.equal(found[1], found[2])


@pytest.mark.operator("apply_token_bitmask_inplace_cuda")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("start", range(9))
def test_masks_fit_rows_that_begin_anywhere(start: int, dtype: torch.dtype) -> None:
    wide = torch.zeros(5, 1000, dtype=dtype, device="cuda")
    logits, allowed = wide[:, start : start + 937], uniform(5, 937, device="cuda", seed=start) < 0.7
    bits = torch.nn.functional.pad(allowed, (0, 23)).view(5, 30, 32).long() << torch.arange(32, device="cuda")
    warpwright.apply_token_bitmask_inplace_cuda(logits, bits.sum(dim=-1).to(torch.int32))
    assert torch.equal(logits, torch.where(allowed, 0.0, -torch.inf).to(dtype))
    assert wide.isinf().sum() == (~allowed).sum()


@pytest.mark.operator("apply_token_bitmask_inplace_cuda")
@pytest.mark.parametrize(
    "indices", [[2, 0], torch.tensor([2, 0]), torch.tensor([2, 0]).int()], ids=["list", "64", "32"]
)
def test_rows_that_the_cpu_names_are_masked(indices: list[int] | torch.Tensor) -> None:
    logits = torch.zeros(4, 40, device="cuda")
    warpwright.apply_token_bitmask_inplace_cuda(logits, torch.zeros(4, 2, dtype=torch.int32, device="cuda"), indices)
    assert logits.isinf().all(dim=1).tolist() == [True, False, True, False]
    assert logits[1::2].eq(0).all()
