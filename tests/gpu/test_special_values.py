"""NaN and infinity in every input: they come out where the reference has them, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from calls import CALLS, Arguments, path_of, result

SPECIAL = {"nan": torch.nan, "inf": torch.inf, "-inf": -torch.inf}


def on_cpu(arguments: Arguments) -> Arguments:
    return {name: value.cpu() if isinstance(value, torch.Tensor) else value for name, value in arguments.items()}


def floating(name: str) -> list[str]:
    """Name the inputs that can hold such a value: float8_e4m3fn has no infinity."""
    arguments = CALLS[name]("cpu")
    return [
        key
        for key, value in arguments.items()
        if key != "out" and isinstance(value, torch.Tensor) and value.is_floating_point()
    ]


def cases() -> list[Any]:
    return [
        pytest.param(name, argument, word, id=f"{name}-{argument}-{word}", marks=pytest.mark.operator(path_of(name)))
        for name in CALLS
        for argument in floating(name)
        for word in SPECIAL
        if not (argument.startswith("mat_") and word != "nan")
    ]


@pytest.mark.parametrize(("name", "argument", "word"), cases())
def test_a_special_value_comes_out_where_the_reference_has_it(name: str, argument: str, word: str) -> None:
    arguments = {key: with_exact_sums(value) for key, value in CALLS[name]("cuda").items()}
    changed = arguments[argument].float()
    flat = changed.reshape(-1)
    flat[torch.randint(flat.numel(), (3,), device="cuda")] = SPECIAL[word]
    arguments[argument] = laid_out_as(arguments[argument], flat.reshape(changed.shape))
    found, expected = result(name, arguments).cpu().float(), result(name, on_cpu(arguments)).float()
    assert torch.equal(found.isnan(), expected.isnan())
    assert torch.equal(found.isinf(), expected.isinf())
    torch.testing.assert_close(found, expected, rtol=2.0**-6, atol=2.0**-6 * finite_largest(expected), equal_nan=True)


def with_exact_sums(value: Any) -> Any:
    """Return small whole numbers in place of float8: a sum that is zero on the CPU is zero in the tensor core too."""
    if not isinstance(value, torch.Tensor) or value.dtype != torch.float8_e4m3fn:
        return value
    return laid_out_as(value, torch.randint(-2, 3, value.shape, device=value.device).float())


def laid_out_as(like: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """Return values in the dtype and the strides of a tensor."""
    return (
        torch.empty_strided(like.shape, like.stride(), dtype=torch.float32, device=like.device)
        .copy_(values)
        .to(like.dtype)
    )


def finite_largest(values: torch.Tensor) -> float:
    finite = values[values.isfinite()]
    return float(finite.abs().max()) if finite.numel() else 0.0
