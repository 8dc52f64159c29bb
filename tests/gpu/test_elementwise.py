"""rmsnorm and silu_and_mul on the GPU, against float64, with poisoned outputs and fresh random inputs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

import warpwright

# Half a unit in the last place, relative, and as much again for the float32 arithmetic (rsqrtf and __expf are within a
# few units of 2^-23, far below it).
ROUNDING = {torch.float16: 2.0**-10, torch.bfloat16: 2.0**-7}
DTYPES = [torch.float16, torch.bfloat16]
# Whole vectors in one, two and four turns; sizes that no vector fits; more than the registers hold.
HIDDEN = [8, 64, 1024, 4096, 8192, 8200, 16384, 32768, 40000, 1, 7, 100, 4097]

rms = pytest.mark.operator("rmsnorm")
silu = pytest.mark.operator("silu_and_mul")


def near(found: torch.Tensor, expected: torch.Tensor) -> None:
    tolerance = ROUNDING[found.dtype]
    torch.testing.assert_close(found.double(), expected, rtol=tolerance, atol=tolerance * 1e-3)


def norm(x: torch.Tensor, weight: torch.Tensor, eps: float) -> torch.Tensor:
    exact = x.double()
    return exact / (exact.square().mean(-1, keepdim=True) + eps).sqrt() * weight.double()


def gate(x: torch.Tensor) -> torch.Tensor:
    left, right = x.double().chunk(2, -1)
    return left / (1 + (-left).exp()) * right


def poisoned(*shape: int, dtype: torch.dtype) -> torch.Tensor:
    return torch.full(shape, torch.nan, dtype=dtype, device="cuda")


@rms
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("rows", [1, 3, 130])
def test_rmsnorm_is_near_float64(rows: int, hidden: int, dtype: torch.dtype) -> None:
    x = torch.randn(rows, hidden, device="cuda").to(dtype)
    weight = torch.randn(hidden, device="cuda").to(dtype)
    out = poisoned(rows, hidden, dtype=dtype)
    assert warpwright.rmsnorm(x, weight, 1e-5, out=out) is out
    near(out, norm(x, weight, 1e-5))


@silu
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("rows", [1, 3, 130])
def test_silu_and_mul_is_near_float64(rows: int, hidden: int, dtype: torch.dtype) -> None:
    x = torch.randn(rows, 2 * hidden, device="cuda").to(dtype)
    out = poisoned(rows, hidden, dtype=dtype)
    assert warpwright.silu_and_mul(x, out=out) is out
    near(out, gate(x))


@rms
@pytest.mark.parametrize("start", [0, 8, 3], ids=["whole", "aligned-slice", "unaligned-slice"])
def test_rmsnorm_reads_and_writes_slices_of_wider_rows(start: int) -> None:
    wide = torch.randn(5, 300, device="cuda").half()
    weight = torch.randn(128, device="cuda").half()
    out = poisoned(5, 300, dtype=torch.float16)
    warpwright.rmsnorm(wide[:, start : start + 128], weight, out=out[:, start : start + 128])
    near(out[:, start : start + 128], norm(wide[:, start : start + 128], weight, 1e-6))
    assert out[:, :start].isnan().all()
    assert out[:, start + 128 :].isnan().all()


@silu
@pytest.mark.parametrize("start", [0, 8, 3], ids=["whole", "aligned-slice", "unaligned-slice"])
def test_silu_and_mul_reads_slices_of_wider_rows(start: int) -> None:
    wide = torch.randn(2, 5, 300, device="cuda").bfloat16()
    part = wide[..., start : start + 128]
    near(warpwright.silu_and_mul(part), gate(part))


@rms
def test_rmsnorm_takes_any_number_of_leading_dimensions_and_works_in_place() -> None:
    x, weight = torch.randn(2, 3, 4, 64, device="cuda").half(), torch.randn(64, device="cuda").half()
    expected = norm(x, weight, 1e-6)
    near(warpwright.rmsnorm(x, weight, out=x), expected)


@rms
def test_rows_that_lie_backwards_or_crossed_are_refused() -> None:
    x, weight = torch.randn(3, 4, 64, device="cuda").half(), torch.randn(64, device="cuda").half()
    with pytest.raises(RuntimeError, match=r"input has strides .* expected rows at one distance"):
        warpwright.rmsnorm(x.transpose(0, 1), weight, out=torch.empty(4, 3, 64, device="cuda").half())
    with pytest.raises(RuntimeError, match=r"input has strides \(1, 4\), expected 1 in the last dimension"):
        warpwright.rmsnorm(torch.randn(64, 4, device="cuda").half().t(), weight)


@rms
def test_more_rows_than_a_grid_has_in_y_are_all_written() -> None:
    x, weight = torch.randn(70_000, 8, device="cuda").half(), torch.ones(8, device="cuda").half()
    near(warpwright.rmsnorm(x, weight), norm(x, weight, 1e-6))
    near(warpwright.silu_and_mul(x), gate(x))


@rms
@silu
def test_no_rows_give_an_empty_tensor() -> None:
    x, weight = torch.empty(0, 64, device="cuda").half(), torch.ones(64, device="cuda").half()
    assert warpwright.rmsnorm(x, weight).shape == (0, 64)
    assert warpwright.silu_and_mul(x).shape == (0, 32)


@rms
@silu
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda x, w: warpwright.rmsnorm(x.float(), w.float()),
            "input has dtype float32, expected float16 or bfloat16",
        ),
        (lambda x, w: warpwright.rmsnorm(x, w.bfloat16()), "weight has dtype bfloat16, expected float16"),
        (lambda x, w: warpwright.rmsnorm(x, w.cpu()), "weight is on cpu and input on cuda:0"),
        (lambda x, w: warpwright.rmsnorm(x, w[:32]), r"weight has shape \(32,\): size 32 in dimension 0, expected 64"),
        (
            lambda x, w: warpwright.rmsnorm(x, w, out=torch.empty_like(x[:2])),
            r"out has shape \(2, 64\), expected \(3, 64",
        ),
        (
            lambda x, _: warpwright.silu_and_mul(x[:, :33]),
            "the last dimension of input is 33, expected a multiple of 2",
        ),
        (lambda x, _: warpwright.silu_and_mul(x, out=torch.empty_like(x)), "expected 32"),
    ],
    ids=["input-dtype", "weight-dtype", "weight-device", "weight-size", "out-shape", "odd", "gate-out-shape"],
)
def test_wrong_arguments_are_refused_by_name(
    call: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], message: str
) -> None:
    with pytest.raises(RuntimeError, match=message):
        call(torch.randn(3, 64, device="cuda").half(), torch.ones(64, device="cuda").half())
