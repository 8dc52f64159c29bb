"""The walk along a tree of draft tokens that samples from the target model, in plain Python."""

from __future__ import annotations

import torch

from warpwright.speculative._draw_token import draw_token, mass_of
from warpwright.speculative._verified_tree import Outputs, Tree


def as_float32(threshold: float) -> float:
    """Return a threshold as probabilities have it: one of float32(0.9) is no less than 0.9."""
    return float(torch.tensor(threshold, dtype=torch.float64).float())


class Walk:
    """From the root of one request's tree down: where it is, and what it has rejected there."""

    def __init__(self, tree: Tree, coins: list[float], target: torch.Tensor, thresholds: tuple[float, float]) -> None:
        self.node, self.accepted = 0, 0
        self._tree, self._coins, self._target, self._thresholds = tree, coins, target, thresholds
        self._rejected: list[int] = []
        self._sum, self._draws_from_difference = 0.0, True

    def run(self, outs: Outputs, request: int, steps: int) -> None:
        """Walk down, and write what is accepted."""
        index, tokens = self._tree.places, self._tree.tokens
        outs.accept(request, 0, index[0])
        for step in range(1, steps):
            child = self._choose()
            if child is None:
                break
            outs.predict(index[self.node], tokens[child])
            outs.accept(request, step, index[child])
            self.node, self.accepted = child, step
            self._rejected, self._sum = [], 0.0
        self._draws_from_difference = self.accepted != steps - 1

    def _choose(self) -> int | None:
        """Return the child that is accepted."""
        single, together = self._thresholds
        self._rejected, self._sum = [], 0.0
        for child in self._tree.children(self.node):
            token = self._tree.tokens[child]
            if not 0 <= token < self._target.shape[1]:
                continue
            mass = float(mass_of(self._target[self.node, token]))
            self._sum += mass
            if (self._sum > 0 and self._coins[self.node] <= self._sum / together) or mass >= single:
                return child
            self._rejected.append(token)
        return None

    def left_of_coin(self) -> float:
        """Return what is left of the node's number when its children are rejected, stretched to 0 to 1 again."""
        used, coin = self._sum / self._thresholds[1], self._coins[self.node]
        return (coin - used) / (1 - used) if used < 1 else coin

    def draw(self, draft: torch.Tensor, coin: float) -> int:
        """Draw the token behind the last node."""
        row = draft[self.node] if self._draws_from_difference else None
        return draw_token(self._target[self.node], row, self._rejected, coin)
