"""Callers of sgl_kernel and of FlashInfer: the names, the order and the forms of arguments that they write."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
import textwrap

import pytest
import torch

import warpwright

NORM = "input weight eps out enable_pdl"
ADD_NORM = "input residual weight eps enable_pdl"
ACTIVATION = "input out enable_pdl"
ROPE = "q k indptr offsets rotary_dim interleave rope_scale rope_theta"
LLAMA = f"{ROPE} low_freq_factor high_freq_factor old_context_len"
CACHED = "positions query key head_size cos_sin_cache is_neox"
GROUPS = "input output_q output_s group_size eps {0}_min {0}_max scale_ue8m0 fuse_silu_and_mul masked_m enable_v2"

SIGNATURES = {
    "rmsnorm": NORM, "gemma_rmsnorm": NORM, "fused_add_rmsnorm": ADD_NORM, "gemma_fused_add_rmsnorm": ADD_NORM,
    "layernorm": "input gemma beta eps",
    "silu_and_mul": ACTIVATION, "gelu_and_mul": ACTIVATION, "gelu_tanh_and_mul": ACTIVATION, "gelu_quick": "input out",
    "relu2": "input out",
    "apply_rope": ROPE, "apply_rope_inplace": ROPE,
    "apply_llama31_rope": LLAMA, "apply_llama31_rope_inplace": LLAMA,
    "apply_rope_pos_ids": ROPE.replace("indptr offsets", "pos_ids"),
    "apply_rope_pos_ids_inplace": ROPE.replace("indptr offsets", "pos_ids"),
    "apply_llama31_rope_pos_ids": LLAMA.replace("indptr offsets", "pos_ids"),
    "apply_llama31_rope_pos_ids_inplace": LLAMA.replace("indptr offsets", "pos_ids"),
    "apply_rope_with_cos_sin_cache": CACHED, "apply_rope_with_cos_sin_cache_inplace": CACHED,
    "rotary_embedding": CACHED,
    "fused_qk_norm_rope": "qkv num_heads_q num_heads_k num_heads_v head_dim eps q_weight k_weight base is_neox "
    "position_ids factor low high attention_factor rotary_dim",
    "concat_mla_k": "k k_nope k_rope", "concat_mla_absorb_q": "a b",
    "sgl_per_token_quant_fp8": "input output_q output_s",
    "sgl_per_tensor_quant_fp8": "input output_q output_s is_static",
    "sgl_per_token_group_quant_fp8": GROUPS.format("fp8"), "sgl_per_token_group_quant_8bit": GROUPS.format("fp8"),
    "per_token_quant_int8": "x scale_dtype cal_sum",
    "topk_softmax": "topk_weights topk_ids gating_output renormalize moe_softcapping correction_bias",
    "topk_sigmoid": "topk_weights topk_ids gating_output renormalize correction_bias",
    "moe_fused_gate": "input_tensor bias num_expert_group topk_group topk num_fused_shared_experts "
    "routed_scaling_factor apply_routed_scaling_factor_on_output",
    "kimi_k2_moe_fused_gate": "input_tensor bias topk renormalize routed_scaling_factor "
    "apply_routed_scaling_factor_on_output",
    "rmsnorm_quant": "out input weight scale eps enable_pdl",
    "fused_add_rmsnorm_quant": "out input residual weight scale eps enable_pdl",
    "fast_topk": "values topk dim", "fast_topk_v2": "score lengths topk row_starts",
    "fast_topk_transform_fused": "score lengths page_table_size_1 cu_seqlens_q topk row_starts",
    "fast_topk_transform_ragged_fused": "score lengths topk_indices_offset topk row_starts",
    "top_k": "input k sorted deterministic tie_break",
}  # fmt: skip


@pytest.mark.parametrize("name", SIGNATURES)
def test_arguments_have_the_names_and_the_order_that_callers_write(name: str) -> None:
    wanted = SIGNATURES[name].split()
    assert list(inspect.signature(getattr(warpwright, name)).parameters)[: len(wanted)] == wanted


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("norm", "rmsnorm"), ("norm", "gemma_fused_add_rmsnorm"), ("norm", "layernorm"), ("norm", "rmsnorm_quant"),
        ("activation", "gelu_and_mul"), ("rope", "apply_rope_pos_ids"),
        ("rope", "apply_rope_with_cos_sin_cache_inplace"),
    ],
)  # fmt: skip
def test_flashinfers_callers_find_the_same_function(module: str, name: str) -> None:
    imported = __import__(f"warpwright.{module}", fromlist=[name])
    assert getattr(imported, name) is getattr(warpwright, name)


def test_a_scale_may_be_a_number() -> None:
    x, weight = torch.randn(3, 64).half(), torch.ones(64).half()
    by_tensor, by_number = (torch.empty(3, 64, dtype=torch.float8_e4m3fn) for _ in range(2))
    warpwright.rmsnorm_quant(by_tensor, x, weight, torch.tensor([0.02]))
    warpwright.rmsnorm_quant(by_number, x, weight, 0.02)
    assert torch.equal(by_tensor.view(torch.uint8), by_number.view(torch.uint8))


@pytest.mark.parametrize("enable_pdl", [None, False, True])
def test_dependent_launch_may_be_asked_for_anywhere(enable_pdl: bool | None) -> None:
    x, weight = torch.randn(3, 64).half(), torch.ones(64).half()
    assert torch.equal(warpwright.rmsnorm(x, weight, enable_pdl=enable_pdl), warpwright.rmsnorm(x, weight))
    assert torch.equal(warpwright.silu_and_mul(x, enable_pdl=enable_pdl), warpwright.silu_and_mul(x))


def test_a_package_of_functions_is_found_without_an_import_of_its_own() -> None:
    program = "import warpwright as flashinfer; print(flashinfer.norm.rmsnorm is flashinfer.rmsnorm)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


def test_a_family_with_an_operator_of_its_name_is_both() -> None:
    program = """
        import torch, warpwright as flashinfer
        x = torch.randn(3, 50)
        print(all(map(torch.equal, flashinfer.top_k(x, k=2), flashinfer.top_k.top_k(x, 2))))
        from warpwright.top_k import fast_topk, top_k
        same = flashinfer.top_k.fast_topk is fast_topk is flashinfer.fast_topk
        print(same, type(top_k).__name__, callable(flashinfer.top_k))
        print(torch.equal(flashinfer.top_k(x, 4, sorted=True)[1], fast_topk(x, 4, dim=1)[1]))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["True", "True function True", "True"], done.stderr


def test_a_family_without_an_operator_of_its_name_says_so() -> None:
    with pytest.raises(TypeError, match="warpwright.gemm is a package and no operator, so it cannot be called"):
        importlib.import_module("warpwright.gemm")()  # type: ignore[operator]


def test_experts_are_chosen_in_the_older_form_too() -> None:
    logits = torch.randn(5, 16)
    (weights, ids), (older, older_ids) = ((torch.empty(5, 3), torch.empty(5, 3, dtype=torch.int32)) for _ in range(2))
    rows = torch.empty(5, 3, dtype=torch.int32)
    warpwright.topk_softmax(weights, ids, logits)
    warpwright.topk_softmax(older, older_ids, rows, logits)
    assert torch.equal(older, weights)
    assert torch.equal(older_ids, ids)
    assert rows.tolist() == [[token, 5 + token, 10 + token] for token in range(5)]


def test_copies_of_a_shared_expert_take_turns_in_the_older_form() -> None:
    logits, bias = torch.randn(5, 16), torch.zeros(16)
    weights, ids = warpwright.moe_fused_gate(logits, bias, 4, 2, 4, 1, 2.5)
    older, older_ids = warpwright.moe_fused_gate(
        logits, bias, 4, 2, 4, n_share_experts_fusion=2, routed_scaling_factor=2.5
    )
    assert torch.equal(older, weights)
    assert torch.equal(older_ids[:, :3], ids[:, :3])
    assert ids[:, 3].tolist() == [16] * 5
    assert older_ids[:, 3].tolist() == [16, 17, 16, 17, 16]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"n_share_experts_fusion": -1}, "n_share_experts_fusion is -1, expected at least 0"),
        (
            {"n_share_experts_fusion": 2, "num_fused_shared_experts": 1},
            "num_fused_shared_experts is 1, expected 0 beside n_share_experts_fusion, which is 2",
        ),
        (
            {"n_share_experts_fusion": 1, "num_fused_shared_experts": -1},
            "num_fused_shared_experts is -1, expected 0 beside n_share_experts_fusion, which is 1",
        ),
    ],
    ids=["less than none", "both names", "both names, less than none"],
)
def test_shared_experts_that_contradict_each_other_are_refused(given: dict[str, int], words: str) -> None:
    with pytest.raises(RuntimeError, match=words):
        warpwright.moe_fused_gate(torch.randn(5, 16), torch.zeros(16), 4, 2, 4, **given)


def test_what_the_sixth_argument_of_moe_fused_gate_means_is_told() -> None:
    """From 2 on the versions of sgl_kernel differ there, and a number does not tell which of them is meant."""
    logits, bias = torch.randn(5, 16), torch.zeros(16)
    _, ids = warpwright.moe_fused_gate(logits, bias, 4, 2, 4, 2)
    assert ids[:, 2:].tolist() == [[16, 17]] * 5
    assert "num_fused_shared_experts" in warpwright.operators()["moe_fused_gate"].differs
    for shared in (0, 1):
        by_place = warpwright.moe_fused_gate(logits, bias, 4, 2, 4, shared)
        by_name = warpwright.moe_fused_gate(logits, bias, 4, 2, 4, n_share_experts_fusion=shared)
        assert all(map(torch.equal, by_place, by_name))
