"""Marlin's order in the header is the published one, and every product is cut so that all of it is computed once."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
Ask = Callable[[list[str]], list[list[int]]]
LAYERS = [(6144, 4096), (4096, 4096), (28672, 4096), (4096, 14336), (8192, 8192), (64, 16), (192, 208), (64, 65536)]
PACKED = (0, 2, 4, 6, 1, 3, 5, 7)


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    compiler = shutil.which("c++") or shutil.which("g++")
    assert compiler is not None, "the build needs a host C++ compiler, and so does this test: apt-get install g++"
    program, source = tmp_path_factory.mktemp("marlin") / "marlin_plans", Path(__file__).with_name("marlin_plans.cpp")
    flags = ["-std=c++17", "-Wall", "-Wextra", "-Werror", f"-I{ROOT / 'include'}"]
    words = [compiler, *flags, str(source), "-o", str(program)]
    subprocess.run(words, check=True)

    def run(questions: list[str]) -> list[list[int]]:
        done = subprocess.run([program], input="\n".join(questions), capture_output=True, text=True, check=True)
        return [[int(word) for word in line.split()] for line in done.stdout.splitlines()]

    return run


def published_order() -> list[tuple[int, int]]:
    """Return the rows and columns of a tile of 16 x 64, as tools that prepare Marlin's checkpoints define the order."""
    cells = []
    for lane, j in itertools.product(range(32), range(4)):
        rows = [2 * (lane % 4), 2 * (lane % 4) + 1, 2 * (lane % 4 + 4), 2 * (lane % 4 + 4) + 1]
        block = [(row, 16 * j + lane // 4 + 8 * half) for half in (0, 1) for row in rows]
        cells += [block[element] for element in PACKED]
    return cells


def test_the_weights_stand_in_the_published_order(ask: Ask) -> None:
    found = ask(["cells 128"])[0]
    expected = [(k, n + 64 * tile) for tile in (0, 1) for k, n in published_order()]
    assert list(zip(found[::2], found[1::2], strict=True)) == expected


def test_scales_and_zero_points_stand_in_the_published_order(ask: Ask) -> None:
    found = ask(["scales 128"])[0]
    grouped = [i + 8 * j for i in range(8) for j in range(8)]
    single = [2 * i + j for i in range(4) for j in (0, 1, 8, 9, 16, 17, 24, 25)]
    zeros = [grouped[8 * (i // 8) + PACKED[i % 8]] for i in range(64)]
    for column in range(128):
        block = column // 64 * 64
        assert found[3 * column] == block + grouped.index(column % 64)
        assert found[3 * column + 1] == column // 32 * 32 + single.index(column % 32)
        assert found[3 * column + 2] == block + zeros.index(column % 64)


@pytest.mark.parametrize("sms", [16, 46, 84, 108, 132])
def test_every_product_is_covered_once(ask: Ask, sms: int) -> None:
    shapes = [(m, n, k) for (n, k), m in itertools.product(LAYERS, [*range(1, 130), 500, 5000, 100_000])]
    plans = ask([f"plan {m} {n} {k} {sms}" for m, n, k in shapes])
    for (m, n, k), (tokens, split, n_blocks, m_blocks, steps, columns, shared_bytes) in zip(shapes, plans, strict=True):
        assert tokens in (8, 16, 32)
        assert 1 <= split <= 8
        assert shared_bytes <= 99 * 1024, "an SM 8.6 and an SM 8.9 give a block no more"
        assert (n_blocks - 1) * columns < n <= n_blocks * columns
        assert (m_blocks - 1) * tokens < m <= m_blocks * tokens
        assert (split * 8 * (steps - 1)) * 16 < k <= split * 8 * steps * 16


def test_few_columns_split_k_and_many_do_not(ask: Ask) -> None:
    few, many = ask(["plan 1 4096 14336 132", "plan 1 65536 4096 132"])
    assert few[1] > 1
    assert many[1] == 1
