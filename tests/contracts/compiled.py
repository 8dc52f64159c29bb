"""Compilation and export with every kind of size, and gradients, as a model calls the public functions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from contracts.cases import call_of, each_operator, operators_where
from contracts.layers import Layer, Tokens, may_require
from contracts.results import run, same
from warpwright._registry import as_tuple
from warpwright.contract import Contract

# Torch itself does what it warns of: dynamo makes an instance of an autograd function, and forward mode scripts one.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*Function'> should not be instantiated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.torch.jit.script.*is deprecated"),
    pytest.mark.filterwarnings("ignore:Guards may run slower on Python 3.13.0"),
]


def may_require_a_gradient(contract: Contract) -> bool:
    """True where an input can require a gradient, and a result can have one: whole numbers have none."""
    results = run(contract, call_of(contract, "typical", "meta"))
    return Layer(contract, "cpu").may_require_a_gradient and any(out.is_floating_point() for out in results)


each_that_may_require_a_gradient = operators_where(may_require_a_gradient)

TORCH = tuple(map(int, torch.__version__.split(".")[:2]))


@pytest.fixture(autouse=True)
def nothing_compiled_before() -> Iterator[None]:
    torch._dynamo.reset()
    with torch._dynamo.config.patch(capture_scalar_outputs=True, capture_dynamic_output_shape_ops=True):
        yield
    torch._dynamo.reset()


def backend(device: str) -> str:
    return "inductor" if device == "cuda" else "aot_eager"


@each_operator
def test_it_compiles_for_one_size_and_then_for_any(contract: Contract, device: str) -> None:
    """The first size is taken as it is, the second makes it a symbol, and the third needs no compiler any more."""
    layer = Layer(contract, device)
    run = torch.compile(lambda tokens: layer(tokens), backend=backend(device), fullgraph=True)
    with torch.no_grad():
        for count in (2, 5, 130):
            tokens = layer.tokens(count)
            assert same(*(layer.outcome(tokens, call(layer.tokens(count))) for call in (run, layer)))


@each_operator
def test_it_compiles_for_a_size_that_the_data_alone_know(contract: Contract, device: str) -> None:
    layer = Layer(contract, device)

    def chosen(tokens: Tokens, which: torch.Tensor) -> Any:
        return layer(layer.chosen(tokens, which.nonzero().flatten()))

    run = torch.compile(chosen, backend=backend(device), fullgraph=True)
    with torch.no_grad():
        for many in (3, 140, 1, 0):
            which = torch.arange(150, device=device) < many
            tokens = layer.chosen(layer.tokens(150), which.nonzero().flatten())
            assert same(*(layer.outcome(tokens, call(layer.tokens(150), which)) for call in (run, chosen)))


class Module(torch.nn.Module):  # type: ignore[misc]
    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, tokens: Tokens) -> Any:
        return self.layer(tokens)


@each_operator
def test_it_is_exported_for_one_size_and_for_any(contract: Contract, device: str) -> None:
    layer = Layer(contract, device)
    count = torch.export.Dim("count", min=2, max=4096)
    sizes: dict[str, Any] = dict.fromkeys(layer.tokens(7))
    sizes |= {name: {dim: each * count if each != 1 else count} for name, (dim, each) in layer.varying.items()}
    with torch.no_grad():
        for shapes, other in ((None, 7), (({**sizes},), 9)):
            program = torch.export.export(Module(layer), (layer.tokens(7),), dynamic_shapes=shapes, strict=False)
            tokens = layer.tokens(other)
            assert same(*(layer.outcome(tokens, call(layer.tokens(other))) for call in (program.module(), layer)))


@each_that_may_require_a_gradient
@pytest.mark.parametrize("is_compiled", [False, True], ids=["eager", "compiled"])
def test_a_call_that_requires_a_gradient_runs_and_its_backward_is_refused_by_name(
    contract: Contract, device: str, is_compiled: bool
) -> None:
    layer = Layer(contract, device, parameters=True)
    if is_compiled and layer.changed and TORCH < (2, 13):
        pytest.skip("older torch forgets, in a compiled graph, what is recorded of an argument that is not returned")
    tokens = layer.tokens(3)
    with torch.no_grad():
        expected = layer.outcome(tokens, layer(layer.tokens(3)))
    run = layer.of_activations  # of an input that a compiled graph writes to and returns, torch records nothing
    if is_compiled:
        run = torch.compile(lambda tokens: layer.of_activations(tokens), backend="aot_eager", fullgraph=True)
    found = as_tuple(run(layer.recorded(3)))
    recorded = [out for out in found if may_require(out)] or [out for out in found if out.is_floating_point()]
    assert all(out.requires_grad for out in recorded)
    assert same(layer.outcome(tokens, tuple(out.detach() for out in found)), expected)
    with pytest.raises(RuntimeError, match=f"warpwright.{contract.name} has no backward: it is for inference"):
        recorded[0].float().sum().backward()
    assert all(parameter.grad is None for parameter in layer.parameters.values())


@each_that_may_require_a_gradient
@pytest.mark.parametrize("quiet", [torch.no_grad, torch.inference_mode], ids=["no_grad", "inference_mode"])
def test_nothing_is_recorded_where_torch_records_nothing(contract: Contract, device: str, quiet: type) -> None:
    layer = Layer(contract, device, parameters=True)
    with quiet():
        assert not any(result.requires_grad for result in layer.results(layer.recorded(3)))
