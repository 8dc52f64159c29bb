"""The cases: every operator, its samples and its refusals, drawn from one seed that a failure names."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import torch

import warpwright
from warpwright.contract import Arguments, Contract, Refusal, Sample, TraitKind
from warpwright.draw import Draw

SEED = int(os.environ.get("WARPWRIGHT_TEST_SEED", "0")) or torch.seed() % 2**31
OPERATORS = warpwright.operators()
LARGEST = "largest"
"""The sample that takes a CPU too long."""


def path_of(contract: Contract) -> str:
    """Name the operator whose SM path a call needs."""
    other = contract.trait(TraitKind.FALLS_BACK)
    return other.by if other else contract.name


def draw(device: Any) -> Draw:
    return Draw(device, SEED)


def call_of(contract: Contract, of: Sample | Refusal | str, device: Any) -> Arguments:
    """Make the call of a sample, which may be given by its name."""
    named = next(each for each in contract.samples if each.name == of) if isinstance(of, str) else of
    return contract.arguments(named, draw(device))


def name_of(contract: Contract) -> str:
    return contract.name


def _cases(
    names: list[str], rows: Iterable[tuple[Any, ...]], path: Callable[[Contract], str] = path_of
) -> pytest.MarkDecorator:
    """Make a case of each row, a contract and what belongs to it, for GPUs that ``path`` has code for."""
    params = [
        pytest.param(
            *row,
            id="-".join(part.name.replace(" ", "_") for part in row),
            marks=pytest.mark.operator(path(row[0])),
        )
        for row in rows
    ]
    return pytest.mark.parametrize(names, params)


def operators_where(holds: Callable[[Contract], bool]) -> pytest.MarkDecorator:
    return _cases(["contract"], ((each,) for each in OPERATORS.values() if holds(each)))


SAMPLES = [(each, sample) for each in OPERATORS.values() for sample in each.samples]
each_operator = operators_where(lambda _: True)
each_sample = _cases(["contract", "sample"], SAMPLES)
each_small_sample_on_its_own_path = _cases(
    ["contract", "sample"], (row for row in SAMPLES if row[1].name != LARGEST), name_of
)
each_refusal = _cases(["contract", "refusal"], ((each, case) for each in OPERATORS.values() for case in each.refusals))
