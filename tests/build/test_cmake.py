"""The project's CMake functions: what they let pass, and what they must refuse with which words."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from workshop import PROJECT, Workshop, compile_commands, definition

MODULES = PROJECT / "csrc" / "cmake"


def run_script(workshop: Workshop, tmp_path: Path, module: str, text: str) -> tuple[int, str]:
    """Run a CMake script that has included one module; give its status and its output on one line."""
    script = tmp_path / "script.cmake"
    script.write_text(
        f'cmake_minimum_required(VERSION 3.26)\nlist(APPEND CMAKE_MODULE_PATH "{MODULES}")\ninclude({module})\n{text}\n',
        encoding="utf-8",
    )
    done = workshop.cmake("-P", script)
    return done.returncode, " ".join(done.output.split())


@pytest.mark.parametrize(
    ("sm_set", "stored"),
    [("75;80;86;89;90a", "75;80;86;89;90a"), ("90a;80", "80;90a"), ("80-ptx", "80-ptx"), ("120;90a", "90a;120")],
)
def test_an_sm_set_is_read_and_sorted(workshop: Workshop, tmp_path: Path, sm_set: str, stored: str) -> None:
    text = f'warpwright_read_sm_set("{sm_set}" out)\nmessage(STATUS "<${{out}}>")'
    assert run_script(workshop, tmp_path, "warpwright_read_sm_set", text) == (0, f"-- <{stored}>")


@pytest.mark.parametrize(
    ("sm_set", "message"),
    [
        ("", "WARPWRIGHT_SM_SET is empty"),
        ("sm_80", "has 'sm_80', which is no SM"),
        ("80;80", "names 80 twice"),
    ],
)
def test_a_wrong_sm_set_is_refused(workshop: Workshop, tmp_path: Path, sm_set: str, message: str) -> None:
    status, output = run_script(workshop, tmp_path, "warpwright_read_sm_set", f'warpwright_read_sm_set("{sm_set}" out)')
    assert status != 0
    assert message in output


@pytest.mark.parametrize(
    ("served", "sm_set", "chosen"),
    [
        pytest.param("80;86;89", "75;80;86;89;90a", "80", id="sm_80-code-serves-86-and-89"),
        pytest.param("80;86;89", "89", "89", id="a-thin-set-gets-its-own-code"),
        pytest.param("75;80;86;89;90a", "75;80;86;89;90a", "75;80;90a", id="one-code-for-each-major-version"),
        pytest.param("90a", "75;80", "", id="a-unit-that-serves-none-is-left-out"),
        pytest.param("80;86;89", "80-ptx", "80-ptx", id="ptx-alone"),
        pytest.param("89", "75;80;86;89;90a", "89", id="an-sm-of-its-own"),
    ],
)
def test_a_unit_is_compiled_for_the_sms_that_need_it(
    workshop: Workshop, tmp_path: Path, served: str, sm_set: str, chosen: str
) -> None:
    text = f'warpwright_choose_architectures("{served}" "{sm_set}" out)\nmessage(STATUS "<${{out}}>")'
    assert run_script(workshop, tmp_path, "warpwright_choose_architectures", text) == (0, f"-- <{chosen}>")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("warpwright_add_kernel(rmsnorm elementwise/rmsnorm.cu)", "no SM named"),
        ("warpwright_add_kernel(rmsnorm elementwise/none.cu 80)", "there is no csrc/elementwise/none.cu"),
        ("warpwright_add_kernel(rmsnorm elementwise/rmsnorm.cu 80 ALSO)", "nothing stands behind ALSO"),
        ("warpwright_add_kernel(rmsnorm elementwise/rmsnorm.cu 80 USES ALSO mul)", "nothing stands behind USES"),
        ("warpwright_add_kernel(rmsnorm elementwise/rmsnorm.cu 80 ALSO mul 90a)", "'90a' behind ALSO is no operator"),
        ("warpwright_add_kernel(rmsnorm elementwise/rmsnorm.cu 80 ALSO mul_sm80)", "'mul_sm80' behind ALSO is no"),
        ("warpwright_add_kernel(rmsnorm elementwise/rmsnorm.cu 80 USES cutlas)", "USES names cutlas, which is no depend"),
        (
            "warpwright_add_kernel(rmsnorm elementwise/rmsnorm.cu 75 80 ALSO mul rmsnorm)",
            "warpwright_add_kernel(rmsnorm): rmsnorm is named twice for SM 75, rmsnorm serves it already; an operator "
            "has one launch function for each SM, take it from one of the rows",
        ),
    ],
)
def test_a_wrong_unit_is_refused(workshop: Workshop, tmp_path: Path, call: str, message: str) -> None:
    status, output = run_script(workshop, tmp_path, "warpwright_add_kernel", call)
    assert status != 0
    assert message in output


def write_paths(workshop: Workshop, tmp_path: Path, **units: list[str]) -> Path:
    """Write the path tables of units, as warpwright_add_kernel has noted them: launch function and architectures."""
    lines = []
    for launch, architectures in units.items():
        operator = re.sub(r"_sm\d+a?$", "", launch)
        lines.append(f"set_property(GLOBAL APPEND PROPERTY warpwright_operators {operator})")
        lines.append(f"set_property(GLOBAL APPEND PROPERTY warpwright_paths_{operator} {' '.join(architectures)})")
        lines += [f"set_property(GLOBAL PROPERTY warpwright_launch_{operator}_{sm} {launch})" for sm in architectures]
    text = "\n".join([*lines, f'warpwright_write_paths("{tmp_path}")'])
    assert run_script(workshop, tmp_path, "warpwright_write_paths", text) == (0, "")
    return tmp_path / "warpwright" / "paths"


def test_an_operators_paths_are_the_rows_of_its_units(workshop: Workshop, tmp_path: Path) -> None:
    paths = write_paths(workshop, tmp_path, mm_sm90a=["90a"], mm_sm80=["80", "89-ptx"], norm=[])
    assert definition(paths / "mm.h") == (
        "WARPWRIGHT_PATHS_mm {80, ::warpwright::Code::kSass, &::warpwright::mm_sm80}, "
        "{89, ::warpwright::Code::kPtx, &::warpwright::mm_sm80}, "
        "{90, ::warpwright::Code::kSassSpecific, &::warpwright::mm_sm90a}, {}"
    )
    assert definition(paths / "norm.h") == "WARPWRIGHT_PATHS_norm {}"
    assert definition(paths / "all.h") == 'WARPWRIGHT_ALL_PATHS "mm: 80 89-ptx 90a; " "norm: ; "'


def test_a_new_operator_writes_no_other_operators_paths_anew(workshop: Workshop, tmp_path: Path) -> None:
    before = write_paths(workshop, tmp_path, norm=["80"]) / "norm.h"
    os.utime(before, ns=(0, 0))
    paths = write_paths(workshop, tmp_path, norm=["80"], gate=["80"])
    assert {path.name for path in paths.iterdir()} == {"all.h", "gate.h", "norm.h"}
    assert before.stat().st_mtime_ns == 0
    assert "gate: 80" in definition(paths / "all.h")


@pytest.mark.parametrize(
    ("call", "message"),
    [('warpwright_write_paths("")', "no directory"), ('warpwright_write_paths("generated")', "no operator")],
)
def test_paths_of_nothing_are_refused(workshop: Workshop, tmp_path: Path, call: str, message: str) -> None:
    status, output = run_script(workshop, tmp_path, "warpwright_write_paths", call)
    assert status != 0
    assert message in output


def test_paths_can_be_hidden_in_a_target_alone(workshop: Workshop, tmp_path: Path) -> None:
    status, output = run_script(workshop, tmp_path, "warpwright_hide_paths", "warpwright_hide_paths(nothing)")
    assert status != 0
    assert "warpwright_hide_paths: 'nothing' is no target" in output


def test_a_torch_folder_without_the_stable_abi_is_refused(workshop: Workshop, tmp_path: Path) -> None:
    done = workshop.configure(tmp_path / "build", WARPWRIGHT_TORCH_DIR=str(tmp_path))
    assert not done.ok
    assert "which has no include/torch/csrc/stable/library.h" in " ".join(done.output.split())


def test_a_dependency_without_a_commit_is_refused(workshop: Workshop, tmp_path: Path) -> None:
    done = workshop.configure(
        tmp_path / "build", WARPWRIGHT_CUTLASS_COMMIT="", FETCHCONTENT_SOURCE_DIR_CUTLASS=""
    )
    assert not done.ok
    assert "WARPWRIGHT_CUTLASS_COMMIT is ''" in " ".join(done.output.split())


def architectures(command: str) -> list[str]:
    return sorted(re.findall(r"code=\[?((?:sm|compute)_\w+)", command))


def test_every_unit_is_compiled_for_the_sms_that_use_it_and_no_other(workshop: Workshop, tmp_path: Path) -> None:
    commands = compile_commands(workshop, tmp_path / "build")
    assert architectures(commands["rmsnorm.cu"]) == ["sm_75", "sm_80", "sm_90a"]
    for name, command in commands.items():
        if own := re.search(r"_sm(\d+a?)(?:_\w+)?\.cu$", name):
            assert architectures(command) == [f"sm_{own[1]}"]


def test_every_unit_carries_its_name_into_the_device_code(workshop: Workshop, tmp_path: Path) -> None:
    for name, command in compile_commands(workshop, tmp_path / "build").items():
        assert re.search(rf"-Xfatbin=-ident={name.removesuffix('.cu')}(\+\w+)* ", command)


def test_a_jit_lane_holds_ptx_alone(workshop: Workshop, tmp_path: Path) -> None:
    commands = compile_commands(workshop, tmp_path / "build", WARPWRIGHT_SM_SET="80-ptx")
    assert {tuple(architectures(command)) for command in commands.values()} == {("compute_80",)}


def test_no_cuda_unit_sees_torch(workshop: Workshop, tmp_path: Path) -> None:
    for command in compile_commands(workshop, tmp_path / "build").values():
        assert "/torch/include" not in command


@pytest.mark.parametrize(
    ("build_type", "flag"), [("Debug", " -G "), ("RelWithDebInfo", " -lineinfo "), ("Release", None)]
)
def test_debug_information_is_a_build_type(
    workshop: Workshop, tmp_path: Path, build_type: str, flag: str | None
) -> None:
    for command in compile_commands(workshop, tmp_path / "build", CMAKE_BUILD_TYPE=build_type).values():
        assert [each for each in (" -G ", " -lineinfo ") if each in command] == ([flag] if flag else [])


def test_without_ccache_every_unit_names_its_files_from_the_build_folder(workshop: Workshop, tmp_path: Path) -> None:
    commands = compile_commands(workshop, tmp_path / "build", CMAKE_CUDA_COMPILER_LAUNCHER="")
    for command in commands.values():
        assert f"-Xcompiler=-ffile-prefix-map={tmp_path}=.." in command


def test_stubs_name_the_operators_where_callers_import_them_from(workshop: Workshop, tmp_path: Path) -> None:
    family = tmp_path / "package" / "gemm"
    family.mkdir(parents=True)
    (family / "__init__.py").write_text("from warpwright.gemm._shared import shared as shared\n", encoding="utf-8")
    (family / "mm.py").write_text('CONTRACT = Contract(\n    also_in=("moe", "top_k"),\n)\n', encoding="utf-8")
    (family / "_shared.py").write_text("def shared(): ...\n", encoding="utf-8")
    for other in ("moe", "top_k"):
        (tmp_path / "package" / other).mkdir()
        (tmp_path / "package" / other / "__init__.py").touch()
    text = f'warpwright_write_stubs("{tmp_path}/stubs" "{tmp_path}/package")'
    assert run_script(workshop, tmp_path, "warpwright_write_stubs", text) == (0, "")
    stubs = {path.parent.name: path.read_text(encoding="utf-8") for path in (tmp_path / "stubs").rglob("*.pyi")}
    line = "from warpwright.gemm.mm import mm as mm\n"
    assert stubs["gemm"] == f"{line}from warpwright.gemm._shared import shared as shared\n"
    assert stubs["moe"] == stubs["top_k"] == f"{line}\n"
    assert line in stubs["stubs"]


def test_stubs_of_no_package_are_refused(workshop: Workshop, tmp_path: Path) -> None:
    text = f'warpwright_write_stubs("{tmp_path}/stubs" "{tmp_path}/none")'
    status, output = run_script(workshop, tmp_path, "warpwright_write_stubs", text)
    assert status != 0
    assert "/none): there is no such package" in output
