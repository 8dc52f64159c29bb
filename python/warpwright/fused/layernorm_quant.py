"""The layer norm of rows, quantised by one scale that is given."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.elementwise._norm import layer
from warpwright.fused._norm_quant import by_scale, check_norm_quant, norm_quant_contract
from warpwright.gradient import is_recorded, write_all

_layernorm_quant = torch.ops.warpwright.layernorm_quant.default
NAMES = ("out", "input", "gemma", "beta", "scale", "eps", "enable_pdl")


def layernorm_quant(
    out: torch.Tensor,
    input: torch.Tensor,  # noqa: A002  the name that callers know
    gemma: torch.Tensor,
    beta: torch.Tensor,
    scale: torch.Tensor | float,
    eps: float = 1e-6,
    enable_pdl: bool | None = None,
) -> None:
    """Norm each row, and quantise it by one scale that is given.

    With ``x[..., i] = (input[..., i] - mean(input[..., :])) / sqrt(variance(input[..., :]) + eps) * gemma[i] +
    beta[i]``, ``out = x / scale``, held between -448 and 448, or between -128 and 127 for int8. In float32 with one
    rounding at the end, to the nearest; a NaN is zero in int8. Method: Ba, Kiros and Hinton, "Layer Normalization"
    (arXiv:1607.06450).

    Parameters
    ----------
    out
        The shape of ``input``, float8_e4m3fn or int8, with memory of its own. Rows may lie apart.
    input
        ``(..., hidden)``, float16 or bfloat16. Rows may lie apart; the elements of a row may not.
    gemma, beta
        ``(hidden,)``, contiguous, both float32 or both of the dtype of ``input``.
    scale
        One element, float32, on the device of ``input``; a number makes such a tensor at each call.
    eps
        Added to the variance before the root.
    enable_pdl
        Whether the kernel may start while the one before it on the stream ends (programmatic dependent launch); by
        default, and where it is True, on GPUs that have it: SM 9.0.

    Raises
    ------
    RuntimeError
        A dtype, shape, stride or device is wrong (the argument is named with both values), or the wheel has no code for
        the GPU.
    """
    if not isinstance(scale, torch.Tensor):
        scale = torch.full((1,), scale, device=input.device)
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(out, input, gemma, beta, scale):
        outs = {"out": out}
        write_all(_layernorm_quant, outs, out, input, gemma, beta, scale, eps, enable_pdl)
        return
    _layernorm_quant(out, input, gemma, beta, scale, eps, enable_pdl)


def check(
    out: torch.Tensor,
    input: torch.Tensor,  # noqa: A002
    gemma: torch.Tensor,
    beta: torch.Tensor,
    scale: torch.Tensor,
) -> None:
    """Refuse what the operator cannot take."""
    check_norm_quant(out, ("scale", scale), input, [("gemma", gemma), ("beta", beta)])


def reference(
    out: torch.Tensor,
    input: torch.Tensor,  # noqa: A002
    gemma: torch.Tensor,
    beta: torch.Tensor,
    scale: torch.Tensor,
    eps: float,
    wide: torch.dtype,
) -> torch.Tensor:
    """Return what is written."""
    x = input.to(wide)
    return by_scale(layer(x, gemma.to(wide), beta.to(wide), eps), scale, out.dtype)


def peers(
    out: torch.Tensor,
    input: torch.Tensor,  # noqa: A002
    gemma: torch.Tensor,
    beta: torch.Tensor,
    scale: torch.Tensor,
    eps: float,
) -> dict[str, Callable[[], object]]:
    """Return who else does it."""

    def in_torch() -> torch.Tensor:
        x = input
        norm = torch.nn.functional.layer_norm(x.float(), gemma.shape, gemma, beta, eps)
        return (norm / scale).to(out.dtype)

    return {"torch": in_torch}


CONTRACT = norm_quant_contract(layernorm_quant, NAMES, check, reference, peers)
