"""What the operators that pack truth values share."""

from __future__ import annotations

import torch

from warpwright.checks import Size


def is_big(bitorder: str) -> bool:
    """Return whether the first of eight is the highest bit."""
    if bitorder not in ("big", "little"):
        raise ValueError(f"bitorder is {bitorder!r}, expected 'big' or 'little'")
    return bitorder == "big"


def as_truth(x: torch.Tensor) -> torch.Tensor:
    """Return truth values: what is neither bool nor uint8, converted."""
    return x if x.dtype in (torch.bool, torch.uint8) else x.to(torch.bool)


def bytes_of(size: Size) -> Size:
    """Return how many bytes so many bits take."""
    return (size + 7) // 8


def bytes_of_each(sizes: torch.Tensor) -> torch.Tensor:
    """Return the same of each size."""
    return (sizes + 7) // 8


def packed(x: torch.Tensor, *, first_is_high: bool) -> torch.Tensor:
    """Return the bytes of truth values, with zeros behind the last."""
    padded = torch.nn.functional.pad(x != 0, (0, -x.shape[0] % 8))
    return packed_by_torch(padded, first_is_high=first_is_high)


def packed_by_torch(x: torch.Tensor, *, first_is_high: bool) -> torch.Tensor:
    """Return the bytes of as many truth values as fill them."""
    places = torch.arange(8, dtype=torch.uint8, device=x.device)
    bits = x.to(torch.uint8).view(-1, 8) << (7 - places if first_is_high else places)
    return bits.sum(dim=1, dtype=torch.uint8)
