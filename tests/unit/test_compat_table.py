"""The table of compatibility as data: it holds only where it is whole, and it shows what was not tested."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from release_maker import policy_of
from wheel_maker import WheelMaker, build_record
from wheelworks.cli import compat as command
from wheelworks.compat import (
    Cell,
    Compat,
    StandIn,
    Verdict,
    read_accepted_table,
    render_table,
    require_tables,
    write_accepted_table,
)
from wheelworks.errors import CompatError
from wheelworks.matrix import Matrix


def cell(python: str, torch: str, verdict: Verdict = Verdict.PASSED, **changes: Any) -> Cell:
    facts: dict[str, Any] = {
        "found_python": f"{python}.1", "found_torch": torch, "operators": 10, "opchecks": 10, "passed": 63,
    }  # fmt: skip
    return Cell(python=python, torch=torch, verdict=verdict, **(facts if verdict == Verdict.PASSED else {}) | changes)


def table(*cells: Cell) -> Compat:
    return Compat(wheel="a.whl", sha256="a" * 64, lane="cu130-all-x86_64", version="0.1.0+cu130", cells=cells)


@pytest.mark.parametrize(
    "changes", [{"passed": 0}, {"opchecks": 0}, {"operators": 0}, {"failed": ("a",)}, {"found_torch": None}], ids=str
)
def test_a_cell_without_proof_cannot_be_written_as_passed(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="a cell passes with"):
        cell("3.12", "2.10.0", **changes)


def test_a_cell_that_did_not_pass_must_say_why() -> None:
    with pytest.raises(ValidationError, match="says why"):
        cell("3.12", "2.10.0", Verdict.NOT_TESTED)


@pytest.mark.parametrize(
    ("cells", "holds"),
    [
        ((), False),
        ((cell("3.12", "2.10.0"),), True),
        ((cell("3.12", "2.10.0"), cell("3.14", "2.10.0", Verdict.NOT_TESTED, why="no interpreter")), True),
        ((cell("3.12", "2.10.0"), cell("3.14", "2.11.0", Verdict.NOT_TESTED, why="no interpreter")), False),
        ((cell("3.12", "2.10.0"), cell("3.14", "2.10.0", Verdict.NOT_REACHED, why="stopped")), False),
        ((cell("3.12", "2.10.0"), cell("3.14", "2.10.0", Verdict.FAILED, why="a test failed")), False),
        ((cell("3.12", "2.10.0"), cell("3.14", "2.10.0", Verdict.NOT_TESTED, why="no interpreter",
                                       stand_in=StandIn(torch="2.10.0", needed=1, missing=("a",)))), False),
    ],
    ids=["empty", "passed", "a Python not tested", "a torch not tested", "not reached", "failed", "a symbol missing"],
)  # fmt: skip
def test_a_table_holds_where_nothing_failed_and_every_torch_passed(cells: tuple[Cell, ...], holds: bool) -> None:
    assert table(*cells).holds is holds


def test_all_wheels_that_fail_are_told_at_once() -> None:
    bad = cell("3.12", "2.11.0", Verdict.FAILED, why="2 tests failed, pytest ended with 1", failed=("test_a", "test_b"))
    tables = [table(cell("3.12", "2.10.0")), table(bad), table(cell("3.12", "2.10.0"), bad)]
    with pytest.raises(CompatError) as caught:
        require_tables(tables)
    assert caught.value.what.startswith("2 of 3 wheels")
    assert (
        caught.value.why.count("Python 3.12, torch 2.11.0: 2 tests failed, pytest ended with 1 (test_a, test_b)") == 2
    )
    require_tables(tables[:1])


def test_the_table_shows_what_was_not_tested_and_nothing_for_what_was_not_planned() -> None:
    unknown = cell("3.14", "2.11.0", Verdict.NOT_TESTED, why="no interpreter")
    cuda = cell("3.9", "2.10.0", found_torch="2.10.0+cu128", skipped={"this torch has CUDA": 2})
    lines = render_table(table(cuda, cell("3.12", "2.11.0"), unknown)).splitlines()
    assert lines[0] == f"`a.whl`, sha256 `{'a' * 64}`:"
    assert lines[2:6] == [
        "| torch | Python 3.9 | Python 3.12 | Python 3.14 |",
        "| --- | --- | --- | --- |",
        "| 2.10.0 (cu128) | 63 passed |  |  |",
        "| 2.11.0 |  | 63 passed | not tested |",
    ]
    assert "2 skipped in 1 cells: this torch has CUDA." in lines
    assert lines[-1] == "Python 3.14, torch 2.11.0: not tested, no interpreter."


def test_an_accepted_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    made = table(cell("3.12", "2.10.0"))
    path = write_accepted_table(tmp_path / "compat", made)
    assert path == tmp_path / "compat" / "cu130-all-x86_64.json"
    assert read_accepted_table(tmp_path / "compat", made.lane) == made
    assert read_accepted_table(tmp_path / "compat", "another") is None
    path.write_text(path.read_text("utf-8").replace('"passed": 63', '"passed": 0'), "utf-8")
    with pytest.raises(CompatError, match=r"is no table of compatibility[\s\S]*nox -s compat -- --accept WHEEL"):
        read_accepted_table(tmp_path / "compat", made.lane)


@pytest.fixture
def commands(tmp_path: Path, matrix: Matrix, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Put the command in a folder; return the list of wheels that it tries, of which the second fails."""
    tried: list[Path] = []

    def prove(wheel: Path, *_: Any, **__: Any) -> Compat:
        tried.append(wheel)
        bad = cell("3.12", "2.10.0", Verdict.FAILED, why="a test failed")
        return table(cell("3.12", "2.10.0") if len(tried) == 1 else bad)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WHEELWORKS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(command, "read_matrix", lambda: matrix)
    monkeypatch.setattr(command, "read_policy", policy_of)
    monkeypatch.setattr(command, "prove_wheel", prove)
    return tried


def test_a_dry_run_prints_the_cells_and_tries_none(
    commands: list[Path], maker: WheelMaker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command.compat([maker.make(tmp_path)], python="3.12", dry_run=True)
    out = capsys.readouterr().out
    assert "Python 3.14, torch 2.13.0\n" in out
    assert "10 cells for each wheel" in out
    assert commands == []


def test_wheels_of_jit_lanes_are_left_out_and_a_good_table_is_accepted(
    commands: list[Path], maker: WheelMaker, matrix: Matrix, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = maker.make(tmp_path)
    maker.files["warpwright/_build.json"] = build_record(matrix, lane="cu130-jit80-x86_64")
    command.compat([good, maker.make(tmp_path / "jit")], python="3.12", accept=True)
    assert commands == [good]
    assert "is of a test-only lane: left out" in capsys.readouterr().out
    assert (tmp_path / "compat" / "cu130-all-x86_64.json").exists()


@pytest.mark.usefixtures("commands")
def test_the_printed_table_fits_a_pipe(
    maker: WheelMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    full = cell("3.12", "2.15.0", found_python="3.12.16", found_torch="2.15.0+cu132", passed=143, skipped={"a": 1})
    unknown = cell("3.14", "2.15.0", Verdict.NOT_TESTED, why="no interpreter")
    monkeypatch.setattr(command, "prove_wheel", lambda *_, **__: table(full, unknown))
    command.compat([maker.make(tmp_path)], python="3.12")
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["3.12.16", "2.15.0+cu132", "passed", "10", "10", "143", "0", "1", "0"] in lines
    assert ["3.14", "2.15.0", "not", "tested", "0", "0", "0", "0", "0", "0"] in lines
    assert ["Python", "3.14,", "torch", "2.15.0:", "not", "tested,", "no", "interpreter."] in lines


def test_nothing_is_accepted_where_a_wheel_fails(commands: list[Path], maker: WheelMaker, tmp_path: Path) -> None:
    wheel = maker.make(tmp_path)
    with pytest.raises(CompatError, match="1 of 2 wheels do not run everywhere"):
        command.compat([wheel, wheel], python="3.12", accept=True)
    assert len(commands) == 2
    assert not (tmp_path / "compat").exists()
