"""Small calls of every operator: for the CPU, for fake tensors and for the GPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

Arguments = dict[str, Any]
Make = Callable[[Any], Arguments]


def words(rows: int, columns: int, device: Any) -> torch.Tensor:
    return torch.randint(-(2**31), 2**31, (rows, columns), dtype=torch.int32, device=device)


def rmsnorm(device: Any) -> Arguments:
    x = torch.randn(64, 4096, device=device).half()
    return {"out": torch.empty_like(x), "input": x, "weight": torch.randn(4096, device=device).half(), "eps": 1e-6}


def silu_and_mul(device: Any) -> Arguments:
    return {
        "out": torch.empty(64, 2048, device=device).half(),
        "input": torch.randn(64, 4096, device=device).half(),
    }


def int8_scaled_mm(device: Any) -> Arguments:
    return {
        "mat_a": torch.randint(-128, 128, (64, 512), dtype=torch.int8, device=device),
        "mat_b": torch.randint(-128, 128, (256, 512), dtype=torch.int8, device=device).t(),
        "scales_a": torch.rand(64, device=device),
        "scales_b": torch.rand(256, device=device),
        "out_dtype": torch.bfloat16,
        "bias": torch.randn(256, device=device).bfloat16(),
    }


def fp8_scaled_mm(device: Any) -> Arguments:
    return {
        "mat_a": torch.randn(64, 512, device=device).to(torch.float8_e4m3fn),
        "mat_b": torch.randn(256, 512, device=device).to(torch.float8_e4m3fn).t(),
        "scales_a": torch.rand(64, device=device),
        "scales_b": torch.rand(256, device=device),
        "out_dtype": torch.float16,
        "bias": None,
    }


def fp8_blockwise_scaled_mm(device: Any) -> Arguments:
    return {
        "mat_a": torch.randn(64, 512, device=device).to(torch.float8_e4m3fn),
        "mat_b": torch.randn(256, 512, device=device).to(torch.float8_e4m3fn).t(),
        "scales_a": torch.rand(4, 64, device=device).t(),
        "scales_b": torch.rand(2, 4, device=device).t(),
        "out_dtype": torch.bfloat16,
    }


def awq_dequantize(device: Any) -> Arguments:
    return {
        "qweight": words(256, 32, device),
        "scales": torch.rand(2, 256, device=device).half(),
        "qzeros": words(2, 32, device),
    }


def gptq_marlin_repack(device: Any) -> Arguments:
    perm = torch.randperm(256, device=device).int()
    return {"b_q_weight": words(32, 128, device), "perm": perm, "size_k": 256, "size_n": 128, "num_bits": 4}


def awq_marlin_repack(device: Any) -> Arguments:
    return {"b_q_weight": words(256, 16, device), "size_k": 256, "size_n": 128, "num_bits": 4}


def gptq_marlin_dequantize(device: Any) -> Arguments:
    return {
        "b_q_weight": words(16, 256, device),
        "b_scales": torch.rand(3, 128, device=device).half(),
        "b_zeros": words(3, 16, device),
        "g_idx": torch.arange(256, device=device, dtype=torch.int32) // 100,
    }


def gptq_marlin_gemm(device: Any) -> Arguments:
    return {
        "out": torch.empty(16, 256, device=device).half(),
        "a": torch.randn(16, 4096, device=device).half(),
        "b_q_weight": words(256, 512, device),
        "b_scales": torch.rand(32, 256, device=device).half() / 512,
        "b_zeros": words(32, 32, device),
        "g_idx": None,
        "perm": torch.randperm(4096, device=device).int(),
    }


CALLS: dict[str, Make] = {
    make.__name__: make
    for make in (
        rmsnorm,
        silu_and_mul,
        int8_scaled_mm,
        fp8_scaled_mm,
        fp8_blockwise_scaled_mm,
        awq_dequantize,
        gptq_marlin_repack,
        awq_marlin_repack,
        gptq_marlin_dequantize,
        gptq_marlin_gemm,
    )
}


def path_of(name: str) -> str:
    """Name the operator whose SM path a call needs: without one of its own, a product by 4-bit weights dequantises."""
    return "gptq_marlin_dequantize" if name == "gptq_marlin_gemm" else name


def operator(name: str) -> Any:
    return getattr(torch.ops.warpwright, name).default


def result(name: str, arguments: Arguments) -> torch.Tensor:
    """Call an operator; return what it gave back or wrote."""
    returned = operator(name)(*arguments.values())
    found: torch.Tensor = arguments["out"] if returned is None else returned
    return found
