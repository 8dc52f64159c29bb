"""Fake kernels: what torch.compile and export need to know of each operator, without running it."""

from __future__ import annotations

import torch

from warpwright import reference


def rmsnorm(out: torch.Tensor, input: torch.Tensor, weight: torch.Tensor, eps: float) -> None:  # noqa: A002, ARG001
    """Check, and write nothing."""
    reference.check_rmsnorm(out, input, weight)


def silu_and_mul(out: torch.Tensor, input: torch.Tensor) -> None:  # noqa: A002
    """Check, and write nothing."""
    reference.check_silu_and_mul(out, input)


def int8_scaled_mm(
    mat_a: torch.Tensor,
    mat_b: torch.Tensor,
    scales_a: torch.Tensor,
    scales_b: torch.Tensor,
    out_dtype: torch.dtype,
    bias: torch.Tensor | None,
) -> torch.Tensor:
    """Return an output of the right shape."""
    reference.check_scaled_mm(torch.int8, mat_a, mat_b, scales_a, scales_b, out_dtype, bias)
    return mat_a.new_empty((mat_a.shape[0], mat_b.shape[1]), dtype=out_dtype)


def fp8_scaled_mm(
    mat_a: torch.Tensor,
    mat_b: torch.Tensor,
    scales_a: torch.Tensor,
    scales_b: torch.Tensor,
    out_dtype: torch.dtype,
    bias: torch.Tensor | None,
) -> torch.Tensor:
    """Return an output of the right shape."""
    reference.check_scaled_mm(torch.float8_e4m3fn, mat_a, mat_b, scales_a, scales_b, out_dtype, bias)
    return mat_a.new_empty((mat_a.shape[0], mat_b.shape[1]), dtype=out_dtype)


def fp8_blockwise_scaled_mm(
    mat_a: torch.Tensor,
    mat_b: torch.Tensor,
    scales_a: torch.Tensor,
    scales_b: torch.Tensor,
    out_dtype: torch.dtype,
) -> torch.Tensor:
    """Return an output of the right shape."""
    reference.check_fp8_blockwise_scaled_mm(mat_a, mat_b, scales_a, scales_b, out_dtype)
    return mat_a.new_empty((mat_a.shape[0], mat_b.shape[1]), dtype=out_dtype)


def register() -> None:
    """Register the fake kernels with torch."""
    for function in (rmsnorm, silu_and_mul, int8_scaled_mm, fp8_scaled_mm, fp8_blockwise_scaled_mm):
        torch.library.register_fake(f"warpwright::{function.__name__}", function)
