"""An operator as a layer of a model: weights that stay, and tokens whose number varies from call to call."""

from __future__ import annotations

import inspect
from typing import Any

import torch

from contracts.cases import draw
from contracts.results import clones, determined, in_outs, outs, tensors
from warpwright._registry import as_tuple, by_name, pure_outs
from warpwright.contract import Arguments, Contract

Tokens = dict[str, torch.Tensor]


class Layer:
    """Calls the public function with as many tokens as it is given, and with weights of its own.

    What is read and written, such as a cache, counts among the tokens also where its size does not vary: it is drawn
    anew for each call. The layer returns it, and then what the function gives.
    """

    def __init__(self, contract: Contract, device: Any, *, parameters: bool = False) -> None:
        self.contract, self.device = contract, device
        self.size = list(inspect.signature(contract.make).parameters)[1]
        two, three = self._make(2), self._make(3)
        self.varying = {
            name: _dimension(tensor, three[name]) for name, tensor in tensors(two) if tensor.shape != three[name].shape
        }
        self.changed = [name for name in in_outs(contract) if two.get(name) is not None]
        self.constant = {name: two[name] for name in two if name not in self.varying and name not in self.changed}
        self.parameters: dict[str, torch.Tensor] = {}
        self._one = torch.nn.Parameter(torch.ones((), device=self.device))
        if parameters:
            self._require_gradients()
        self._function = by_name(contract.call or contract.function)

    def tokens(self, count: int) -> Tokens:
        made = self._make(count)
        return {name: made[name] for name in made if name in self.varying or name in self.changed}

    def chosen(self, tokens: Tokens, index: torch.Tensor) -> Tokens:
        """Return those of the tokens that an index names."""
        found = {}
        for name, tensor in tokens.items():
            if name not in self.varying:
                found[name] = tensor
                continue
            dim, each = self.varying[name]
            groups = tensor.unflatten(dim, (-1, each)) if each != 1 else tensor
            picked = groups.index_select(dim, index)
            found[name] = picked.flatten(dim, dim + 1) if each != 1 else picked
        return found

    def __call__(self, tokens: Tokens) -> Any:
        given = self.constant | self.parameters | tokens
        returned = self._function(given)
        if not self.changed:
            return returned
        return (*(given[name] for name in self.changed), *(() if returned is None else as_tuple(returned)))

    def of_activations(self, tokens: Tokens) -> Any:
        """Call it with what other layers gave, in place of what is written to: it requires a gradient where it can."""
        one = self._one
        given = {name: tokens[name] for name in self.changed}
        return self(tokens | {name: each * one if may_require(each) else each.clone() for name, each in given.items()})

    def outcome(self, tokens: Tokens, results: Any) -> tuple[torch.Tensor, ...]:
        """Return copies of what of results is determined."""
        return clones(determined(self.contract, self.constant | self.parameters | tokens, results))

    def results(self, tokens: Tokens) -> tuple[torch.Tensor, ...]:
        return as_tuple(self(tokens))

    def recorded(self, count: int) -> Tokens:
        """Return tokens that require a gradient themselves, where no weight can."""
        tokens = self.tokens(count)
        if not self.parameters:
            for name, tensor in tokens.items():
                if may_require(tensor) and name not in self.changed:
                    tensor.requires_grad_()
        return tokens

    @property
    def may_require_a_gradient(self) -> bool:
        """True where an input may, and what is made of it: indices alone have no gradient to refuse."""
        given = tensors(self.constant | self.tokens(2))
        asked = any(may_require(value) for name, value in given if name not in self.changed)
        return asked and (bool(outs(self.contract)) or self._gives_floats)

    @property
    def _gives_floats(self) -> bool:
        given = self.constant | self.tokens(2)
        specs = as_tuple(by_name(self.contract.output)(given)) if self.contract.output else ()
        return any(spec.dtype.is_floating_point for spec in specs)

    def _make(self, count: int) -> Arguments:
        call = self.contract.make(draw(self.device), **{self.size: count})
        return {name: value for name, value in call.items() if name not in pure_outs(self.contract)}

    def _require_gradients(self) -> None:
        weights = {name: value for name, value in tensors(self.constant) if may_require(value)}
        self.parameters = {name: torch.nn.Parameter(value) for name, value in weights.items()}


def may_require(value: torch.Tensor) -> bool:
    return bool(value.is_floating_point() and value.element_size() > 1)


def _dimension(two: torch.Tensor, three: torch.Tensor) -> tuple[int, int]:
    """Return the dimension in which two tensors differ, and by how much."""
    dim = next(dim for dim in range(two.dim()) if two.shape[dim] != three.shape[dim])
    return dim, three.shape[dim] - two.shape[dim]
