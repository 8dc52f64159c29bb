"""Every row, element and head has a thread, and no block more threads than its kernel may have, whatever the sizes.

The plans are pure host functions: here they run for thousands of drawn problems, compiled by the host compiler. What
was tuned (how many rows are few, how many elements are much) may change; what is held here may not.
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
SMS = (16, 46, 84, 108, 132)
WARP = 32
DRAWN = 5000


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    compiler = shutil.which("c++") or shutil.which("g++")
    assert compiler is not None, "the build needs a host C++ compiler, and so does this test: apt-get install g++"
    program = tmp_path_factory.mktemp("elementwise") / "elementwise_plans"
    source = Path(__file__).with_name("elementwise_plans.cpp")
    flags = ["-std=c++17", "-Wall", "-Wextra", "-Werror", f"-I{ROOT / 'include'}"]
    subprocess.run([compiler, *flags, str(source), "-o", str(program)], check=True)

    def run(questions: list[str]) -> list[list[int]]:
        done = subprocess.run([program], input="\n".join(questions), capture_output=True, text=True, check=True)
        return [[int(word) for word in line.split()] for line in done.stdout.splitlines()]

    return run


def up_to(draw: random.Random, most: int) -> int:
    """Return a number from 1 to `most`, as often of few digits as of many."""
    return min(most, int(2 ** draw.uniform(0, most.bit_length())))


def power_of_two(number: int) -> bool:
    return number & (number - 1) == 0


class Row(NamedTuple):
    rows: int
    vectors: int
    in_pieces: int = 0
    reads_much: int = 0
    group_threads: int = 1
    best_held: int = 4
    most_held: int = 4
    registers: int = 8
    crowd: int = 1
    sms: int = 132


class RowPlan(NamedTuple):
    held: int
    threads: int
    rows_of_block: int
    pieces: int
    most: dict[int, int]  # threads of a block, by the vectors that each holds


def row_plans(ask: Ask, rows: list[Row]) -> list[tuple[Row, RowPlan]]:
    found = ask([" ".join(map(str, ("row", *row))) for row in rows])
    plans = [
        RowPlan(held, threads, rows_of_block, pieces, dict(zip((1, 2, 4, 8), most, strict=True)))
        for held, threads, rows_of_block, pieces, *most in found
    ]
    return list(zip(rows, plans, strict=True))


def draw_row(draw: random.Random) -> Row:
    """Return a problem that a launch may ask for: what comes in pieces has groups, and a vector for each thread."""
    in_pieces, registers, crowd = draw.randrange(2), draw.choice([4, 8]), draw.randrange(4)
    most = 1 if in_pieces else draw.choice([16, 32]) // registers
    group = 2 ** draw.randrange(6) if in_pieces or draw.randrange(2) else 1
    vectors = max(1, up_to(draw, 9000) // group) * group
    much, best, sms = draw.randrange(2), draw.choice([4, 8]), draw.choice(SMS)
    return Row(up_to(draw, 1_000_000), vectors, in_pieces, much, group, best, most, registers, crowd, sms)


@pytest.fixture(scope="module")
def drawn_rows(ask: Ask) -> list[tuple[Row, RowPlan]]:
    draw = random.Random(12)
    return row_plans(ask, [draw_row(draw) for _ in range(DRAWN)])


def threads_needed(vectors: int, held: int) -> int:
    return -(-vectors // (held * WARP)) * WARP


def test_every_vector_of_a_row_has_a_thread_and_no_warp_or_piece_is_idle(drawn_rows: list[tuple[Row, RowPlan]]) -> None:
    for row, plan in drawn_rows:
        if plan.held == 0:
            continue
        fewer = plan.threads // 2 if row.vectors <= WARP else plan.threads - WARP
        assert plan.threads * plan.held * plan.pieces >= row.vectors, (row, plan)
        assert fewer * plan.held * plan.pieces < row.vectors, (row, plan)
        assert plan.threads * plan.held * (plan.pieces - 1) < row.vectors, (row, plan)


def test_a_plan_is_one_that_a_kernel_is_compiled_for(drawn_rows: list[tuple[Row, RowPlan]]) -> None:
    for row, plan in drawn_rows:
        assert plan.held in [0, 1, 2, 4, 8], (row, plan)
        assert plan.held <= row.most_held, (row, plan)
        assert plan.pieces == 1 or row.in_pieces, (row, plan)


def test_no_block_of_rows_has_more_threads_than_registers_serve(drawn_rows: list[tuple[Row, RowPlan]]) -> None:
    for row, plan in drawn_rows:
        most = plan.most[plan.held] if plan.held else 1024
        assert 1 <= plan.threads * plan.rows_of_block <= most <= 1024, (row, plan)


def test_short_rows_share_a_block_of_whole_warps_and_long_ones_have_their_own(
    drawn_rows: list[tuple[Row, RowPlan]],
) -> None:
    for row, plan in drawn_rows:
        assert plan.threads * plan.rows_of_block % WARP == 0, (row, plan)
        if row.vectors > WARP:
            assert plan.rows_of_block == 1, (row, plan)
            assert plan.threads % WARP == 0, (row, plan)
        else:
            assert plan.threads <= WARP, (row, plan)
            assert power_of_two(plan.threads), (row, plan)
        if row.vectors <= WARP // 2:
            assert plan.rows_of_block > 1, (row, plan)


def test_the_threads_of_a_group_are_of_one_row(drawn_rows: list[tuple[Row, RowPlan]]) -> None:
    for row, plan in drawn_rows:
        assert plan.threads % row.group_threads == 0, (row, plan)


def test_a_row_is_held_wherever_some_number_of_threads_can(drawn_rows: list[tuple[Row, RowPlan]]) -> None:
    seen = set()
    for row, plan in drawn_rows:
        ways = [held for held in (1, 2, 4, 8) if held <= row.most_held]
        can = any(threads_needed(row.vectors, held) <= plan.most[held] for held in ways)
        assert (plan.held > 0) == (can or bool(row.in_pieces)), (row, plan)
        seen.add(plan.held)
    assert seen == {0, 1, 2, 4, 8}


def test_one_row_has_as_many_threads_as_vectors(ask: Ask) -> None:
    rows = [Row(1, vectors, pieces, sms=sms) for vectors in range(1, 513) for pieces in (0, 1) for sms in SMS]
    for row, plan in row_plans(ask, rows):
        assert plan.threads * plan.pieces >= row.vectors, (row, plan)


@pytest.mark.parametrize(
    ("elements", "of_vector", "registers", "most"),
    [(40_960, 8, 4, 8), (20_480, 4, 4, 8), (20_480, 8, 8, 4)],
    ids=["16 bits as read", "32 bits", "16 bits with a residual"],
)
def test_norms_hold_rows_of_as_many_elements_as_the_changelog_says(
    ask: Ask, elements: int, of_vector: int, registers: int, most: int
) -> None:
    vectors = elements // of_vector
    rows = [Row(count, vectors + more, most_held=most, registers=registers, crowd=2)
            for count in (1, 500, 100_000) for more in (0, 1)]  # fmt: skip
    for row, plan in row_plans(ask, rows):
        assert (plan.held > 0) == (row.vectors == vectors), (row, plan)


@pytest.mark.parametrize("most", [4, 8], ids=["four", "eight"])
def test_a_row_that_no_thread_can_hold_is_read_anew_in_each_pass(ask: Ask, most: int) -> None:
    for row, plan in row_plans(ask, [Row(rows, 10**6, most_held=most) for rows in (1, 100, 10**5)]):
        assert (plan.held, plan.rows_of_block, plan.pieces) == (0, 1, 1), (row, plan)


def test_an_activation_has_vectors_that_fit_and_a_kernel(ask: Ask) -> None:
    draw, problems = random.Random(13), []
    for _ in range(DRAWN):
        full, narrow = draw.choice([(8, 2), (4, 1)])
        problems.append((up_to(draw, 2**36), draw.choice([full, narrow, 1]), full, narrow, draw.choice(SMS)))
    seen = set()
    plans = ask([" ".join(map(str, ("activation", *problem))) for problem in problems])
    for problem, (size, threads, holds_many, most) in zip(problems, plans, strict=True):
        elements, fits, full, narrow, sms = problem
        assert size in (1, narrow, full), problem
        assert size <= fits, problem
        assert threads % WARP == 0, problem
        assert WARP <= threads <= most <= 1024, problem
        assert size == full or not holds_many, problem
        assert elements < 64 * full * sms or elements > sms * threads * size - threads * size, problem
        seen.add((size, full, holds_many))
    assert seen == {(1, 8, 0), (2, 8, 0), (8, 8, 0), (8, 8, 1), (1, 4, 0), (4, 4, 0), (4, 4, 1)}


@pytest.mark.parametrize(("full", "narrow"), [(8, 2), (4, 1)], ids=["two-bytes", "four-bytes"])
def test_more_elements_get_no_smaller_vectors(ask: Ask, full: int, narrow: int) -> None:
    plans = ask([f"activation {2**power} {full} {full} {narrow} 132" for power in range(40)])
    sizes = [(size, holds_many) for size, _, holds_many, _ in plans]
    assert sizes == sorted(sizes)
    assert (sizes[0], sizes[-1]) == ((narrow, 0), (full, 1))


def test_every_head_and_lane_of_a_rope_has_a_thread(ask: Ask) -> None:
    draw = random.Random(14)
    problems = [(up_to(draw, 200_000), up_to(draw, 256), up_to(draw, 4096), draw.choice(SMS)) for _ in range(DRAWN)]
    plans = ask([" ".join(map(str, ("rope", *problem))) for problem in problems])
    for problem, (groups, across, items, lane_blocks, item_blocks, most) in zip(problems, plans, strict=True):
        tokens, heads, lanes, sms = problem
        assert 1 <= groups <= heads <= 4 * groups, problem
        assert groups == heads or tokens * heads * lanes > 64 * sms, problem
        assert most // 2 < across * items <= most, problem
        assert (lane_blocks - 1) * across < lanes <= lane_blocks * across, problem
        assert (item_blocks - 1) * items < tokens * groups, problem
        assert item_blocks * items >= tokens * groups or item_blocks >= sms, problem


def test_lanes_past_a_grid_are_taken_in_turns(ask: Ask) -> None:
    (plan,) = ask([f"rope 1 1 {2**40} 132"])
    assert plan[3] <= 65535
    assert plan[1] * plan[2] <= plan[5]


def test_a_divider_divides(ask: Ask) -> None:
    draw, divisions = random.Random(15), []
    for _ in range(DRAWN):
        by, value = up_to(draw, 2**62), up_to(draw, 2**62)
        multiple = value // by * by
        divisions += [(each, by) for each in (value, multiple, multiple + by - 1, max(0, multiple - 1))]
    edges = sorted({max(1, 2**power + step) for power in range(63) for step in (-1, 0, 1)})
    divisions += [(value, by) for by in edges for value in (0, *edges)]
    found = ask([f"divide {value} {by}" for value, by in divisions])
    for (value, by), (quotient,) in zip(divisions, found, strict=True):
        assert quotient == value // by, (value, by)
