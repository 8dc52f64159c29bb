"""The layer norm of rows, quantised by scales of its own."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.elementwise._norm import layer
from warpwright.fused._norm_quant import by_own_scales, check_norm_quant, norm_quant_contract
from warpwright.gradient import is_recorded, write_all

_layernorm_dynamic_quant = torch.ops.warpwright.layernorm_dynamic_quant.default
NAMES = ("out", "scales", "input", "gemma", "beta", "eps", "group_size", "enable_pdl")


def layernorm_dynamic_quant(
    out: torch.Tensor,
    scales: torch.Tensor,
    input: torch.Tensor,  # noqa: A002  the name that callers know
    gemma: torch.Tensor,
    beta: torch.Tensor,
    eps: float = 1e-6,
    group_size: int | None = None,
    enable_pdl: bool | None = None,
) -> None:
    """Norm each row, and quantise it by scales of its own.

    With ``x[..., i] = (input[..., i] - mean(input[..., :])) / sqrt(variance(input[..., :]) + eps) * gemma[i] +
    beta[i]``, a scale is ``max(abs(x)) / 448``, or ``/ 127`` for int8, of a row or of a group of its elements, and
    ``out = x / scale``. A scale that would be less than ``2**-126`` is zero, and so are its elements. In float32 with
    one rounding at the end, to the nearest; a NaN is zero in int8. Method: Ba, Kiros and Hinton, "Layer Normalization"
    (arXiv:1607.06450).

    Parameters
    ----------
    out
        The shape of ``input``, float8_e4m3fn or int8, with memory of its own. Rows may lie apart.
    scales
        float32, with memory of its own: contiguous, one element for each row, such as ``(..., 1)``; or, with
        ``group_size``, ``(..., hidden / group_size)`` in any strides.
    input
        ``(..., hidden)``, float16 or bfloat16. Rows may lie apart; the elements of a row may not.
    gemma, beta
        ``(hidden,)``, contiguous, both float32 or both of the dtype of ``input``.
    eps
        Added to the variance before the root.
    group_size
        How many elements of a row have one scale, a divisor of ``hidden``; by default, all of them. Powers of two from
        16 to 256 run fastest.
    enable_pdl
        Whether the kernel may start while the one before it on the stream ends (programmatic dependent launch); by
        default, and where it is True, on GPUs that have it: SM 9.0.

    Raises
    ------
    RuntimeError
        A dtype, shape, stride or device is wrong (the argument is named with both values), or the wheel has no code for
        the GPU.
    """
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(out, scales, input, gemma, beta):
        outs = {"out": out, "scales": scales}
        write_all(_layernorm_dynamic_quant, outs, out, scales, input, gemma, beta, eps, group_size, enable_pdl)
        return
    _layernorm_dynamic_quant(out, scales, input, gemma, beta, eps, group_size, enable_pdl)


def check(
    out: torch.Tensor,
    scales: torch.Tensor,
    input: torch.Tensor,  # noqa: A002
    gemma: torch.Tensor,
    beta: torch.Tensor,
    group_size: int | None,
) -> None:
    """Refuse what the operator cannot take."""
    check_norm_quant(out, ("scales", scales), input, [("gemma", gemma), ("beta", beta)], None, group_size)


def reference(
    out: torch.Tensor,
    scales: torch.Tensor,
    input: torch.Tensor,  # noqa: A002
    gemma: torch.Tensor,
    beta: torch.Tensor,
    eps: float,
    group_size: int | None,
    wide: torch.dtype,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what is written."""
    x = input.to(wide)
    return by_own_scales(layer(x, gemma.to(wide), beta.to(wide), eps), out, scales, group_size)


def peers(
    out: torch.Tensor,
    input: torch.Tensor,  # noqa: A002
    gemma: torch.Tensor,
    beta: torch.Tensor,
    eps: float,
    group_size: int | None,
) -> dict[str, Callable[[], object]]:
    """Return who else does it."""

    def in_torch() -> torch.Tensor:
        x = input
        norm = torch.nn.functional.layer_norm(x.float(), gemma.shape, gemma, beta, eps)
        parts = norm.unflatten(-1, (-1, group_size or norm.shape[-1]))
        return (parts / (parts.abs().amax(dim=-1, keepdim=True).float() / 448)).to(out.dtype).view(norm.shape)

    return {"torch": in_torch}


CONTRACT = norm_quant_contract(layernorm_dynamic_quant, NAMES, check, reference, peers)
