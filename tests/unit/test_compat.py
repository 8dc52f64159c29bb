"""A cell of the table of compatibility is earned: what was not run is never shown as passed, what failed says why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from cell_machine import CASES, FAILURE, NO_INTERPRETER, OPCHECK, Machine
from wheel_maker import WheelMaker, build_record, compile_library
from wheelworks.compat import (
    Cell,
    Compat,
    Setting,
    Slot,
    Verdict,
    plan_slots,
    prove_wheel,
    try_cell,
)
from wheelworks.compat.symbols import in_limited_api
from wheelworks.errors import CompatError, ProofError
from wheelworks.matrix import Matrix
from wheelworks.policy import Policy
from wheelworks.proof import proof_path, read_proof

SLOT = Slot(Version("3.12"), Version("2.10.0"))
SLOTS = (SLOT, Slot(Version("3.14"), Version("2.11.0")), Slot(Version("3.12"), Version("2.11.0")))


@pytest.fixture
def wheel(maker: WheelMaker, tmp_path: Path) -> Path:
    return maker.make(tmp_path / "dist")


@pytest.fixture
def setting(policy: Policy, tmp_path: Path) -> Setting:
    (tmp_path / "scratch").mkdir()
    operators = frozenset(policy.operators)
    return Setting(
        tmp_path, "0.1.0+cu130", operators, tmp_path / "scratch", 100.0, Machine(sorted(operators)), lambda: 0.0
    )


def staged(setting: Setting, **say: Any) -> Setting:
    return replace(setting, run=Machine(sorted(setting.operators), **say))


def test_every_torch_is_on_one_python_and_every_python_on_one_torch(matrix: Matrix) -> None:
    slots = plan_slots(matrix, python=Version("3.12"))
    assert {slot.torch for slot in slots if slot.python == Version("3.12")} == set(matrix.torch.tested)
    assert {slot.python for slot in slots if slot.torch == matrix.torch.headers} == set(matrix.python.tested)
    assert len(slots) == len(set(slots)) == len(matrix.torch.tested) + len(matrix.python.tested) - 1
    assert [slot.torch for slot in slots] == sorted(slot.torch for slot in slots)


def test_all_is_every_pair(matrix: Matrix) -> None:
    slots = plan_slots(matrix, python=Version("3.12"), whole=True)
    assert len(set(slots)) == len(matrix.torch.tested) * len(matrix.python.tested)


def test_a_python_that_is_not_tested_is_refused(matrix: Matrix) -> None:
    with pytest.raises(CompatError, match=r"Python 3.9 cannot be[\s\S]*3.10, 3.11[\s\S]*--python"):
        plan_slots(matrix, python=Version("3.9"))


def test_a_wheel_that_does_all_passes_with_what_was_found(wheel: Path, setting: Setting) -> None:
    found = try_cell(wheel, SLOT, setting)
    assert (found.verdict, found.found_python, found.found_torch) == (Verdict.PASSED, "3.12.1", "2.10.0+cu128")
    assert (found.operators, found.opchecks, found.passed, found.failed) == (len(setting.operators), 1, 2, ())
    assert list(setting.scratch.iterdir()) == []


def test_the_wheel_is_installed_beside_the_very_torch(wheel: Path, setting: Setting) -> None:
    machine = staged(setting)
    try_cell(wheel, SLOT, machine)
    assert isinstance(machine.run, Machine)
    venv, torch, both, probe, suite = machine.run.commands
    assert venv[-2] == "3.12"
    assert "torch==2.10.0" in torch
    assert {str(wheel), "torch==2.10.0"} <= set(both)
    assert probe[0] == suite[0] == venv[-1] + "/bin/python"
    assert all(call["cwd"].name == "empty" for call in machine.run.calls)


@pytest.mark.parametrize(
    ("say", "verdict", "why"),
    [
        ({"venv": NO_INTERPRETER}, Verdict.NOT_TESTED, "Python 3.12 was neither found nor installed: dns error"),
        ({"torch": (1, "no wheel\n")}, Verdict.NOT_TESTED, "torch 2.10.0 was not installed on Python 3.12: no w"),
        ({"wheel": (1, "no matching tag")}, Verdict.FAILED, "the wheel was not installed: no matching tag"),
        ({"import": (1, "Traceback\nImportError: a")}, Verdict.FAILED, "the wheel was not imported: ImportError: a"),
        ({"probe": {"operators": ["rmsnorm"]}}, Verdict.FAILED, "not registered: apply_llama31_rope, "),
        ({"probe": {"torch": "2.11.0"}}, Verdict.FAILED, "found warpwright 0.1.0+cu130 and torch 2.11.0, expected"),
        ({"probe": {"torch": "2.10.01"}}, Verdict.FAILED, "expected 0.1.0+cu130 and 2.10.0"),
        ({"probe": {"version": "9"}}, Verdict.FAILED, "found warpwright 9 and"),
        ({"cases": OPCHECK + FAILURE, "suite": (1, "")}, Verdict.FAILED, "1 tests failed, pytest ended with 1"),
        ({"suite": (3, "")}, Verdict.FAILED, "0 tests failed, pytest ended with 3"),
        ({"cases": None, "suite": (-11, "")}, Verdict.FAILED, "the suite ended without a result: ended with -11"),
        ({"cases": None, "suite": (124, "stopped after 9 s")}, Verdict.FAILED, "without a result: stopped after 9 s"),
        ({"cases": CASES.format(name="test_a")}, Verdict.FAILED, "no operator was put through opcheck"),
    ],
    ids=["no interpreter", "no torch", "not installable", "no import", "not registered", "another torch",
         "a longer version", "another wheel", "a failure", "an error", "a crash", "a hang", "no opcheck"],
)  # fmt: skip
def test_a_cell_that_is_not_earned_says_why(
    say: dict[str, Any], verdict: Verdict, why: str, wheel: Path, setting: Setting
) -> None:
    found = try_cell(wheel, SLOT, staged(setting, **say))
    assert found.verdict == verdict
    assert why in found.why
    assert "://" not in found.why
    assert list(setting.scratch.iterdir()) == []


def test_a_reason_names_no_address(wheel: Path, setting: Setting) -> None:
    said = "error: a\n  cause: cannot send a request for url (https://a.example/b?c)\n"
    found = try_cell(wheel, SLOT, staged(setting, torch=(2, said)))
    assert found.why.endswith("on Python 3.12: cannot send a request for url")


def test_a_symbol_that_is_missing_is_named_without_the_folder(wheel: Path, setting: Setting) -> None:
    def said(words: tuple[str, ...]) -> tuple[int, str]:
        library = Path(words[0]).parents[1] / "a.so"
        return 1, f"OSError: {library}: undefined symbol: torch_a\n\nImportError: cannot load {library}\n"

    found = try_cell(wheel, SLOT, staged(setting, **{"import": said}))
    assert found.why == "the wheel was not imported: OSError: venv/a.so: undefined symbol: torch_a"


def test_the_commands_of_a_cell_share_its_time(wheel: Path, setting: Setting) -> None:
    ticks = iter(range(0, 1000, 30))
    machine = replace(staged(setting), clock=lambda: float(next(ticks)))
    try_cell(wheel, SLOT, machine)
    assert isinstance(machine.run, Machine)
    assert [call["timeout"] for call in machine.run.calls] == [70.0, 40.0, 10.0, 1.0, 1.0]


def libraries(*names: str, folder: Path) -> Callable[[tuple[str, ...]], tuple[int, str]]:
    """Answer the fetch of a torch with libraries, one of which exports functions of these names."""

    def answer(words: tuple[str, ...]) -> tuple[int, str]:
        lib = Path(words[words.index("--target") + 1]) / "torch" / "lib"
        lib.mkdir(parents=True)
        source = "\n".join(f"void {name}(void) {{}}" for name in names)
        (folder / "libraries").mkdir(exist_ok=True)
        for name, text in {"libtorch_cpu.so": source, "libtorch.so": "", "libc10.so": ""}.items():
            (lib / name).write_bytes(compile_library(folder / "libraries" / f"a_{name}", text))
        return 0, ""

    return answer


def prove(wheel: Path, policy: Policy, setting: Setting, **options: Any) -> Compat:
    return prove_wheel(wheel, SLOTS, policy, setting, **options)


def no_314(words: tuple[str, ...]) -> tuple[int, str]:
    return NO_INTERPRETER if "3.14" in words else (0, "")


@pytest.mark.parametrize(
    ("exports", "missing", "holds"),
    [(("torch_call_dispatcher",), (), True), (("other",), ("torch_call_dispatcher",), False)],
    ids=["all there", "one missing"],
)
def test_symbols_stand_in_for_a_cell_that_was_not_tested(
    exports: tuple[str, ...], missing: tuple[str, ...], holds: bool, wheel: Path, policy: Policy, setting: Setting,
    tmp_path: Path,
) -> None:  # fmt: skip
    made = prove(wheel, policy, staged(setting, venv=no_314, fetch=libraries(*exports, folder=tmp_path)))
    assert [cell.verdict for cell in made.cells] == [Verdict.PASSED, Verdict.NOT_TESTED, Verdict.PASSED]
    assert [cell.stand_in is not None for cell in made.cells] == [False, True, False]
    stand_in = made.cells[1].stand_in
    assert stand_in is not None
    assert (stand_in.torch, stand_in.missing) == ("2.11.0", missing)
    assert made.holds is holds
    assert made.summary.endswith("; not tested: Python 3.14, torch 2.11.0")


def test_a_torch_is_fetched_once(wheel: Path, policy: Policy, setting: Setting, tmp_path: Path) -> None:
    machine = staged(setting, venv=NO_INTERPRETER, fetch=libraries("torch_call_dispatcher", folder=tmp_path))
    prove(wheel, policy, machine)
    assert isinstance(machine.run, Machine)
    fetched = [words[-1] for words in machine.run.commands if "--target" in words]
    assert fetched == ["torch==2.10.0", "torch==2.11.0"]


def test_a_torch_that_cannot_be_fetched_leaves_the_cell_untested(wheel: Path, policy: Policy, setting: Setting) -> None:
    made = prove(wheel, policy, staged(setting, venv=no_314, fetch=(1, "")))
    assert made.cells[1].verdict == Verdict.NOT_TESTED
    assert made.cells[1].stand_in is None


def test_the_limited_api_grows_with_python() -> None:
    assert in_limited_api("PyModuleDef_Init", Version("3.10"))
    assert not in_limited_api("PyDict_GetItemRef", Version("3.10"))
    assert not in_limited_api("torch_call_dispatcher", Version("3.10"))


def test_the_table_is_the_wheels_proof_after_every_cell(wheel: Path, policy: Policy, setting: Setting) -> None:
    kept = []
    made = prove(wheel, policy, setting, on_cell=lambda _: kept.append(proof_path(wheel, Compat.KIND).exists()))
    assert kept == [False, True, True]
    assert read_proof(wheel, Compat) == made
    assert (made.lane, made.version, len(made.cells)) == ("cu130-all-x86_64", "0.1.0+cu130", 3)


def test_a_table_that_was_cut_off_does_not_hold_and_is_resumed(wheel: Path, policy: Policy, setting: Setting) -> None:
    def stop(cell: Cell) -> None:
        if cell.torch == "2.11.0":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prove(wheel, policy, setting, on_cell=stop)
    first = read_proof(wheel, Compat)
    assert [cell.verdict for cell in first.cells] == [Verdict.PASSED, Verdict.NOT_REACHED, Verdict.NOT_REACHED]
    assert not first.holds
    tried: list[Cell] = []
    assert prove(wheel, policy, setting, resume=True, on_cell=tried.append).holds
    assert [cell.place for cell in tried] == ["Python 3.14, torch 2.11.0", "Python 3.12, torch 2.11.0"]


def test_cells_of_another_file_are_not_kept(wheel: Path, policy: Policy, setting: Setting) -> None:
    prove(wheel, policy, setting)
    text = proof_path(wheel, Compat.KIND).read_text("utf-8")
    proof_path(wheel, Compat.KIND).write_text(text.replace(read_proof(wheel, Compat).sha256, "0" * 64), "utf-8")
    with pytest.raises(ProofError, match="proves another wheel"):
        prove(wheel, policy, setting, resume=True)


def test_a_wheel_for_another_processor_is_not_tested_here(
    maker: WheelMaker, matrix: Matrix, policy: Policy, setting: Setting, tmp_path: Path
) -> None:
    record = build_record(matrix, lane="cu130-all-aarch64")
    wheel = replace(maker, files={**maker.files, "warpwright/_build.json": record}).make(tmp_path / "other")
    made = prove(wheel, policy, staged(setting, fetch=libraries("torch_call_dispatcher", folder=tmp_path)))
    assert {(cell.verdict, cell.why) for cell in made.cells} == {
        (Verdict.NOT_TESTED, "the wheel is for aarch64, and this machine is x86_64")
    }
    assert all(cell.stand_in is not None and cell.stand_in.missing == () for cell in made.cells)
    assert not made.holds, "symbols alone prove no torch"


def test_a_wheel_of_no_lane_is_refused(maker: WheelMaker, matrix: Matrix, policy: Policy, setting: Setting,
                                       tmp_path: Path) -> None:  # fmt: skip
    record = build_record(matrix, lane="cu99-all-x86_64")
    wheel = replace(maker, files={**maker.files, "warpwright/_build.json": record}).make(tmp_path / "other")
    with pytest.raises(CompatError, match=r"of no lane that has a table[\s\S]*cu99-all-x86_64"):
        prove(wheel, policy, setting)
