"""What describes the order of weights: looked at once for each tensor, since its numbers are on the GPU.

To read them the host waits for the device, which no call of a model's step should do. A tensor that was found good is
therefore remembered until it is written to or gone; a call that is being compiled or captured does not look. Where
nothing has looked, the kernels read nothing that is not there, and what depends on it is NaN.
"""

from __future__ import annotations

from weakref import ref

import torch

_found_good: dict[int, tuple[ref[torch.Tensor], int, int]] = {}


def check_rows(name: str, perm: torch.Tensor, rows: int) -> None:
    """Refuse an order that names a row that is not there."""
    if _is_known(perm, rows):
        return
    outside = ((perm < 0) | (perm >= rows)).flatten().nonzero()
    if outside.numel():
        raise RuntimeError(f"{_words(name, perm, outside)}, expected a row of the weights: 0 to {rows - 1}")
    _remember(perm, rows)


def check_groups(name: str, g_idx: torch.Tensor, groups: int) -> None:
    """Refuse groups of rows that are not there, or that do not ascend: rows lie sorted by their groups."""
    if _is_known(g_idx, groups):
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
    _remember(g_idx, groups)


def _words(name: str, tensor: torch.Tensor, places: torch.Tensor) -> str:
    at = int(places[0])
    return f"{name} has {int(tensor.flatten()[at])} at position {at}"


def _is_known(tensor: torch.Tensor, limit: int) -> bool:
    """True where nothing is to be looked at: the tensor was found good, or nobody may wait for it now."""
    if torch.compiler.is_compiling() or (tensor.is_cuda and torch.cuda.is_current_stream_capturing()):
        return True
    found = _found_good.get(id(tensor))
    return found is not None and found[0]() is tensor and found[1:] == (_version(tensor), limit)


def _remember(tensor: torch.Tensor, limit: int) -> None:
    key = id(tensor)

    def forget(gone: ref[torch.Tensor]) -> None:
        if (found := _found_good.get(key)) is not None and found[0] is gone:
            del _found_good[key]

    _found_good[key] = (ref(tensor, forget), _version(tensor), limit)


def _version(tensor: torch.Tensor) -> int:
    """Return the count of writes to a tensor; tensors of inference_mode have none."""
    return -1 if tensor.is_inference() else int(tensor._version)
