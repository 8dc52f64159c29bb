"""A bill says whose a kernel is, sums and shows it, and tells what has grown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_code import FakeCuobjdump, FakeKernel
from wheelworks.bill import (
    Bill,
    Cell,
    draw_bill,
    find_growth,
    parse_bill,
    read_accepted,
    read_bill,
    render_bill,
    render_kernels,
    sum_rows,
    write_accepted,
    write_bill,
)
from wheelworks.bill.names import name_of, tell_apart
from wheelworks.bill.reader import owner_of
from wheelworks.errors import AuditError
from wheelworks.lanes import plan_lanes
from wheelworks.matrix import Matrix
from wheelworks.sm import Sm

OPERATORS = ("int8_scaled_mm", "rmsnorm")
KERNELS = (
    FakeKernel("rmsnorm", "80", 2048),
    FakeKernel("rmsnorm", "90a", 3072),
    FakeKernel("int8_scaled_mm_sm80", "80", 10240, registers=240, stack=16, spills=4),
    FakeKernel("int8_scaled_mm_sm90a", "90a", 20480, registers=168),
)


@pytest.fixture
def binary(tmp_path: Path) -> Path:
    path = tmp_path / "_C.abi3.so"
    path.write_bytes(b"binary")
    return path


def bill_of(binary: Path, kernels: Sequence[FakeKernel] = KERNELS) -> Bill:
    tool, run = Path("cuobjdump"), FakeCuobjdump(kernels)
    return read_bill(binary, "_C.abi3.so", lane="lane", version="1.0", operators=OPERATORS, cuobjdump=tool, run=run)


@pytest.mark.parametrize(
    ("unit", "owner"),
    [
        ("rmsnorm", "rmsnorm"),
        ("int8_scaled_mm_sm90a", "int8_scaled_mm"),
        ("int8_scaled_mm_sm120", "int8_scaled_mm"),
        ("int8_scaled_mm_fast", None),
        ("rmsnorm_sm80+int8_scaled_mm", "rmsnorm"),
        ("int8_scaled_mm+rmsnorm", "int8_scaled_mm"),
        ("rmsnorm+stray", None),
        ("stray+rmsnorm", None),
        ("rmsnorm+", None),
        ("_C.abi3.1", None),
        ("", None),
    ],
)
def test_a_unit_is_of_its_first_operator_where_all_that_it_names_are_known(unit: str, owner: str | None) -> None:
    assert owner_of(unit, OPERATORS) == owner


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("_ZN10warpwright19rmsnorm_held_kernelI6__halfLi4EEEvNS_14RmsNormProblemE", "warpwright::rmsnorm_held_kernel"),
        ("_ZN7cutlass7Kernel2INS_4gemm6kernel4GemmEEEvNT_6ParamsE", "cutlass::Kernel2"),
        ("_Z5helloPf", "hello"),
        ("main", "main"),
        ("_ZN999shortE", "_ZN999shortE"),
    ],
)
def test_a_kernels_name_is_read_from_its_symbol(symbol: str, name: str) -> None:
    assert name_of(symbol) == name


def symbol_of(kind: str, size: int) -> str:
    return f"_ZN10warpwright4holdINS_4TileI{kind}Li{size}ELi{size}EEEEEvT_"


def test_variants_whose_names_differ_in_length_are_told_apart_by_the_words_that_come_more_often() -> None:
    pair = ["_ZN1g1kI6__half13__nv_bfloat16EEvv", "_ZN1g1kI13__nv_bfloat16S1_EEvv", "_ZN1g1kI6__halffS1_EEvv"]
    assert list(tell_apart(pair).values()) == ["__nv_bfloat16", "__half __nv_bfloat16", "__half float"]


def test_variants_are_told_apart_by_what_differs_and_each_position_once() -> None:
    symbols = [symbol_of("a", 64), symbol_of("a", 128), symbol_of("6__half", 64)]
    assert list(tell_apart(symbols[:2]).values()) == ["128", "64"]
    assert tell_apart([symbols[1], symbols[1]]) == {symbols[1]: ""}
    assert set(tell_apart(symbols).values()) == {"int8 64", "int8 128", "__half 64"}


@given(st.lists(st.text(min_size=1) | st.text("_ZNIELSi0123456789aKTJ", max_size=40).map("_ZN".__add__), min_size=1))
def test_no_symbols_break_the_reader_of_variants(symbols: list[str]) -> None:
    assert set(tell_apart(symbols)) == set(symbols)


@given(st.text())
def test_no_symbol_breaks_the_reader_of_names(text: str) -> None:
    assert name_of(text) or not text
    assert name_of("_ZN" + text)


def test_a_bill_is_sorted_and_reads_back_as_it_was_written(binary: Path) -> None:
    bill = bill_of(binary)
    assert [kernel.operator for kernel in bill.kernels] == ["int8_scaled_mm", "int8_scaled_mm", "rmsnorm", "rmsnorm"]
    assert bill == bill_of(binary, KERNELS[::-1])
    assert parse_bill(write_bill(bill).encode(), "_bill.json") == bill
    assert parse_bill(write_bill(bill_of(binary, KERNELS[:1])).encode(), "_bill.json").sms == (Sm(80),)


@pytest.mark.parametrize("text", ["", "{}", '{"schema": 2}', "[1]"])
def test_what_is_no_bill_is_an_error(text: str) -> None:
    with pytest.raises(AuditError, match=r"_bill\.json is no bill"):
        parse_bill(text.encode(), "_bill.json")


@pytest.mark.parametrize(
    ("sm", "runs", "size"),
    [
        ("80", "80", 4096),
        ("86", "80", 0),
        ("89", "80", 0),
        ("75", "None", 0),
        ("90a", "None", 0),
        ("80-ptx", "None", 0),
    ],
)
def test_a_cell_tells_own_code_from_code_that_runs_there(sm: str, runs: str, size: int, binary: Path) -> None:
    cell = Cell.of(sum_rows(bill_of(binary, [FakeKernel("rmsnorm", "80")])), "rmsnorm", Sm.parse(sm))
    assert (str(cell.runs), cell.bytes) == (runs, size)


def test_the_table_has_a_line_for_each_operator_and_the_worst_of_its_kernels(binary: Path) -> None:
    lines = render_bill(
        sum_rows(bill_of(binary, [*KERNELS, FakeKernel("other", "80")])), ["75", "80", "86", "90a"]
    ).splitlines()
    assert [line.split("  ")[0] for line in lines] == ["operator", "int8_scaled_mm", "rmsnorm", "(no operator)"]
    assert " ".join(lines[1].split()) == "int8_scaled_mm none SASS 10 runs 80 SASS 20 2 240 16 4"


SHARED = (
    FakeKernel("rmsnorm_sm80+int8_scaled_mm", "80", 2048),
    FakeKernel("rmsnorm_sm75", "75", 1024),
    FakeKernel("int8_scaled_mm_sm90a", "90a", 3072),
)
"""A unit of two operators, and one of each alone."""


def test_the_code_of_a_shared_unit_counts_once_and_is_told_of_every_operator(binary: Path) -> None:
    bill = bill_of(binary, SHARED)
    assert {kernel.unit: kernel.operators for kernel in bill.kernels} == {
        "rmsnorm_sm80+int8_scaled_mm": ("rmsnorm", "int8_scaled_mm"),
        "rmsnorm_sm75": ("rmsnorm",),
        "int8_scaled_mm_sm90a": ("int8_scaled_mm",),
    }
    assert sum(row.bytes for row in sum_rows(bill)) == 6144
    lines = render_bill(sum_rows(bill), ["75", "80", "86", "90a"]).splitlines()
    assert [" ".join(line.split()) for line in lines[1:]] == [
        "int8_scaled_mm none in rmsnorm runs 80 SASS 3 1 32 0 0",
        "rmsnorm SASS 1 SASS 2 runs 80 none 2 32 0 0",
    ]
    assert ">in rmsnorm</text>" in draw_bill(bill, ["75", "80", "86", "90a"])
    assert [line.split()[0] for line in render_kernels(bill).splitlines()[1:]] == [
        "int8_scaled_mm_sm90a", "rmsnorm_sm75", "rmsnorm_sm80",
    ]  # fmt: skip


def test_an_operator_that_shares_all_its_code_has_a_line_of_its_own(binary: Path) -> None:
    lines = render_bill(sum_rows(bill_of(binary, SHARED[:1])), ["80"]).splitlines()
    assert " ".join(lines[1].split()) == "int8_scaled_mm in rmsnorm 0 - - -"


def test_the_sums_of_a_shared_unit_are_kept_with_its_operators(binary: Path, tmp_path: Path) -> None:
    before = bill_of(binary, SHARED)
    write_accepted(tmp_path, before, 1000)
    accepted = read_accepted(tmp_path, "lane")
    assert accepted is not None
    assert accepted.rows == sum_rows(before)
    assert [row.also for row in accepted.rows] == [(), (), ("int8_scaled_mm",)]
    alone = [FakeKernel("rmsnorm_sm80", "80", 2048), *SHARED[1:]]
    assert find_growth(bill_of(binary, alone), accepted) == (), "an operator more or less is no growth"


def test_the_table_of_kernels_has_a_line_for_each_and_none_is_invented_for_ptx(binary: Path) -> None:
    lines = render_kernels(bill_of(binary, [*KERNELS, FakeKernel("rmsnorm", "80-ptx")])).splitlines()
    assert len(lines) == 1 + len(KERNELS) + 1
    ptx = next(line.split() for line in lines if "80-ptx" in line)
    assert ptx[3:7] == ["-"] * 4


def test_the_picture_is_xml_and_shows_every_cell(binary: Path) -> None:
    picture = draw_bill(bill_of(binary), ["75", "80", "86", "90a"])
    root = ElementTree.fromstring(picture)  # noqa: S314  written by the line above
    texts = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
    for words in ("int8_scaled_mm", "SM 90a", "10 KiB", "SASS, 1 kernel", "runs SM 80 code", "none"):
        assert words in texts
    assert picture.count('class="spill"') == 1
    assert picture == draw_bill(bill_of(binary), ["75", "80", "86", "90a"])


def test_growth_is_told_row_by_row_the_largest_first(binary: Path, tmp_path: Path) -> None:
    before = bill_of(binary)
    path = write_accepted(tmp_path / "bills", before, 1000)
    accepted = read_accepted(tmp_path / "bills", "lane")
    assert accepted is not None
    assert (path.name, accepted.wheel_bytes, accepted.rows) == ("lane.json", 1000, sum_rows(before))
    assert find_growth(before, accepted) == ()
    changed = [FakeKernel("rmsnorm", "80", 2050), FakeKernel("rmsnorm", "75", 100), *KERNELS[1:]]
    assert [str(growth) for growth in find_growth(bill_of(binary, changed), accepted)] == [
        "rmsnorm warpwright::rmsnorm_kernel SM 75 from 0 to 100 bytes",
        "rmsnorm warpwright::rmsnorm_kernel SM 80 from 2048 to 2050 bytes",
    ]
    assert [growth.bytes for growth in find_growth(bill_of(binary, changed), accepted, sm="80")] == [2]


def test_without_an_accepted_bill_everything_has_grown_from_nothing(binary: Path, tmp_path: Path) -> None:
    assert read_accepted(tmp_path, "lane") is None
    assert len(find_growth(bill_of(binary), None)) == len(KERNELS)


def test_the_accepted_bills_of_the_repository_are_of_released_lanes(project: Path, matrix: Matrix) -> None:
    released = {lane.name for lane in plan_lanes(matrix) if not lane.test_only}
    for path in (project / "bills").iterdir():
        accepted = read_accepted(project / "bills", path.stem)
        assert accepted is not None
        assert accepted.lane == path.stem
        assert accepted.lane in released


def test_a_broken_accepted_bill_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "lane.json").write_text("{}", encoding="utf-8")
    with pytest.raises(AuditError, match="lane.json is no accepted bill"):
        read_accepted(tmp_path, "lane")
