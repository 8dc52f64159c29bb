"""Every variable that the toolchain's own programs document or ask for is in the table of variables."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from workshop import Workshop

from listener import FIX, Listener, output_of, unknown_to, write_sources


@pytest.fixture
def listener(tmp_path: Path) -> Listener:
    return Listener(tmp_path)


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    return write_sources(tmp_path / "sources")


def test_every_variable_of_cmakes_manual_is_known(workshop: Workshop) -> None:
    manual = output_of(workshop.toolchain.tools / "cmake", "--help-manual", "cmake-env-variables")
    headings = re.findall(r"^(\S*[A-Z]\S*)\n-+$", manual, re.MULTILINE)
    assert len(headings) > 60
    ours = [name for heading in headings if "<PackageName>" not in heading for name in expanded(heading)]
    assert unknown_to("cmake", ours) == [], FIX


def expanded(heading: str) -> list[str]:
    """Return the names that a heading such as CMAKE_<LANG>_COMPILER_LAUNCHER stands for in this project."""
    if "<LANG>" in heading:
        return [heading.replace("<LANG>", language) for language in ("C", "CXX", "CUDA")]
    return [heading.replace("<DIALECT>", dialect) for dialect in ("", "_NASM")] if "<DIALECT>" in heading else [heading]


def test_every_variable_that_nvccs_profile_adds_to_is_known(workshop: Workshop) -> None:
    """`PTXAS_FLAGS +=` there begins with what the environment has."""
    profile = workshop.toolchain.cuda / "bin" / "nvcc.profile"
    names = re.findall(r"^\s*(\w+)\s*(?:\+=|=\+|\?=|=)", profile.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(names) > 5
    assert unknown_to("nvcc", names) == [], FIX


def test_what_cmake_ninja_and_gcc_ask_for_is_known(listener: Listener, workshop: Workshop, sources: Path) -> None:
    cmake, ninja = (workshop.toolchain.tools / name for name in ("cmake", "ninja"))
    configure = (cmake, "-S", ".", "-B", "build", "-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}")
    steps = [configure, (cmake, "--build", "build"), (cmake, "--install", "build", "--prefix", "installed")]
    assert [listener.unknown(*step, cwd=sources) for step in steps] == [[], [], []], FIX


def test_what_nvcc_and_its_parts_ask_for_is_known(listener: Listener, workshop: Workshop, sources: Path) -> None:
    nvcc = workshop.toolchain.cuda / "bin" / "nvcc"
    assert listener.unknown(nvcc, "-arch=sm_80", "-c", "unit.cu", cwd=sources) == [], FIX
