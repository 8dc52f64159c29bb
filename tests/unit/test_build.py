"""A build is decided before anything is touched, and its commands read the same in every checkout."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from packaging.version import Version

from doubles import FakeRunner
from wheelworks.build import BuildPlan, parallel_jobs, plan_build, run_build
from wheelworks.ccache import Ccache, count, find_ccache
from wheelworks.errors import BuildError, HostCompilerError
from wheelworks.host_compiler import HostCompiler, find_host_compiler
from wheelworks.lanes import choose_lane
from wheelworks.matrix import Matrix
from wheelworks.process import run
from wheelworks.progress import Step, read_step
from wheelworks.sources import Sources
from wheelworks.toolchain import Toolchain


def plan_at(project: Path, cache: Path, matrix: Matrix, *, ccache: bool = True, machine: str = "x86_64") -> BuildPlan:
    return plan_build(
        choose_lane(matrix, None),
        Toolchain(cache / "toolchains" / "abc", "abc"),
        Sources({"cutlass": cache / "sources" / "cutlass"}, {"cutlass": "0" * 40}),
        HostCompiler(Path("/usr/bin/g++"), "12"),
        project=project,
        ccache=Ccache(Path("/usr/bin/ccache"), Version("4.7")) if ccache else None,
        build_type="Release",
        backend="scikit-build-core==1.1.2",
        environment={"PATH": "/usr/bin"},
        machine=machine,
    )


def test_the_command_does_not_name_the_cache(tmp_path: Path, matrix: Matrix) -> None:
    plan = plan_at(tmp_path / "project", tmp_path / "cache", matrix)
    assert not [word for word in plan.command if str(tmp_path / "cache") in word]
    assert not (tmp_path / "project").exists()


def test_two_checkouts_differ_in_the_projects_path_alone(tmp_path: Path, matrix: Matrix) -> None:
    one = plan_at(tmp_path / "one", tmp_path / "cache", matrix)
    two = plan_at(tmp_path / "two" / "deeper", tmp_path / "other-cache", matrix)
    moved = tuple(word.replace(str(tmp_path / "two" / "deeper"), str(tmp_path / "one")) for word in two.command)
    assert moved == one.command


def test_the_label_of_the_lane_is_set_before_the_build(tmp_path: Path, matrix: Matrix) -> None:
    assert plan_at(tmp_path, tmp_path, matrix).environment["WARPWRIGHT_VERSION_LABEL"] == "cu130"


def test_without_ccache_the_launchers_of_an_earlier_build_are_cleared(tmp_path: Path, matrix: Matrix) -> None:
    plan = plan_at(tmp_path, tmp_path, matrix, ccache=False)
    assert "cmake.define.CMAKE_CUDA_COMPILER_LAUNCHER=" in plan.command
    assert "CCACHE_BASEDIR" not in plan.environment


def test_another_architecture_is_told_to_cmake_nvcc_and_the_backend(tmp_path: Path, matrix: Matrix) -> None:
    plan = plan_at(tmp_path, tmp_path, matrix, machine="aarch64")
    assert plan.defines["CMAKE_SYSTEM_PROCESSOR"] == "x86_64"
    assert plan.defines["CMAKE_CUDA_FLAGS"] == "--target-directory=x86_64-linux"
    assert plan.environment["_PYTHON_HOST_PLATFORM"] == "linux-x86_64"
    assert "CMAKE_SYSTEM_NAME" not in plan_at(tmp_path, tmp_path, matrix).defines


def test_a_cross_compiler_that_is_not_there_is_named_with_its_package() -> None:
    with pytest.raises(HostCompilerError, match="there is no C\\+\\+ compiler for aarch64") as caught:
        find_host_compiler({"PATH": "/nowhere"}, run, across="aarch64")
    assert "g++-aarch64-linux-gnu" in caught.value.fix


def test_a_failed_configuration_tells_cmakes_error(tmp_path: Path, matrix: Matrix) -> None:
    output = "-- x\nCMake Error at CMakeLists.txt:3 (find_package):\n  none\nerror: Failed to build\n"
    with pytest.raises(BuildError, match="why: CMake Error at CMakeLists.txt:3"):
        run_build(plan_at(tmp_path, tmp_path, matrix), run=FakeRunner(lambda _: (1, output)))


def test_a_failed_build_tells_the_first_error(tmp_path: Path, matrix: Matrix) -> None:
    output = "[1/2] Building\nFAILED: a.o\na.cu(3): error: no such thing\n" + "noise\n" * 50
    with pytest.raises(BuildError, match="no such thing"):
        run_build(plan_at(tmp_path, tmp_path, matrix), run=FakeRunner(lambda _: (1, output)))


def test_a_build_that_fails_on_a_full_disk_says_so_first(
    tmp_path: Path, matrix: Matrix, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=4096))
    with pytest.raises(BuildError, match="why: No space left on device: 4 KiB are free in") as caught:
        run_build(plan_at(tmp_path, tmp_path, matrix), run=FakeRunner(lambda _: (1, "a.cu: error: no such thing\n")))
    assert "make room there" in caught.value.fix
    assert "no such thing" in caught.value.why


def test_a_build_without_a_wheel_is_an_error(tmp_path: Path, matrix: Matrix) -> None:
    with pytest.raises(BuildError, match="did not make one wheel"):
        run_build(plan_at(tmp_path, tmp_path, matrix), run=FakeRunner())


def test_as_many_compilers_run_as_memory_holds() -> None:
    assert parallel_jobs({}) >= 1
    assert parallel_jobs({"CMAKE_BUILD_PARALLEL_LEVEL": "7"}) == 7


def test_a_missing_host_compiler_is_one_sentence_with_the_package() -> None:
    with pytest.raises(HostCompilerError, match="there is no C\\+\\+ compiler") as caught:
        find_host_compiler({"PATH": "/nowhere"}, run)
    assert "apt-get install g++" in caught.value.fix


def test_a_compiler_without_cpp17_is_refused(tmp_path: Path) -> None:
    (tmp_path / "g++").write_text("#!/bin/sh\necho 'unrecognized option -std=c++17'; exit 1\n", encoding="utf-8")
    (tmp_path / "g++").chmod(0o755)
    with pytest.raises(HostCompilerError, match="does not take C\\+\\+17"):
        find_host_compiler({"PATH": str(tmp_path)}, run)


def test_the_machines_compiler_is_found() -> None:
    import os

    assert find_host_compiler(os.environ, run).path.is_absolute()


@pytest.mark.parametrize(("printed", "used"), [("4.7.5", True), ("4.11", True), ("4.6.1", False), ("nonsense", False)])
def test_ccache_is_used_from_4_7_on(tmp_path: Path, printed: str, used: bool) -> None:
    (tmp_path / "ccache").touch(mode=0o755)
    runner = FakeRunner(lambda _: (0, f"ccache version {printed}\n"))
    assert (find_ccache({"PATH": str(tmp_path)}, runner) is not None) is used


def test_hits_and_misses_are_counted_from_the_builds_own_log(tmp_path: Path) -> None:
    log = tmp_path / "ccache.log"
    log.write_text("# a.cu\ndirect_cache_hit\n# b.cu\ncache_miss\n# c.cu\npreprocessed_cache_hit\n", encoding="utf-8")
    assert str(count(log)) == "ccache: 2 hits, 1 misses (66% hits)"
    assert str(count(tmp_path / "none")) == "ccache: 0 hits, 0 misses"


def test_ninjas_lines_are_read_as_progress() -> None:
    line = "[3/12] Building CUDA object CMakeFiles/unit.dir/csrc/gemm/int8_scaled_mm_sm80.cu.o"
    assert read_step(line) == Step(3, 12, "int8_scaled_mm_sm80.cu")
    assert read_step("-- Configuring done") is None
