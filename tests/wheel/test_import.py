"""The wheel imports anywhere, registers with torch, and says what it holds and what is missing."""

from __future__ import annotations

import importlib.metadata
from typing import Any

import pytest
import torch

import warpwright
from warpwright import _extension

A, B = torch.zeros(4, 32, dtype=torch.int8), torch.zeros(16, 32, dtype=torch.int8).t()
A8, B8 = A.to(torch.float8_e4m3fn), B.to(torch.float8_e4m3fn)
WORDS = torch.zeros(16, 8, dtype=torch.int32)
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "rmsnorm": (torch.empty(3, 16).half(), torch.randn(3, 16).half(), torch.randn(16).half(), 1e-6),
    "silu_and_mul": (torch.empty(3, 8).half(), torch.randn(3, 16).half()),
    "int8_scaled_mm": (A, B, torch.ones(4), torch.ones(16), torch.bfloat16, None),
    "fp8_scaled_mm": (A8, B8, torch.ones(4), torch.ones(16), torch.half, None),
    "fp8_blockwise_scaled_mm": (A8, B8, torch.ones(4, 1), torch.ones(1, 1), torch.half),
    "awq_dequantize": (WORDS, torch.ones(1, 64).half(), WORDS[:1]),
    "gptq_marlin_repack": (WORDS.new_zeros(2, 64), torch.arange(16, dtype=torch.int32), 16, 64, 4),
    "awq_marlin_repack": (WORDS, 16, 64, 4),
    "gptq_marlin_dequantize": (WORDS.new_zeros(1, 128), torch.ones(1, 64).half(), None),
    "gptq_marlin_gemm": (torch.empty(2, 64).half(), torch.ones(2, 16).half(), WORDS.new_zeros(1, 128),
                         torch.ones(1, 64).half(), WORDS[:1]),
}  # fmt: skip


def test_the_version_is_that_of_the_metadata() -> None:
    assert warpwright.__version__ == importlib.metadata.version("warpwright")


def test_the_binary_names_a_path_table_for_every_operator() -> None:
    assert set(_extension.compiled_paths()) == set(ARGUMENTS)


# opcheck's schema test compares its inputs by arithmetic that torch has for no float8 tensor.
CHECKS = ("test_schema", "test_autograd_registration", "test_faketensor", "test_aot_dispatch_dynamic")


@pytest.mark.parametrize("name", sorted(ARGUMENTS))
def test_an_operator_passes_opcheck(name: str) -> None:
    checks = CHECKS[1:] if name.startswith("fp8") else CHECKS
    torch.library.opcheck(getattr(torch.ops.warpwright, name).default, ARGUMENTS[name], test_utils=checks)


def test_the_operators_compile_without_a_graph_break() -> None:
    def layer(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return warpwright.silu_and_mul(warpwright.rmsnorm(x, weight))

    x, weight = torch.randn(3, 16).half(), torch.randn(16).half()
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    assert torch.equal(compiled(x, weight), layer(x, weight))


def test_fake_tensors_get_shapes_and_refusals() -> None:
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        a = torch.empty(4, 32, dtype=torch.int8, device="cuda")
        b = torch.empty(16, 32, dtype=torch.int8, device="cuda").t()
        scales = torch.empty(4, device="cuda"), torch.empty(16, device="cuda")
        out = warpwright.int8_scaled_mm(a, b, *scales, torch.float16)
        assert (out.shape, out.dtype, out.device.type) == ((4, 16), torch.float16, "cuda")
        with pytest.raises(RuntimeError, match="scales_a has 5 elements"):
            warpwright.int8_scaled_mm(a, b, torch.empty(5, device="cuda"), scales[1], torch.float16)


def test_a_torch_below_the_floor_is_refused_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "__version__", "2.9.1")
    with pytest.raises(ImportError, match=r"needs torch 2.10 or newer, found 2.9.1: update it with `pip install"):
        _extension.load()


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_extension, "LIBRARY", _extension.HERE / "none.so")
    with pytest.raises(ImportError, match=r"none.so is missing"):
        _extension.load()
