"""Quantisation: calls in the forms of older and newer callers, and what comes beside an operator."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import warpwright


def group_call(dtype: torch.dtype) -> tuple[torch.Tensor, ...]:
    return torch.randn(4, 256), torch.zeros(4, 256, dtype=dtype), torch.zeros(4, 2)


@pytest.mark.parametrize(
    "bounds",
    [
        {"int8_min": -128.0, "int8_max": 127.0},
        {"fp8_min": -128.0, "fp8_max": 127.0, "enable_v2": True},
    ],
    ids=["0.1.4", "0.4.5"],
)
def test_groups_of_int8_take_their_bounds_by_both_names(bounds: dict[str, Any]) -> None:
    call, other = group_call(torch.int8), group_call(torch.int8)
    warpwright.sgl_per_token_group_quant_int8(*call, 128, 1e-10, **bounds)
    warpwright.sgl_per_token_group_quant_8bit(call[0], *other[1:], 128, 1e-10, -128.0, 127.0, False, False, None, False)
    assert torch.equal(call[1], other[1])
    assert torch.equal(call[2], other[2])


def test_groups_of_int8_need_bounds() -> None:
    with pytest.raises(TypeError, match="needs the bounds int8_min and int8_max"):
        warpwright.sgl_per_token_group_quant_int8(*group_call(torch.int8), 128, 1e-10)


def test_an_exponent_byte_stands_where_its_group_does() -> None:
    """Groups of the scales 2^-2, 2^0, 2^0 (0.6 rounded up), 2^1 and 2^3: a word and a byte of the next."""
    x, words = torch.zeros(1, 80), torch.full((1, 2), -1, dtype=torch.int32)
    x[0, ::16] = 448 * torch.tensor([0.25, 1.0, 0.6, 2.0, 8.0])
    out = torch.zeros(1, 80, dtype=torch.float8_e4m3fn)
    warpwright.sgl_per_token_group_quant_fp8(x, out, words, 16, 1e-10, -448.0, 448.0, scale_ue8m0=True)
    assert words.view(torch.uint8).tolist() == [[125, 127, 127, 128, 130, 0, 0, 0]]
    assert out.float()[0, ::16].tolist() == [448.0, 448.0, 256.0, 448.0, 448.0]


def test_sums_and_another_dtype_come_beside_int8() -> None:
    x = torch.randn(3, 4, 32).bfloat16()
    quantised, scales, sums = warpwright.per_token_quant_int8(x, torch.float16, cal_sum=True)
    assert (quantised.shape, scales.shape, scales.dtype) == (x.shape, (3, 4, 1), torch.float16)
    assert torch.equal(sums, x.sum(dim=-1))
    torch.testing.assert_close(quantised * scales.float(), x.float(), atol=0.02, rtol=0.01)
