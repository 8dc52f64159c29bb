"""The public functions as a model calls them: what tokens a step has, and weights that require a gradient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch

import warpwright

Tokens: TypeAlias = torch.Tensor
Layer: TypeAlias = Callable[[Tokens], torch.Tensor]


@dataclass(frozen=True)
class Model:
    """A function of its tokens: ``tokens`` draws some, and ``layer`` is the call with weights of its own."""

    name: str
    operator: str
    tokens: Callable[[int], Tokens]
    layer: Layer
    parameters: tuple[torch.Tensor, ...] = ()

    def __str__(self) -> str:
        return self.name


def models(device: Any) -> list[Model]:
    """Make a model for each public function that takes tokens, on a device."""
    return [
        _norm(device),
        _gate(device),
        _int8(device),
        _fp8(device),
        _blockwise(device),
        _marlin("gptq_marlin_gemm", device, act_order=False),
        _marlin("gptq_marlin_gemm with activation order", device, act_order=True),
        *_weights(device),
    ]


def _weights(device: Any) -> list[Model]:
    """Make models of what prepares weights, of as many rows as there are "tokens"."""
    scales = torch.nn.Parameter(torch.rand(2, 64, device=device).half())
    zeros, none = _words(2, 8, device=device), torch.empty(0, dtype=torch.int32, device=device)
    marlin_scales = torch.rand(1, 128, device=device).half()
    dequantize = torch.ops.warpwright.gptq_marlin_dequantize.default
    return [
        Model(
            "awq_dequantize",
            "awq_dequantize",
            lambda m: _words(m, 2, 8, device=device),
            lambda x: warpwright.awq_dequantize(x.flatten(0, 1), scales, zeros),
            (scales,),
        ),
        Model(
            "awq_marlin_repack",
            "awq_marlin_repack",
            lambda m: _words(m, 16, 16, device=device),
            lambda x: warpwright.awq_marlin_repack(x.flatten(0, 1), 16 * x.shape[0], 128, 4),
        ),
        Model(
            "gptq_marlin_repack",
            "gptq_marlin_repack",
            lambda m: _words(m, 2, 128, device=device),
            lambda x: warpwright.gptq_marlin_repack(x.flatten(0, 1), none, 16 * x.shape[0], 128, 4),
        ),
        Model(
            "gptq_marlin_dequantize",
            "gptq_marlin_dequantize",
            lambda m: _words(m, 256, device=device),
            lambda x: dequantize(x, marlin_scales, None, None),
        ),
    ]


def _words(*sizes: int, device: Any) -> torch.Tensor:
    return torch.randint(-(2**31), 2**31, sizes, dtype=torch.int32, device=device)


def _norm(device: Any) -> Model:
    weight = torch.nn.Parameter(torch.randn(64, device=device).half())
    return Model(
        "rmsnorm",
        "rmsnorm",
        lambda m: torch.randn(m, 64, device=device).half(),
        lambda x: warpwright.rmsnorm(x, weight),
        (weight,),
    )


def _gate(device: Any) -> Model:
    bias = torch.nn.Parameter(torch.randn(64, device=device).half())
    return Model(
        "silu_and_mul",
        "silu_and_mul",
        lambda m: torch.randn(m, 64, device=device).half(),
        lambda x: warpwright.silu_and_mul(x + bias),
        (bias,),
    )


def _int8(device: Any) -> Model:
    weights = torch.randint(-128, 128, (32, 64), dtype=torch.int8, device=device).t()
    scales = torch.nn.Parameter(torch.rand(32, device=device) / 1000)
    one = torch.ones(1, device=device)
    return Model(
        "int8_scaled_mm",
        "int8_scaled_mm",
        lambda m: torch.randint(-128, 128, (m, 64), dtype=torch.int8, device=device),
        lambda x: warpwright.int8_scaled_mm(x, weights, one, scales, torch.bfloat16),
        (scales,),
    )


def _fp8(device: Any) -> Model:
    weights = torch.randn(32, 64, device=device).to(torch.float8_e4m3fn).t()
    scales = torch.rand(32, device=device)
    bias = torch.nn.Parameter(torch.randn(32, device=device).half())
    return Model(
        "fp8_scaled_mm",
        "fp8_scaled_mm",
        lambda m: torch.randn(m, 64, device=device).to(torch.float8_e4m3fn),
        lambda x: warpwright.fp8_scaled_mm(
            x, weights, torch.ones(x.shape[0], device=device), scales, torch.float16, bias
        ),
        (bias,),
    )


def _blockwise(device: Any) -> Model:
    weights = torch.randn(256, 144, device=device).to(torch.float8_e4m3fn).t()
    scales = torch.nn.Parameter(torch.rand(2, 2, device=device))
    return Model(
        "fp8_blockwise_scaled_mm",
        "fp8_blockwise_scaled_mm",
        lambda m: torch.randn(m, 144, device=device).to(torch.float8_e4m3fn),
        lambda x: warpwright.fp8_blockwise_scaled_mm(
            x, weights, torch.ones(x.shape[0], 2, device=device), scales, torch.bfloat16
        ),
        (scales,),
    )


def _marlin(name: str, device: Any, *, act_order: bool) -> Model:
    words = torch.randint(-(2**31), 2**31, (8, 256), dtype=torch.int32, device=device)
    scales = torch.nn.Parameter(torch.rand(2, 128, device=device).half() / 16)
    perm = torch.randperm(128, device=device).int() if act_order else None
    g_idx = torch.arange(128, device=device, dtype=torch.int32) // 64 if act_order else None

    def layer(x: Tokens) -> torch.Tensor:
        m, k = x.shape
        return warpwright.gptq_marlin_gemm(
            x, None, words, scales, None, None, g_idx, perm, None, "uint4b8", m, 128, k, is_k_full=not act_order
        )

    return Model(name, "gptq_marlin_gemm", lambda m: torch.randn(m, 128, device=device).half(), layer, (scales,))
