"""The choice of a tile is a pure host function: here it runs for thousands of shapes, compiled by the host compiler."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
H100 = (132, 232448)  # multiprocessors, bytes of shared memory for a block
# (n, k): the layers of the benchmark, and a few odd ones.
LAYERS = [(6144, 4096), (4096, 4096), (28672, 4096), (4096, 14336), (8192, 8192), (8, 16), (264, 528), (130000, 64)]


class Shape(NamedTuple):
    table: str
    m: int
    n: int
    k: int
    sm_count: int = H100[0]
    shared_memory: int = H100[1]
    tile: int = -1


class Plan(NamedTuple):
    tile: str
    stages: int
    split: int
    shared_memory: int
    runs: bool


Planner = Callable[[Iterable[Shape]], list[Plan]]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("c++") or shutil.which("g++")
    if compiler is None:
        pytest.skip("no host C++ compiler (c++ or g++) to compile the tile choice with")
    program = tmp_path_factory.mktemp("plans") / "scaled_mm_plans"
    source = Path(__file__).with_name("scaled_mm_plans.cpp")
    include = f"-I{ROOT / 'include'}"
    subprocess.run([compiler, "-std=c++17", "-Wall", "-Wextra", "-Werror", include, source, "-o", program], check=True)
    return program


@pytest.fixture(scope="module")
def plans(program: Path) -> Planner:
    def run(shapes: Iterable[Shape]) -> list[Plan]:
        lines = "\n".join(" ".join(map(str, shape)) for shape in shapes)
        done = subprocess.run([program], input=lines, capture_output=True, text=True, check=True)
        rows = [line.split() for line in done.stdout.splitlines()]
        return [Plan(row[0], int(row[1]), int(row[2]), int(row[3]), row[4] == "1") for row in rows]

    return run


def every_m(table: str, shared_memory: int = H100[1], sm_count: int = H100[0]) -> list[Shape]:
    rows = [*range(1, 260), 300, 511, 512, 1000, 2048, 8192, 100_000]
    return [Shape(table, m, n, k, sm_count, shared_memory) for (n, k), m in itertools.product(LAYERS, rows)]


@pytest.mark.parametrize("table", ["sm90a", "blockwise"])
def test_every_shape_on_sm90a_gets_a_tile_that_fits_a_block(plans: Planner, table: str) -> None:
    shapes = every_m(table)
    for shape, plan in zip(shapes, plans(shapes), strict=True):
        assert plan.shared_memory <= H100[1], (shape, plan)
        assert 1 <= plan.split <= 8, (shape, plan)
        if plan.tile.startswith("swap_ab"):
            assert 2 <= plan.stages <= 16, (shape, plan)
        assert plan.runs, (shape, plan)


@pytest.mark.parametrize(
    ("table", "shared_memory"),
    [("sm75", 65536), ("sm80", 101376), ("sm80", 166912), ("sm89", 101376)],
    ids=["sm75", "sm86", "sm80", "sm89"],
)
def test_every_shape_on_the_older_sms_gets_a_tile_that_fits_the_device(
    plans: Planner, table: str, shared_memory: int
) -> None:
    shapes = every_m(table, shared_memory, 84)
    for shape, plan in zip(shapes, plans(shapes), strict=True):
        assert plan.tile != "none", shape
        assert plan.shared_memory <= shared_memory, (shape, plan)


@pytest.mark.parametrize(
    ("table", "count"), [("sm90a", 13), ("blockwise", 9)], ids=["scales-of-rows", "scales-of-blocks"]
)
def test_each_tile_named_outright_fits_whatever_the_shape(plans: Planner, table: str, count: int) -> None:
    names = set()
    for tile in range(count):
        shapes = [shape._replace(tile=tile) for shape in every_m(table)]
        for shape, plan in zip(shapes, plans(shapes), strict=True):
            assert plan.shared_memory <= H100[1], (shape, plan)
            names.add(plan.tile)
    assert len(names) == count


def test_the_name_of_a_row_is_what_its_fields_say(program: Path) -> None:
    """The names are what WARPWRIGHT_FORCE_TILE takes; each is written beside the numbers that it repeats."""
    done = subprocess.run([program, "rows"], capture_output=True, text=True, check=True)
    rows = [line.split() for line in done.stdout.splitlines()]
    assert [name for name, _ in rows] == [expected for _, expected in rows]
    assert len(rows) == 3 + 4 + 4 + 13 + 9


@pytest.mark.parametrize("table", ["sm90a", "blockwise"])
def test_a_device_whose_shared_memory_holds_one_stage_is_refused(plans: Planner, table: str) -> None:
    """The kernel would wait forever: it releases a stage once the products of the next one have been started."""
    rooms = [Shape(table, 128, 4096, 4096, shared_memory=kilobytes * 1024, tile=5) for kilobytes in range(16, 160)]
    found = {plan.stages: plan.runs for plan in plans(rooms)}
    assert {stages: runs for stages, runs in found.items() if stages < 2} == {0: False, 1: False}
    assert all(runs for stages, runs in found.items() if stages >= 2)


def test_few_rows_swap_a_and_b_and_k_is_split_where_tiles_are_few(plans: Planner) -> None:
    shapes = [Shape("sm90a", 1, 4096, 4096), Shape("sm90a", 16, 4096, 14336), Shape("sm90a", 1, 28672, 4096)]
    one, deep, wide = plans(shapes)
    assert (one.tile, one.split) == ("swap_ab_8x64x256", 2)
    assert (deep.tile, deep.split) == ("swap_ab_16x64x256", 2)
    assert (wide.tile, wide.split) == ("swap_ab_8x64x256", 1)


def test_128_rows_and_a_tile_for_every_multiprocessor_need_no_split(plans: Planner) -> None:
    shapes = [Shape("sm90a", 128, n, k) for n, k in [(4096, 4096), (6144, 4096), (1024, 4096), (4096, 14336)]]
    assert [plan.tile for plan in plans(shapes)] == [
        "warp_specialized_64x64x128_2x1", "warp_specialized_64x128x128_2x1", "swap_ab_128x64x128", "swap_ab_128x64x128",
    ]  # fmt: skip


def test_one_wave_takes_the_width_that_leaves_few_multiprocessors_idle(plans: Planner) -> None:
    shapes = [Shape("sm90a", 512, n, k) for n, k in [(4096, 4096), (6144, 4096), (8192, 8192)]]
    assert [plan.tile for plan in plans(shapes)] == [
        "cooperative_128x128x128_2x1", "cooperative_128x192x128_2x1", "cooperative_128x256x128_2x1",
    ]  # fmt: skip


def test_many_waves_hide_the_epilogue(plans: Planner) -> None:
    assert plans([Shape("sm90a", 8192, 28672, 4096)])[0].tile == "pingpong_128x128x128_2x1"


def test_the_ctas_of_a_cluster_share_what_leaves_fewer_clusters(plans: Planner) -> None:
    shapes = [Shape("blockwise", m, 28672, 4096) for m in (64, 128, 512, 640)]
    assert [plan.tile for plan in plans(shapes)] == [
        "swap_ab_64x128x128", "cooperative_128x128x128_1x2", "cooperative_128x128x128_2x1",
        "cooperative_128x128x128_1x2",
    ]  # fmt: skip
