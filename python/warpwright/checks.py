"""Checks of arguments, in the words of csrc/torch/checks.h: what failed is named with the values found and needed.

The references and the fake kernels make them, so a call that a CUDA function refuses is refused on the CPU and by
torch.compile too. Sizes may be numbers, or symbols of torch.compile, also ones that the data alone know: what is not
known then is checked when the compiled program runs.
"""

from __future__ import annotations

from typing import TypeAlias

import torch

Size: TypeAlias = int | torch.SymInt
Truth: TypeAlias = bool | torch.SymBool

FLOAT16_TYPES = (torch.float16, torch.bfloat16)
FLOAT_TYPES = (*FLOAT16_TYPES, torch.float32)


def check(condition: Truth, *words: object) -> None:
    """Raise a RuntimeError of these words where a condition does not hold; they are made only then."""
    torch._check(condition, lambda: "".join(map(str, words)))


def known(condition: Truth) -> bool:
    """True where a condition is known to hold; of sizes that the data alone know, it is not."""
    if isinstance(condition, bool):
        return condition
    # Here, since it imports sympy, which takes a second: whoever has symbols has it already.
    from torch.fx.experimental.symbolic_shapes import guard_or_false

    return bool(guard_or_false(condition))


def any_of(*conditions: Truth) -> Truth:
    """Return the alternative of conditions of which some may be symbols."""
    result: Truth = False
    for condition in conditions:
        if condition is True:
            return True
        result = condition if result is False else result | condition
    return result


def all_of(*conditions: Truth) -> Truth:
    """Return the conjunction of conditions of which some may be symbols."""
    result: Truth = True
    for condition in conditions:
        if condition is False:
            return False
        result = condition if result is True else result & condition
    return result


def name_of(dtype: torch.dtype) -> str:
    """Return the name of a dtype without its module."""
    return str(dtype).removeprefix("torch.")


def check_same_device(name: str, tensor: torch.Tensor, other_name: str, other: torch.Tensor) -> None:
    """Refuse tensors of two devices."""
    check(
        tensor.device == other.device,
        f"{name} is on {tensor.device} and {other_name} on {other.device}; both have to be on one device",
    )


def check_dim(name: str, tensor: torch.Tensor, dim: int) -> None:
    """Refuse another number of dimensions."""
    check(tensor.dim() == dim, f"{name} has {tensor.dim()} dimensions, shape {tuple(tensor.shape)}; expected {dim}")


def check_min_dim(name: str, tensor: torch.Tensor, dim: int) -> None:
    """Refuse fewer dimensions."""
    check(tensor.dim() >= dim, f"{name} has {tensor.dim()} dimensions; expected at least {dim}")


def check_size(name: str, tensor: torch.Tensor, dim: int, expected: Size, why: str) -> None:
    """Refuse another size in one dimension."""
    found = tensor.shape[dim]
    check(
        found == expected,
        *(f"{name} has shape ", tuple(tensor.shape), ": size ", found, f" in dimension {dim}, expected ", expected),
        f" ({why})",
    )


def check_numel(name: str, tensor: torch.Tensor, expected: Size, why: str, *, or_one: bool = False) -> None:
    """Refuse another number of elements; with ``or_one``, a single one is taken as well."""
    found = tensor.numel()
    check(
        any_of(found == expected, or_one and found == 1),
        *(f"{name} has shape ", tuple(tensor.shape), " with ", found, " elements, expected ", expected, f" ({why})"),
    )


def check_dtype(name: str, found: torch.dtype, *supported: torch.dtype) -> None:
    """Refuse a dtype that is none of some."""
    words = " or ".join(map(name_of, supported))
    check(found in supported, f"{name} has dtype {name_of(found)}, expected {words}")


def check_same_dtype(name: str, tensor: torch.Tensor, other_name: str, other: torch.Tensor) -> None:
    """Refuse tensors of two dtypes."""
    check(
        tensor.dtype == other.dtype,
        f"{name} has dtype {name_of(tensor.dtype)}, expected {name_of(other.dtype)}, the dtype of {other_name}",
    )


def check_same_shape(name: str, tensor: torch.Tensor, other_name: str, other: torch.Tensor) -> None:
    """Refuse tensors of two shapes."""
    same = tensor.dim() == other.dim() and all_of(
        *(one == two for one, two in zip(tensor.shape, other.shape, strict=True))
    )
    words = (f"{name} has shape ", tuple(tensor.shape), ", expected ", tuple(other.shape))
    check(same, *words, f", the shape of {other_name}")


def check_inner_stride(name: str, tensor: torch.Tensor) -> None:
    """Refuse rows whose elements are not adjacent."""
    check(
        tensor.dim() == 0 or any_of(tensor.shape[-1] <= 1, tensor.stride(-1) == 1),
        *(f"{name} has strides ", tensor.stride(), ", expected 1 in the last dimension: "),
        "pass a contiguous tensor or a slice of whole rows",
    )


def check_contiguous(name: str, tensor: torch.Tensor) -> None:
    """Refuse a tensor that is not contiguous."""
    expected: Size = 1
    adjacent: list[Truth] = []
    for size, stride in zip(reversed(tensor.shape), reversed(tensor.stride()), strict=True):
        adjacent.append(any_of(size == 1, stride == expected))
        expected = expected * size
    check(
        any_of(all_of(*adjacent), tensor.numel() == 0),
        *(f"{name} has shape ", tuple(tensor.shape), " and strides ", tensor.stride()),
        ", expected a contiguous tensor: call .contiguous() on it",
    )


def check_multiple(what: str, value: Size, of: int) -> None:
    """Refuse what is no multiple."""
    check(value % of == 0, f"{what} is ", value, f", expected a multiple of {of}")


def check_at_most(what: str, value: Size, most: Size, why: str) -> None:
    """Refuse what is more."""
    check(value <= most, f"{what} is ", value, ", expected at most ", most, f": {why}")


def check_at_least(what: str, value: Size, least: int) -> None:
    """Refuse what is less."""
    check(value >= least, f"{what} is ", value, f", expected at least {least}")


def check_above(what: str, value: float, bound: float, why: str = "") -> None:
    """Refuse a number that is not more than another."""
    check(value > bound, f"{what} is {value:g}, expected more than {bound:g}{why}")


def check_aligned(name: str, tensor: torch.Tensor, of_bytes: int) -> None:
    """Refuse a first element that stands at no multiple of so many bytes; storages begin at one, and none has none."""
    if known(tensor.numel() == 0):
        return
    past = tensor.storage_offset() * tensor.element_size() % of_bytes
    check(
        past == 0,
        *(f"{name} starts ", past, f" bytes past a multiple of {of_bytes}, expected an aligned start: "),
        f"slice at a multiple of {of_bytes} bytes, or clone the tensor",
    )
