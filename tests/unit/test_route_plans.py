"""Every expert has a lane, every token a warp or a block, and every plan a kernel, whatever the sizes."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
SMS = (16, 46, 84, 108, 132)
WARP = 32
DRAWN = 5000
KERNELS = {(8, 1), (8, 4), (8, 8), (8, 16), (8, 32), (12, 32), (16, 32), (32, 32)}
"""Of held experts and lanes, as csrc/moe/topk_softmax.cu has them."""


class Problem(NamedTuple):
    tokens: int
    experts: int
    groups: int = 1
    sms: int = 132


class Plan(NamedTuple):
    held: int
    lanes: int
    group_lanes: int
    warps: int
    blocks: int


Ask = Callable[[list[Problem]], list[tuple[Problem, Plan]]]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    compiler = shutil.which("c++") or shutil.which("g++")
    assert compiler is not None, "the build needs a host C++ compiler, and so does this test: apt-get install g++"
    program = tmp_path_factory.mktemp("route") / "route_plans"
    source = Path(__file__).with_name("route_plans.cpp")
    flags = ["-std=c++17", "-Wall", "-Wextra", "-Werror", f"-I{ROOT / 'include'}"]
    subprocess.run([compiler, *flags, str(source), "-o", str(program)], check=True)

    def run(problems: list[Problem]) -> list[tuple[Problem, Plan]]:
        lines = "\n".join(" ".join(map(str, problem)) for problem in problems)
        done = subprocess.run([program], input=lines, capture_output=True, text=True, check=True)
        plans = [Plan(*map(int, line.split())) for line in done.stdout.splitlines()]
        return list(zip(problems, plans, strict=True))

    return run


@pytest.fixture(scope="module")
def drawn(ask: Ask) -> list[tuple[Problem, Plan]]:
    draw = random.Random(16)
    problems = []
    for _ in range(DRAWN):
        groups = draw.choice([1, 1, 2, 3, 4, 7, 8, 16, 32, 48])
        of_group = int(2 ** draw.uniform(0, 11 - groups.bit_length() / 2))
        problems.append(Problem(int(2 ** draw.uniform(0, 34)), groups * of_group, groups, draw.choice(SMS)))
    return ask(problems)


def is_power_of_two(number: int) -> bool:
    return number & (number - 1) == 0


def test_a_plan_is_one_that_a_kernel_is_compiled_for(drawn: list[tuple[Problem, Plan]]) -> None:
    seen = {(plan.held, plan.lanes) for _, plan in drawn if plan.held}
    assert seen == KERNELS
    source = (ROOT / "csrc" / "moe" / "topk_softmax.cu").read_text(encoding="utf-8")
    assert all(f"<Raw, kScoring, {held}, {lanes}>" in source for held, lanes in KERNELS)


def test_every_expert_of_a_group_has_a_lane_and_groups_stand_in_order(drawn: list[tuple[Problem, Plan]]) -> None:
    for problem, plan in drawn:
        if plan.held == 0:
            continue
        of_group = problem.experts // problem.groups
        assert is_power_of_two(plan.lanes), (problem, plan)
        assert is_power_of_two(plan.group_lanes), (problem, plan)
        assert plan.held * plan.group_lanes >= of_group, (problem, plan)
        assert plan.group_lanes * problem.groups <= plan.lanes <= WARP, (problem, plan)


def test_every_token_has_a_warp_or_a_block(drawn: list[tuple[Problem, Plan]]) -> None:
    for problem, plan in drawn:
        of_block = plan.warps * (WARP // plan.lanes) if plan.held else 1
        assert 1 <= plan.warps * WARP <= (128 if plan.held else 256), (problem, plan)
        assert plan.blocks * of_block >= problem.tokens > (plan.blocks - 1) * of_block, (problem, plan)


def test_a_warp_holds_whatever_it_can(ask: Ask) -> None:
    for problem, plan in ask([Problem(64, experts) for experts in range(1, 2049)]):
        assert (plan.held > 0) == (problem.experts <= 1024), (problem, plan)
        assert plan.held == 0 or plan.held == 8 or problem.experts > WARP * 8, (problem, plan)


def test_few_tokens_are_spread_over_the_gpu(ask: Ask) -> None:
    for problem, plan in ask([Problem(tokens, 256) for tokens in range(1, 133)]):
        assert (plan.warps, plan.blocks) == (1, problem.tokens), (problem, plan)


def test_no_expert_at_all_has_a_plan(ask: Ask) -> None:
    ((_, plan),) = ask([Problem(3, 0)])
    assert (plan.held, plan.lanes) in KERNELS
