"""Gradients where buffers, views, modules and transforms are in play, as shown on a norm.

They take the device that there is: tests/gpu and tests/wheel both have them. What holds for every operator stands in
tests/contracts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch

import warpwright

# Torch itself does what it warns of: dynamo makes an instance of an autograd function, and forward mode scripts one.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*Function'> should not be instantiated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.torch.jit.script.*is deprecated"),
    pytest.mark.filterwarnings("ignore:Guards may run slower on Python 3.13.0"),
]

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@pytest.fixture(autouse=True)
def nothing_compiled_before() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.mark.operator("rmsnorm")
def test_an_output_that_is_given_carries_the_refusal_too() -> None:
    x, weight = torch.randn(3, 64, device=DEVICE).half(), torch.nn.Parameter(torch.ones(64, device=DEVICE).half())
    out = torch.empty_like(x)
    assert warpwright.rmsnorm(x, weight, out=out) is out
    with pytest.raises(RuntimeError, match="warpwright.rmsnorm has no backward"):
        (out * 2).float().sum().backward()


@pytest.mark.operator("rmsnorm")
def test_a_leaf_that_requires_a_gradient_is_not_written_to() -> None:
    x, weight = torch.randn(3, 64, device=DEVICE).half().requires_grad_(), torch.ones(64, device=DEVICE).half()
    before = x.detach().clone()
    with pytest.raises(RuntimeError, match="out is a leaf that requires a gradient"):
        warpwright.rmsnorm(x, weight, out=x)
    assert torch.equal(x.detach(), before)


def norm_inputs() -> tuple[torch.Tensor, torch.nn.Parameter]:
    return torch.randn(3, 64, device=DEVICE).half(), torch.nn.Parameter(torch.randn(64, device=DEVICE).half())


@pytest.mark.operator("rmsnorm")
def test_parts_and_views_that_torch_lets_nobody_write_to_are_written_and_what_is_returned_refuses() -> None:
    x, weight = norm_inputs()
    expected = warpwright.rmsnorm(x, weight.detach())
    buffer = torch.empty(3, 128, device=DEVICE).half()
    with torch.no_grad():
        view = buffer[:, 64:]
    for out in (*buffer.chunk(2, -1), view):
        returned = warpwright.rmsnorm(x, weight, out=out)
        assert torch.equal(out.detach(), expected)
        with pytest.raises(RuntimeError, match="warpwright.rmsnorm has no backward"):
            returned.float().sum().backward()


@pytest.mark.operator("rmsnorm")
def test_a_buffer_that_is_written_again_and_again_keeps_one_record() -> None:
    x, weight = norm_inputs()
    buffer = torch.empty_like(x)
    for _ in range(3):
        warpwright.rmsnorm(x, weight, out=buffer)
    assert buffer.grad_fn is not None
    assert not [function for function, _ in buffer.grad_fn.next_functions if function and "Refusing" in function.name()]


@pytest.mark.operator("rmsnorm")
@pytest.mark.parametrize("is_compiled", [False, True], ids=["eager", "compiled"])
def test_activations_that_require_a_gradient_are_normed_in_place(is_compiled: bool) -> None:
    x, weight = norm_inputs()
    scale = torch.nn.Parameter(torch.ones(1, device=DEVICE).half())

    def layer(x: torch.Tensor) -> torch.Tensor:
        y = x * scale
        return warpwright.rmsnorm(y, weight, out=y)

    run = torch.compile(layer, backend="aot_eager", fullgraph=True) if is_compiled else layer
    out = run(x)
    torch.testing.assert_close(out.detach(), warpwright.rmsnorm(x, weight.detach()))
    with pytest.raises(RuntimeError, match="warpwright.rmsnorm has no backward"):
        out.float().sum().backward()


@pytest.mark.operator("int8_scaled_mm")
def test_one_parameter_may_stand_for_two_arguments() -> None:
    a, b = (torch.randint(-128, 128, (16, 32), dtype=torch.int8, device=DEVICE) for _ in range(2))
    scales = torch.nn.Parameter(torch.rand(16, device=DEVICE) / 1000)

    def layer(a: torch.Tensor) -> torch.Tensor:
        return warpwright.int8_scaled_mm(a, b.t(), scales, scales, torch.float16)

    run = torch.compile(layer, backend="aot_eager", fullgraph=True)
    assert torch.equal(run(a).detach(), layer(a).detach())


class Layer(torch.nn.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(64, device=DEVICE).half())

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return warpwright.silu_and_mul(warpwright.rmsnorm(tokens, self.weight))


@pytest.mark.operator("rmsnorm")
@pytest.mark.parametrize("strict", [True, False], ids=["strict", "not strict"])
def test_a_module_with_its_parameters_is_exported(strict: bool) -> None:
    module, tokens = Layer(), torch.randn(3, 64, device=DEVICE).half()
    program = torch.export.export(module, (tokens,), strict=strict)
    assert torch.equal(program.module()(tokens).detach(), module(tokens).detach())


@pytest.mark.operator("rmsnorm")
def test_a_derivative_in_forward_mode_is_refused_by_name() -> None:
    from torch.autograd import forward_ad

    x, weight = norm_inputs()
    with forward_ad.dual_level(), pytest.raises(RuntimeError, match="warpwright.rmsnorm has no backward"):
        warpwright.rmsnorm(forward_ad.make_dual(x, torch.ones_like(x)), weight.detach())


@pytest.mark.operator("rmsnorm")
@pytest.mark.parametrize("transform", ["grad", "jvp"])
def test_a_transform_that_differentiates_is_refused_by_name(transform: str) -> None:
    x, weight = norm_inputs()

    def loss(weight: torch.Tensor) -> torch.Tensor:
        return warpwright.rmsnorm(x, weight).float().sum()

    at = weight.detach()
    transforms: dict[str, Callable[[], object]] = {
        "grad": lambda: torch.func.grad(loss)(at),
        "jvp": lambda: torch.func.jvp(loss, (at,), (at,)),
    }
    with pytest.raises(RuntimeError, match="warpwright.rmsnorm has no backward"):
        transforms[transform]()
