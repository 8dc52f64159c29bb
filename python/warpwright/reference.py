"""The CPU references: what each operator means, in plain torch, with the checks that the CUDA functions make.

They run where tensors are on the CPU, and in tests.
"""

from __future__ import annotations

import torch

FLOAT16_TYPES = (torch.float16, torch.bfloat16)


def _check(condition: bool, message: str) -> None:
    if not condition:
        raise RuntimeError(message)


def _check_dtype(name: str, found: torch.dtype, supported: tuple[torch.dtype, ...]) -> None:
    words = " or ".join(str(dtype).removeprefix("torch.") for dtype in supported)
    _check(found in supported, f"{name} has dtype {str(found).removeprefix('torch.')}, expected {words}")


def _check_shape(name: str, found: torch.Size, expected: tuple[int, ...], why: str) -> None:
    _check(tuple(found) == expected, f"{name} has shape {tuple(found)}, expected {expected} ({why})")


def check_rmsnorm(out: torch.Tensor, input: torch.Tensor, weight: torch.Tensor) -> None:  # noqa: A002
    """Refuse what rmsnorm cannot take; shapes and dtypes alone, so that it serves fake tensors as well."""
    _check(input.dim() >= 1, f"input has {input.dim()} dimensions; expected at least 1")
    _check_dtype("input", input.dtype, FLOAT16_TYPES)
    _check_dtype("weight", weight.dtype, (input.dtype,))
    _check_dtype("out", out.dtype, (input.dtype,))
    _check_shape("weight", weight.shape, (input.shape[-1],), "the last dimension of input")
    _check_shape("out", out.shape, tuple(input.shape), "the shape of input")


def rmsnorm(out: torch.Tensor, input: torch.Tensor, weight: torch.Tensor, eps: float) -> None:  # noqa: A002
    """Write the root mean square norm of ``input``'s rows, times ``weight``, into ``out``."""
    check_rmsnorm(out, input, weight)
    x = input.float()
    scale = torch.rsqrt(x.square().mean(dim=-1, keepdim=True) + eps)
    out.copy_(x * scale * weight.float())


def check_silu_and_mul(out: torch.Tensor, input: torch.Tensor) -> None:  # noqa: A002
    """Refuse what silu_and_mul cannot take."""
    _check(input.dim() >= 1, f"input has {input.dim()} dimensions; expected at least 1")
    _check_dtype("input", input.dtype, FLOAT16_TYPES)
    _check_dtype("out", out.dtype, (input.dtype,))
    size = input.shape[-1]
    _check(size % 2 == 0, f"the last dimension of input is {size}, expected a multiple of 2")
    _check_shape("out", out.shape, (*input.shape[:-1], size // 2), "half of the last dimension of input")


def silu_and_mul(out: torch.Tensor, input: torch.Tensor) -> None:  # noqa: A002
    """Write ``silu(first half of each row) * second half`` into ``out``."""
    check_silu_and_mul(out, input)
    gate, value = input.float().chunk(2, dim=-1)
    out.copy_(torch.nn.functional.silu(gate) * value)


def _check_mm(element: torch.dtype, mat_a: torch.Tensor, mat_b: torch.Tensor, out_dtype: torch.dtype) -> None:
    """Refuse matrices that no quantised product can take."""
    for name, matrix in (("mat_a", mat_a), ("mat_b", mat_b)):
        _check(matrix.dim() == 2, f"{name} has {matrix.dim()} dimensions, shape {tuple(matrix.shape)}; expected 2")
        _check_dtype(name, matrix.dtype, (element,))
    _check_dtype("out_dtype", out_dtype, FLOAT16_TYPES)
    k, n = mat_a.shape[1], mat_b.shape[1]
    _check(mat_b.shape[0] == k, f"mat_b has shape {tuple(mat_b.shape)}, expected {k} rows (the columns of mat_a)")
    _check(k % 16 == 0, f"K, the columns of mat_a, is {k}, expected a multiple of 16")
    _check(n % 8 == 0, f"N, the columns of mat_b, is {n}, expected a multiple of 8")
    _check(
        k <= 1 or mat_a.stride(1) == 1,
        f"mat_a has strides {mat_a.stride()}, expected row-major: stride 1 in dimension 1",
    )
    _check(
        k <= 1 or mat_b.stride(0) == 1,
        f"mat_b has strides {mat_b.stride()}, expected column-major: stride 1 in dimension 0",
    )


def check_scaled_mm(
    element: torch.dtype,
    mat_a: torch.Tensor,
    mat_b: torch.Tensor,
    scales_a: torch.Tensor,
    scales_b: torch.Tensor,
    out_dtype: torch.dtype,
    bias: torch.Tensor | None,
) -> None:
    """Refuse what a scaled matrix product cannot take."""
    _check_mm(element, mat_a, mat_b, out_dtype)
    m, n = mat_a.shape[0], mat_b.shape[1]
    for name, scales, count in (("scales_a", scales_a, m), ("scales_b", scales_b, n)):
        _check_dtype(name, scales.dtype, (torch.float32,))
        _check(scales.numel() in (1, count), f"{name} has {scales.numel()} elements, expected {count} or 1")
    if bias is not None:
        _check_dtype("bias", bias.dtype, (out_dtype,))
        _check(bias.numel() == n, f"bias has {bias.numel()} elements, expected {n} (one for each column of mat_b)")


def _scale(
    total: torch.Tensor,
    scales_a: torch.Tensor,
    scales_b: torch.Tensor,
    out_dtype: torch.dtype,
    bias: torch.Tensor | None,
) -> torch.Tensor:
    scaled = total * scales_b.reshape(1, -1) * scales_a.reshape(-1, 1)
    return (scaled if bias is None else scaled + bias.float().reshape(1, -1)).to(out_dtype)


def int8_scaled_mm(
    mat_a: torch.Tensor,
    mat_b: torch.Tensor,
    scales_a: torch.Tensor,
    scales_b: torch.Tensor,
    out_dtype: torch.dtype,
    bias: torch.Tensor | None,
) -> torch.Tensor:
    """Give the scaled product with its sum in int32 and the rest in float32."""
    check_scaled_mm(torch.int8, mat_a, mat_b, scales_a, scales_b, out_dtype, bias)
    total = torch.mm(mat_a.to(torch.int32), mat_b.to(torch.int32)).float()
    return _scale(total, scales_a, scales_b, out_dtype, bias)


def fp8_scaled_mm(
    mat_a: torch.Tensor,
    mat_b: torch.Tensor,
    scales_a: torch.Tensor,
    scales_b: torch.Tensor,
    out_dtype: torch.dtype,
    bias: torch.Tensor | None,
) -> torch.Tensor:
    """Give the scaled product in float32."""
    check_scaled_mm(torch.float8_e4m3fn, mat_a, mat_b, scales_a, scales_b, out_dtype, bias)
    return _scale(torch.mm(mat_a.float(), mat_b.float()), scales_a, scales_b, out_dtype, bias)


SCALE_BLOCK = 128


def check_fp8_blockwise_scaled_mm(
    mat_a: torch.Tensor,
    mat_b: torch.Tensor,
    scales_a: torch.Tensor,
    scales_b: torch.Tensor,
    out_dtype: torch.dtype,
) -> None:
    """Refuse what a product with block scales cannot take."""
    _check_mm(torch.float8_e4m3fn, mat_a, mat_b, out_dtype)
    m, k_blocks, n_blocks = mat_a.shape[0], -(-mat_a.shape[1] // SCALE_BLOCK), -(-mat_b.shape[1] // SCALE_BLOCK)
    for name, scales, shape in (("scales_a", scales_a, (m, k_blocks)), ("scales_b", scales_b, (k_blocks, n_blocks))):
        _check_dtype(name, scales.dtype, (torch.float32,))
        _check_shape(name, scales.shape, shape, "one for each block of 128")


def fp8_blockwise_scaled_mm(
    mat_a: torch.Tensor,
    mat_b: torch.Tensor,
    scales_a: torch.Tensor,
    scales_b: torch.Tensor,
    out_dtype: torch.dtype,
) -> torch.Tensor:
    """Give the product of the scaled matrices in float32."""
    check_fp8_blockwise_scaled_mm(mat_a, mat_b, scales_a, scales_b, out_dtype)
    k, n = mat_b.shape
    a = mat_a.float() * scales_a.repeat_interleave(SCALE_BLOCK, dim=1)[:, :k]
    weights = scales_b.repeat_interleave(SCALE_BLOCK, dim=0)[:k].repeat_interleave(SCALE_BLOCK, dim=1)[:, :n]
    return torch.mm(a, mat_b.float() * weights).to(out_dtype)


def register() -> None:
    """Register the references for tensors on the CPU."""
    for function in (rmsnorm, silu_and_mul, int8_scaled_mm, fp8_scaled_mm, fp8_blockwise_scaled_mm):
        torch.library.impl(f"warpwright::{function.__name__}", "CPU", function)
