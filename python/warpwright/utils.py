"""What callers ask of a device, by the names of sgl_kernel."""

from __future__ import annotations

import torch


def get_cuda_stream(device: torch.device | None = None) -> int:
    """Return the address of the current CUDA stream of a device, by default of the current one."""
    return int(torch.cuda.current_stream(device).cuda_stream)


def is_arch_support_pdl() -> bool:
    """True where the current GPU has programmatic dependent launch: SM 9.0 and newer; False without a GPU."""
    return bool(torch.cuda.is_available() and torch.cuda.get_device_capability()[0] >= 9)
