"""What a suite says of the contracts that it holds operators against, at its end."""

from __future__ import annotations

from collections import Counter

from contracts.cases import OPERATORS


def lines() -> list[str]:
    """Return how many operators, samples and refusals there are, and every general check that is lifted, with why."""
    samples = sum(len(contract.samples) for contract in OPERATORS.values())
    refusals = sum(len(contract.refusals) for contract in OPERATORS.values())
    traits = Counter(trait.kind.value for contract in OPERATORS.values() for trait in contract.traits)
    counted = ", ".join(f"{kind} {count}" for kind, count in sorted(traits.items())) or "none"
    return [f"contracts: {len(OPERATORS)} operators, {samples} samples, {refusals} refusals; traits: {counted}"]
