"""What the operators that join rows share: dtypes that are copied, whatever they mean."""

from __future__ import annotations

import torch

from warpwright.checks import FLOAT_TYPES, check_dtype, check_same_dtype

COPIED_TYPES = (*FLOAT_TYPES, torch.float8_e4m3fn)


def check_concat_dtypes(name: str, tensor: torch.Tensor, other_name: str, other: torch.Tensor) -> None:
    """Refuse all dtypes but those of activations and caches, none of which is computed with."""
    check_dtype(name, tensor.dtype, *COPIED_TYPES)
    check_same_dtype(other_name, other, name, tensor)
