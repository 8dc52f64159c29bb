"""What a suite says of the contracts that it holds operators against, at its end."""

from __future__ import annotations

from contracts.cases import OPERATORS, call_of
from contracts.results import has_float8


def lines() -> list[str]:
    """Return how many operators, samples and refusals there are, and every general check that is lifted, with why."""
    samples = sum(len(contract.samples) for contract in OPERATORS.values())
    refusals = sum(len(contract.refusals) for contract in OPERATORS.values())
    traits = [(trait, name) for name, contract in OPERATORS.items() for trait in contract.traits]
    found = [f"contracts: {len(OPERATORS)} operators, {samples} samples, {refusals} refusals, {len(traits)} traits:"]
    for kind, reason in sorted({(trait.kind.value, trait.reason) for trait, _ in traits}):
        names = [name for trait, name in traits if (trait.kind.value, trait.reason) == (kind, reason)]
        found.append(f"  {kind}: {', '.join(names)}: {reason}")
    float8 = [name for name, contract in OPERATORS.items() if has_float8(call_of(contract, "typical", "meta"))]
    return [*found, f"  opcheck without its schema test: {', '.join(float8) or 'none'}: torch cannot compare float8"]
