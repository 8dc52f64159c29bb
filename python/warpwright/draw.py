"""Random arguments for the samples and workloads of contracts: all of one call come from one seed."""

from __future__ import annotations

import torch


class Draw:
    """Tensors on a device, drawn from a seed: the same number brings the same tensors back.

    On ``meta``, and for fake tensors, nothing is drawn and shapes, strides and dtypes are the same.
    """

    def __init__(self, device: torch.device | str, seed: int = 0) -> None:
        self.device = torch.device(device)
        self._generator = None if self.device.type == "meta" else torch.Generator(self.device).manual_seed(seed)

    def normal(self, *sizes: int, dtype: torch.dtype = torch.float16, scale: float = 1.0) -> torch.Tensor:
        """Draw from the normal distribution of this standard deviation."""
        return (torch.randn(sizes, generator=self._generator, device=self.device) * scale).to(dtype)

    def uniform(
        self, *sizes: int, dtype: torch.dtype = torch.float32, least: float = 0.0, most: float = 1.0
    ) -> torch.Tensor:
        """Draw numbers between two bounds, all as likely."""
        return (torch.rand(sizes, generator=self._generator, device=self.device) * (most - least) + least).to(dtype)

    def integers(self, least: int, end: int, *sizes: int, dtype: torch.dtype = torch.int32) -> torch.Tensor:
        """Draw whole numbers from ``least`` to less than ``end``."""
        return torch.randint(least, end, sizes, generator=self._generator, device=self.device, dtype=dtype)

    def words(self, *sizes: int) -> torch.Tensor:
        """Draw int32 words of any bits."""
        return self.integers(-(2**31), 2**31, *sizes)

    def float8(self, *sizes: int, scale: float = 1.0) -> torch.Tensor:
        """Draw float8_e4m3fn numbers, normal but for what the format cannot hold."""
        return self.normal(*sizes, dtype=torch.float32, scale=scale).clamp(-448, 448).to(torch.float8_e4m3fn)

    def permutation(self, count: int) -> torch.Tensor:
        """Draw an order of ``count`` rows, int32."""
        return torch.randperm(count, generator=self._generator, device=self.device).int()

    def unwritten(self, *sizes: int, dtype: torch.dtype = torch.float16) -> torch.Tensor:
        """Return an output that nothing has written to: NaN, or -1 where a dtype has no NaN."""
        return torch.full(sizes, poison_of(dtype), dtype=dtype, device=self.device)


def poison_of(dtype: torch.dtype) -> float:
    """Return the value that stands for memory that nothing has written to."""
    return float("nan") if dtype.is_floating_point else -1 if dtype.is_signed else 1


def widened(tensor: torch.Tensor, start: int = 16, after: int = 16) -> torch.Tensor:
    """Return the same values as a slice of wider rows, which hold poison; rows are of the dimension of stride 1."""
    if tensor.dim() == 2 and tensor.stride(0) == 1 and tensor.stride(1) != 1:
        return widened(tensor.t(), start, after).t()
    width = tensor.shape[-1]
    sizes = (*tensor.shape[:-1], start + width + after)
    wide = torch.full(sizes, poison_of(tensor.dtype), dtype=torch.float32, device=tensor.device).to(tensor.dtype)
    part = wide[..., start : start + width]
    part.copy_(tensor)
    return part


def crossed(matrix: torch.Tensor) -> torch.Tensor:
    """Return the same values with the elements of a column side by side, in place of those of a row."""
    return matrix.t().contiguous().t()


def repeated(tensor: torch.Tensor) -> torch.Tensor:
    """Return the first row again and again: all rows are the same memory."""
    return tensor[:1].expand(tensor.shape)
