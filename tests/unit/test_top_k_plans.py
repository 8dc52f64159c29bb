"""Blocks that share a row are a cluster that there can be, and hold no more than there is room for, whatever the sizes.

The plan is a pure host function: here it runs for thousands of drawn problems, compiled by the host compiler.
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
CLUSTER = 8
"""The blocks of a cluster that every GPU of SM 9.0 takes: CUDA C++ Programming Guide, "Thread Block Clusters"."""
KIB = 1024


class Work(NamedTuple):
    rows: int
    vectors: int
    begins_within: int = 0
    most_blocks: int = CLUSTER
    sms: int = 132
    room: int = 200 * KIB
    mark_bytes: int = 1


class Plan(NamedTuple):
    blocks: int
    threads: int
    held_steps: int
    mark_bytes: int


Ask = Callable[[list[Work]], list[tuple[Work, Plan]]]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    compiler = shutil.which("c++") or shutil.which("g++")
    assert compiler is not None, "the build needs a host C++ compiler, and so does this test: apt-get install g++"
    program = tmp_path_factory.mktemp("top_k") / "top_k_plans"
    source = Path(__file__).with_name("top_k_plans.cpp")
    flags = ["-std=c++17", "-Wall", "-Wextra", "-Werror", f"-I{ROOT / 'include'}"]
    subprocess.run([compiler, *flags, str(source), "-o", str(program)], check=True)

    def run(work: list[Work]) -> list[tuple[Work, Plan]]:
        text = "\n".join(" ".join(map(str, each)) for each in work)
        done = subprocess.run([program], input=text, capture_output=True, text=True, check=True)
        plans = [Plan(*map(int, line.split())) for line in done.stdout.splitlines()]
        return list(zip(work, plans, strict=True))

    return run


def drawn(count: int = 5000) -> list[Work]:
    draw = random.Random(13)
    return [
        Work(
            int(2 ** draw.uniform(0, 33)),
            int(2 ** draw.uniform(0, 29)) - 1,
            draw.randrange(2),
            draw.choice((1, CLUSTER)),
            draw.choice((16, 46, 84, 108, 132)),
            draw.choice((-5, 0, 20 * KIB, 55 * KIB, 200 * KIB)),
            draw.randrange(3),
        )
        for _ in range(count)
    ]


def test_blocks_and_threads_are_powers_of_two_that_a_gpu_takes(ask: Ask) -> None:
    for work, plan in ask(drawn()):
        assert plan.blocks & (plan.blocks - 1) == 0, work
        assert 1 <= plan.blocks <= work.most_blocks, work
        assert plan.threads in (128, 256, 512, 1024), work


def test_blocks_of_shared_rows_run_at_once(ask: Ask) -> None:
    shared = [(work, plan) for work, plan in ask(drawn()) if plan.blocks > 1]
    assert {plan.blocks for _, plan in shared} == {2, 4, CLUSTER}
    for work, plan in shared:
        assert work.rows * plan.blocks <= (work.sms if plan.blocks == 2 else work.sms // 2), work


def test_no_more_is_held_than_there_is_and_than_there_is_room_for(ask: Ask) -> None:
    for work, plan in ask(drawn()):
        of_step = plan.threads * plan.blocks
        assert 0 <= plan.held_steps * plan.threads * 16 + plan.mark_bytes <= max(0, work.room), work
        assert plan.held_steps * of_step < work.vectors + work.begins_within + of_step, work


def test_there_are_marks_of_all_vectors_or_none(ask: Ask) -> None:
    for work, plan in ask(drawn()):
        has = plan.blocks * plan.mark_bytes
        assert not has or has >= (work.vectors + work.begins_within) * work.mark_bytes, work
        each = -(-(work.vectors + work.begins_within) // (plan.blocks * plan.threads)) * plan.threads
        assert has or 2 * each * work.mark_bytes > work.room or not each * work.mark_bytes, work


@pytest.mark.parametrize(
    ("rows", "elements", "blocks"),
    [
        (4, 8192, 1),
        (1, 16_384, 1),
        (1, 32_768, 4),
        (1, 65_536, 8),
        (8, 131_072, 8),
        (16, 131_072, 4),
        (64, 131_072, 2),
        (128, 131_072, 1),
        (128, 16_384, 1),
        (1024, 4096, 1),
        (1024, 131_072, 1),
    ],
)
def test_rows_are_shared_where_sms_would_have_none(ask: Ask, rows: int, elements: int, blocks: int) -> None:
    ((_, plan),) = ask([Work(rows, elements // 4)])
    assert plan.blocks == blocks
    assert plan.mark_bytes * plan.blocks * 4 >= elements
    is_held = plan.blocks * plan.threads * plan.held_steps * 4 >= elements
    assert is_held == (elements <= 40_000 * plan.blocks)


@pytest.mark.parametrize(("rows", "elements", "threads"), [(128, 16_384, 1024), (256, 16_384, 512), (1024, 4096, 256)])
def test_an_sm_has_several_blocks_where_there_are_many_short_rows(
    ask: Ask, rows: int, elements: int, threads: int
) -> None:
    ((_, plan),) = ask([Work(rows, elements // 4)])
    assert plan.threads == threads
    assert plan.threads * plan.held_steps * 4 >= elements
