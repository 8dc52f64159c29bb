"""Every element, token and expert has a thread, and no block more of anything than an SM has, whatever the sizes.

The plans are pure host functions: here they run for thousands of drawn problems, compiled by the host compiler.
"""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
Ask = Callable[[list[str]], list[list[int]]]
DRAWN = 5000
MOST_SHARED = 64 * 1024
"""Bytes of shared memory that a block of SM 7.5 may have, the least of all."""


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    compiler = shutil.which("c++") or shutil.which("g++")
    assert compiler is not None, "the build needs a host C++ compiler, and so does this test: apt-get install g++"
    program = tmp_path_factory.mktemp("moe") / "moe_plans"
    source = Path(__file__).with_name("moe_plans.cpp")
    flags = ["-std=c++17", "-Wall", "-Wextra", "-Werror", f"-I{ROOT / 'include'}"]
    subprocess.run([compiler, *flags, str(source), "-o", str(program)], check=True)

    def run(questions: list[str]) -> list[list[int]]:
        done = subprocess.run([program], input="\n".join(questions), capture_output=True, text=True, check=True)
        return [[int(word) for word in line.split()] for line in done.stdout.splitlines()]

    return run


def up_to(draw: random.Random, most: int) -> int:
    """Return a number from 1 to `most`, as often of few digits as of many."""
    return min(most, int(2 ** draw.uniform(0, most.bit_length())))


class Order(NamedTuple):
    elements: int
    experts: int
    fills: int


class OrderPlan(NamedTuple):
    blocks: int
    chunk: int
    warps: int
    threads: int
    counts_first: int
    shared_memory: int
    of_warp: int


def order_plans(ask: Ask, problems: list[Order]) -> list[tuple[Order, OrderPlan]]:
    found = ask([" ".join(map(str, ("order", *problem))) for problem in problems])
    return list(zip(problems, (OrderPlan(*plan) for plan in found), strict=True))


@pytest.fixture(scope="module")
def orders(ask: Ask) -> list[tuple[Order, OrderPlan]]:
    draw = random.Random(16)
    edges = [Order(elements, experts, 0) for elements in (0, 1, 2**30) for experts in (1, 4096)]
    drawn = [Order(up_to(draw, 2**30), up_to(draw, 4096), up_to(draw, 2**30) - 1) for _ in range(DRAWN)]
    return order_plans(ask, edges + drawn)


def test_every_element_is_of_one_chunk_and_a_chunk_begins_with_a_whole_warp(
    orders: list[tuple[Order, OrderPlan]],
) -> None:
    for problem, plan in orders:
        assert plan.blocks * plan.chunk >= problem.elements, (problem, plan)
        assert plan.chunk % 32 == 0, (problem, plan)


def test_a_block_has_warps_for_its_elements_and_no_more_than_there_are(orders: list[tuple[Order, OrderPlan]]) -> None:
    for problem, plan in orders:
        assert plan.threads % 32 == 0, (problem, plan)
        assert 32 * plan.warps <= plan.threads <= 1024, (problem, plan)
        assert plan.warps >= 1, (problem, plan)
        assert (plan.warps - 1) * plan.of_warp < max(plan.chunk, 1), (problem, plan)


def test_counts_fit_in_shared_memory_and_in_16_bits(orders: list[tuple[Order, OrderPlan]]) -> None:
    for problem, plan in orders:
        words = 4 * (3 * problem.experts + 1 + 32)
        assert words + 2 * problem.experts * plan.warps <= plan.shared_memory <= MOST_SHARED, (problem, plan)
        assert plan.warps * plan.of_warp < 2**15, (problem, plan)


def test_few_elements_need_one_launch_and_one_token_one_block(ask: Ask) -> None:
    problems = [Order(tokens * 8, 257, 257 * 127) for tokens in (16, 128, 2048, 2049, 16_384)]
    assert [plan.counts_first for _, plan in order_plans(ask, problems)] == [0, 0, 0, 1, 1]
    ((_, one),) = order_plans(ask, [Order(8, 257, 8 * 127)])
    assert (one.blocks, one.warps, one.counts_first) == (1, 1, 0)


class Router(NamedTuple):
    tokens: int
    experts: int
    in_vectors: int
    sm: int


def test_every_token_and_expert_of_a_router_has_a_block(ask: Ask) -> None:
    draw = random.Random(17)
    problems = [
        Router(up_to(draw, 2**40), up_to(draw, 2**28), draw.randrange(2), draw.choice([75, 80, 86, 89, 90]))
        for _ in range(DRAWN)
    ]
    seen = set()
    plans = ask([" ".join(map(str, ("router", *problem))) for problem in problems])
    for problem, plan in zip(problems, plans, strict=True):
        on_tensor_cores, size, tokens, cluster, x, y, experts = plan
        assert x % max(cluster, 1) == 0, problem
        assert problem.experts <= x // max(cluster, 1) * experts < problem.experts + experts, problem
        assert x <= 2**31 - 1, problem
        assert 1 <= y <= 65535, problem
        assert y * tokens >= problem.tokens or y == 65535, problem
        assert (y - 1) * tokens < problem.tokens, problem
        assert not on_tensor_cores or (problem.sm >= 80 and size == 8), problem
        assert not cluster or problem.sm >= 90, problem
        assert size == (8 if problem.in_vectors else 1), problem
        seen.add((on_tensor_cores, size, tokens, cluster))
    assert seen == {
        (0, 1, 8, 0),
        (0, 8, 1, 0),
        (0, 8, 2, 0),
        (0, 8, 4, 0),
        (0, 8, 8, 0),
        (1, 8, 16, 0),
        (1, 8, 16, 4),
        (1, 8, 32, 0),
        (1, 8, 32, 4),
        (1, 8, 64, 4),
    }
