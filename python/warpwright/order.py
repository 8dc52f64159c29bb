"""What describes the order of weights: looked at once for each tensor, since its numbers are on the GPU.

To read them the host waits for the device, which no call of a model's step should do. A tensor that was found good is
therefore remembered until it is written to, given other memory, or gone; a call that is being compiled or captured does
not look. Torch counts no writes to a tensor of inference_mode, so such a one is looked at in every call, and none
through ``.data`` or through numpy, which are not seen. Where nothing has looked, the kernels read nothing that is not
there, and what depends on it is NaN.
"""

from __future__ import annotations

from typing import NamedTuple
from weakref import ref

import torch
from torch._subclasses.fake_tensor import FakeTensor


class _Found(NamedTuple):
    """What was found good: the tensor itself, as it was, and of which kind and up to which number."""

    tensor: ref[torch.Tensor]
    state: tuple[str, int, int, int]


_found_good: dict[int, _Found] = {}


def has_numbers(tensor: torch.Tensor) -> bool:
    """True where a tensor's numbers can be looked at: not a fake one's, nor while a call is compiled or captured."""
    if torch.compiler.is_compiling() or tensor.is_meta or isinstance(tensor, FakeTensor):
        return False
    return not (tensor.is_cuda and torch.cuda.is_current_stream_capturing())


def check_rows(name: str, perm: torch.Tensor, weights: torch.Tensor, rows: int) -> None:
    """Refuse an order that names a row that is not there."""
    if not _is_to_be_looked_at("rows", perm, weights, rows):
        return
    outside = ((perm < 0) | (perm >= rows)).flatten().nonzero()
    if outside.numel():
        raise RuntimeError(f"{_words(name, perm, outside)}, expected a row of the weights: 0 to {rows - 1}")
    _remember("rows", perm, rows)


def check_groups(name: str, g_idx: torch.Tensor, weights: torch.Tensor, groups: int) -> None:
    """Refuse groups of rows that are not there, or that do not ascend: rows lie sorted by their groups."""
    if not _is_to_be_looked_at("groups", g_idx, weights, groups):
        return
    flat = g_idx.flatten()
    outside = ((flat < 0) | (flat >= groups)).nonzero()
    if outside.numel():
        raise RuntimeError(f"{_words(name, g_idx, outside)}, expected a row of b_scales: 0 to {groups - 1}")
    falling = (flat[1:] < flat[:-1]).nonzero() + 1
    if falling.numel():
        raise RuntimeError(
            f"{_words(name, g_idx, falling)}, less than the one before it; expected groups that ascend: pass "
            "g_idx[perm], the groups in the order that the weights were repacked in"
        )
    _remember("groups", g_idx, groups)


def _words(name: str, tensor: torch.Tensor, places: torch.Tensor) -> str:
    at = int(places[0])
    return f"{name} has {int(tensor.flatten()[at])} at position {at}"


def _is_to_be_looked_at(kind: str, tensor: torch.Tensor, weights: torch.Tensor, limit: int) -> bool:
    """True for numbers that nobody has found good; what is no list of them beside the weights, the operator refuses."""
    if not has_numbers(tensor) or tensor.dtype != torch.int32 or tensor.device != weights.device:
        return False
    found = _found_good.get(id(tensor))
    return found is None or found.tensor() is not tensor or found.state != _state(kind, tensor, limit)


def _remember(kind: str, tensor: torch.Tensor, limit: int) -> None:
    if tensor.is_inference():
        return
    key = id(tensor)

    def forget(gone: ref[torch.Tensor]) -> None:
        if (found := _found_good.get(key)) is not None and found.tensor is gone:
            del _found_good[key]

    _found_good[key] = _Found(ref(tensor, forget), _state(kind, tensor, limit))


def _state(kind: str, tensor: torch.Tensor, limit: int) -> tuple[str, int, int, int]:
    version = -1 if tensor.is_inference() else tensor._version
    return kind, limit, version, tensor.data_ptr()
