"""Every row of logits is of a cluster that there can be, and is held as a whole or not at all.

The plan is a pure host function: here it runs for every size that matters, compiled by the host compiler.
"""

from __future__ import annotations

import shutil
import subprocess
from itertools import product
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
THREADS, CLUSTER, SMS, MOST_CLASSES = 1024, 8, 132, 1 << 20

Asked = tuple[int, int, int, int]


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> dict[Asked, tuple[int, int]]:
    compiler = shutil.which("c++") or shutil.which("g++")
    assert compiler is not None, "the build needs a host C++ compiler, and so does this test: apt-get install g++"
    program = tmp_path_factory.mktemp("softmax") / "softmax_plans"
    source = Path(__file__).with_name("softmax_plans.cpp")
    flags = ["-std=c++17", "-Wall", "-Wextra", "-Werror", f"-I{ROOT / 'include'}"]
    subprocess.run([compiler, *flags, str(source), "-o", str(program)], check=True)
    chunks = [*range(1, 6 * 8192, 389), 1024, 1025, 8192, 8193, MOST_CLASSES // 4]
    asked = list(product((1, 8, 9, 66, 67), chunks, (2, 4), (0, 1)))
    lines = "".join(f"{' '.join(map(str, each))}\n" for each in asked)
    done = subprocess.run([str(program)], input=lines, capture_output=True, text=True, check=True)
    found = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    return {each: (plan[0], plan[1]) for each, plan in zip(asked, found, strict=True)}


def test_a_row_that_is_held_is_held_as_a_whole(plans: dict[Asked, tuple[int, int]]) -> None:
    for (_, chunks, _, _), (blocks, held) in plans.items():
        assert held == 0 or (held - 1) * blocks * THREADS < chunks <= held * blocks * THREADS


def test_blocks_are_a_cluster_that_there_can_be_and_run_at_once(plans: dict[Asked, tuple[int, int]]) -> None:
    for (rows, _, _, has_clusters), (blocks, _) in plans.items():
        assert blocks in (1, 2, 4, CLUSTER) if has_clusters else blocks == 1
        assert blocks == 1 or rows * blocks <= (SMS if blocks == 2 else SMS // 2)


def test_a_thread_holds_no_more_than_registers_take(plans: dict[Asked, tuple[int, int]]) -> None:
    for (_, _, element_bytes, _), (_, held) in plans.items():
        assert held * 16 // element_bytes <= 24


@pytest.mark.parametrize("classes", [111, 32_000, 128_256, 151_936])
@pytest.mark.parametrize("element_bytes", [2, 4])
def test_few_rows_of_a_vocabulary_are_held_where_there_are_clusters(
    plans: dict[Asked, tuple[int, int]], classes: int, element_bytes: int
) -> None:
    chunks = -(-classes * element_bytes // 16)
    larger = min(each for _, each, size, has in plans if each >= chunks and size == element_bytes and has)
    assert plans[1, larger, element_bytes, 1][1] > 0


def test_rows_share_what_sms_there_are(plans: dict[Asked, tuple[int, int]]) -> None:
    largest = MOST_CLASSES // 4
    assert [plans[rows, largest, 4, 1][0] for rows in (1, 8, 9, 66, 67)] == [8, 8, 4, 2, 1]
