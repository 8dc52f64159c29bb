"""Calls of moe_fused_gate: those that are taken, and those that are refused."""

from __future__ import annotations

import torch

from warpwright.contract import Arguments, refuse, sample
from warpwright.moe._gate import gate_refusals, gate_samples


def _applied(_: Arguments) -> Arguments:
    return {"apply_routed_scaling_factor_on_output": True}


SAMPLES = (
    *gate_samples(),
    sample("smallest", tokens=1, experts=1, groups=1, kept=1, topk=1),
    sample("odd", tokens=7, experts=63, groups=7, kept=3, topk=5, dtype=torch.float16),
    sample("DeepSeek-V3 with a shared expert", tokens=33, topk=9, shared=1, dtype=torch.bfloat16),
    sample("two shared experts, scaled", _applied, tokens=9, topk=10, shared=2),
    sample("no factor", lambda _: {"routed_scaling_factor": 0.0}, tokens=9, topk=9, shared=1),
    sample("shared experts alone", tokens=3, topk=2, shared=2),
    sample("shared experts alone, of several groups", tokens=2, experts=0, groups=2, kept=2, topk=2, shared=2),
    sample("groups of 20", tokens=9, experts=160, groups=8, kept=3, topk=6),
    sample("groups of 48", tokens=9, experts=384, groups=8, kept=4),
    sample("groups of one", tokens=9, experts=32, groups=32, kept=9, topk=9),
    sample("one group", tokens=9, experts=64, groups=1, kept=1, topk=6, dtype=torch.bfloat16),
    sample("all groups", tokens=9, experts=128, groups=4, kept=4, topk=20),
    sample("all that the groups have", tokens=9, experts=32, groups=4, kept=2, topk=16),
    sample("many groups", tokens=3, experts=240, groups=48, kept=10, topk=12),
    sample("large groups", tokens=3, experts=2400, groups=4, kept=2, topk=40, dtype=torch.bfloat16),
    sample("no choice", tokens=9, topk=0),
    sample("largest", tokens=70_000, experts=16, groups=4, kept=2, topk=2),
)

REFUSALS = (
    *gate_refusals(),
    refuse("no group", "num_expert_group is 0, expected at least 1", num_expert_group=lambda _: 0),
    refuse(
        "parts",
        "the size of input_tensor in dimension 1 is 256, expected a multiple of 7",
        num_expert_group=lambda _: 7,
    ),
    refuse("none kept", "topk_group is 0, expected at least 1", topk_group=lambda _: 0),
    refuse("too many kept", "topk_group is 9, expected at most 8: there are no more groups", topk_group=lambda _: 9),
    refuse(
        "less than none shared",
        "num_fused_shared_experts is -1, expected at least 0",
        num_fused_shared_experts=lambda _: -1,
    ),
    refuse("less than shared", "topk is 8, expected at least 9", num_fused_shared_experts=lambda _: 9),
    refuse(
        "too many",
        "topk less num_fused_shared_experts is 200, expected at most 128: there are no more experts in so many",
        topk=lambda _: 200,
    ),
)
