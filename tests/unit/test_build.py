"""A build is decided before anything is touched, and its commands read the same in every checkout."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from packaging.version import Version

from doubles import FakeRunner
from wheelworks import overlooked
from wheelworks.build import run_build
from wheelworks.build_log import first_error
from wheelworks.build_plan import BuildPlan, plan_build
from wheelworks.ccache import Ccache, count, find_ccache, read_place
from wheelworks.errors import BuildError, SettingError
from wheelworks.frontend import Frontend
from wheelworks.host_compiler import HostCompiler
from wheelworks.lanes import choose_lane
from wheelworks.matrix import Matrix
from wheelworks.process import Completed
from wheelworks.progress import Step, read_step
from wheelworks.sources import Sources
from wheelworks.toolchain import Toolchain

COMPILERS = "".join(f"{digit * 64}  bin/{name}\n" for digit, name in (("1", "nvcc"), ("2", "ptxas")))


def plan_at(
    project: Path,
    cache: Path,
    matrix: Matrix,
    *,
    ccache: bool = True,
    machine: str = "x86_64",
    developer: dict[str, str] | None = None,
) -> BuildPlan:
    return plan_build(
        choose_lane(matrix, None),
        Toolchain(cache / "toolchains" / "abc", "abc"),
        Sources({"cutlass": cache / "sources" / "cutlass"}, {"cutlass": "0" * 40}),
        HostCompiler(Path("/usr/bin/g++"), "12"),
        project=project,
        ccache=Ccache(Path("/usr/bin/ccache"), Version("4.7")) if ccache else None,
        build_type="Release",
        backend="scikit-build-core==1.1.2",
        environment={"PATH": "/usr/bin", "CXXFLAGS": "-march=native", "HOME": "/home/someone", "UV_INDEX": "x"},
        frontend=Frontend(Path("/store/bin/uv"), Path("/usr/bin/python3"), Path("/store")),
        machine=machine,
        developer=developer,
    )


def fails_with(output: str) -> FakeRunner:
    """Return a runner whose compilers can be looked at, and fail."""
    return FakeRunner(lambda command: (0, COMPILERS) if command[0] == "sh" else (1, output))


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


def test_a_compiler_sees_the_plans_variables_and_no_other(tmp_path: Path, matrix: Matrix) -> None:
    seen = {}

    def runner(command: tuple[str, ...], env: dict[str, str] | None = None, **_: object) -> Completed:
        seen[command[0]] = env
        return Completed(command, 0 if command[0] == "sh" else 1, COMPILERS)

    plan = plan_at(tmp_path, tmp_path, matrix)
    with pytest.raises(BuildError):
        run_build(plan, run=runner)  # type: ignore[arg-type]
    assert seen["/store/bin/uv"] == plan.environment
    assert not {"CXXFLAGS", "UV_INDEX"} & set(plan.environment)
    assert plan.environment["HOME"] == str(plan.folder)
    assert plan.environment["UV_OFFLINE"] == plan.environment["UV_NO_CONFIG"] == "1"


def test_a_build_is_the_same_in_every_home(tmp_path: Path, matrix: Matrix) -> None:
    plan = plan_at(tmp_path, tmp_path, matrix)
    assert not [value for value in plan.environment.values() if "/home/someone" in value]


def test_a_developers_define_reaches_cmake_and_is_told_apart(tmp_path: Path, matrix: Matrix) -> None:
    plan = plan_at(tmp_path, tmp_path, matrix, developer={"CMAKE_CUDA_FLAGS": "-lineinfo"})
    assert "cmake.define.CMAKE_CUDA_FLAGS=-lineinfo" in plan.command
    assert plan.developer == {"CMAKE_CUDA_FLAGS": "-lineinfo"}


def test_a_define_of_the_lane_is_not_overruled(tmp_path: Path, matrix: Matrix) -> None:
    with pytest.raises(SettingError, match="--define WARPWRIGHT_SM_SET is the lane's own"):
        plan_at(tmp_path, tmp_path, matrix, developer={"WARPWRIGHT_SM_SET": "80"})


@pytest.mark.parametrize("what", ["define", "compiler", "environment", "toolchain", "source put back", "fresh"])
def test_what_was_configured_for_something_else_is_made_anew(what: str, tmp_path: Path, matrix: Matrix) -> None:
    plan = plan_at(tmp_path, tmp_path, matrix)
    source = tmp_path / "csrc" / "a.cpp"
    source.parent.mkdir()
    source.touch()
    with pytest.raises(BuildError):
        run_build(plan, run=fails_with(""))
    (plan.cmake / "CMakeFiles").mkdir(parents=True)
    with pytest.raises(BuildError):
        run_build(plan, run=fails_with(""))
    assert (plan.cmake / "CMakeFiles").exists()
    runner = fails_with("")
    if what == "define":
        plan = plan_at(tmp_path, tmp_path, matrix, developer={"X": "1"})
    if what == "compiler":
        runner = FakeRunner(lambda command: (0, COMPILERS.replace("2", "3")) if command[0] == "sh" else (1, ""))
    if what == "toolchain":
        plan = replace(plan, links={**plan.links, "torch": tmp_path / "another"})
    if what == "source put back":
        os.utime(source, ns=(0, 10**18))
    if what == "environment":
        plan = replace(plan, environment={**plan.environment, "PATH": "/other"})
    with pytest.raises(BuildError):
        run_build(plan, run=runner, fresh=what == "fresh")
    assert not plan.cmake.exists()


def test_an_edited_source_is_left_to_ninja(tmp_path: Path) -> None:
    source, note = tmp_path / "csrc" / "a.cpp", tmp_path / "sources.json"
    source.parent.mkdir()
    source.write_text("1", encoding="utf-8")
    assert not overlooked.look(tmp_path, note)
    os.utime(source, ns=(0, time.time_ns() + 10**9))
    assert not overlooked.look(tmp_path, note)
    (source.parent / "b.cpp").touch()
    os.utime(source.parent / "b.cpp", ns=(0, 1))
    assert overlooked.look(tmp_path, note)
    assert not overlooked.look(tmp_path, note)


def test_the_caches_key_has_all_that_compiles(tmp_path: Path, matrix: Matrix) -> None:
    plan = plan_at(tmp_path, tmp_path, matrix)
    with pytest.raises(BuildError):
        run_build(plan, run=fails_with(""))
    key = Path(plan.environment["CCACHE_EXTRAFILES"])
    assert key.read_text(encoding="utf-8") == f"{'1' * 64}  nvcc\n{'2' * 64}  ptxas\n"


def test_compilers_that_cannot_be_looked_at_are_an_error(tmp_path: Path, matrix: Matrix) -> None:
    with pytest.raises(BuildError, match="no digest of .*nvcc: sh: not found"):
        run_build(plan_at(tmp_path, tmp_path, matrix), run=FakeRunner(lambda _: (127, "sh: not found")))


def test_a_failed_build_keeps_its_whole_output_and_names_the_file(tmp_path: Path, matrix: Matrix) -> None:
    plan = plan_at(tmp_path, tmp_path, matrix)
    with pytest.raises(BuildError) as caught:
        run_build(plan, run=fails_with("first\nerror: x\n"))
    assert str(plan.log) in caught.value.fix
    assert plan.log.read_text(encoding="utf-8") == "first\nerror: x\n"


def test_the_cause_that_stands_above_the_first_error_is_shown() -> None:
    output = "noise\n" * 99 + "Looking for a compiler\n/nope/g++: not found\n\nerror: failed\n" + "after\n" * 99
    shown = first_error(output)
    assert "/nope/g++: not found\n\nerror: failed\nafter" in shown
    assert len(shown.splitlines()) == 30


def test_an_output_that_names_no_error_is_shown_from_its_end() -> None:
    assert first_error("a\n" * 99 + "the end").endswith("a\nthe end")


def test_a_failed_configuration_tells_cmakes_error(tmp_path: Path, matrix: Matrix) -> None:
    output = "-- x\nCMake Error at CMakeLists.txt:3 (find_package):\n  none\nerror: Failed to build\n"
    with pytest.raises(BuildError, match="CMake Error at CMakeLists.txt:3"):
        run_build(plan_at(tmp_path, tmp_path, matrix), run=fails_with(output))


def test_a_failed_build_tells_the_first_error(tmp_path: Path, matrix: Matrix) -> None:
    output = "[1/2] Building\nFAILED: a.o\na.cu(3): error: no such thing\n" + "noise\n" * 50
    with pytest.raises(BuildError, match="no such thing"):
        run_build(plan_at(tmp_path, tmp_path, matrix), run=fails_with(output))


def test_a_build_that_fails_on_a_full_disk_says_so_first(
    tmp_path: Path, matrix: Matrix, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=4096))
    with pytest.raises(BuildError, match="why: No space left on device: 4 KiB are free in") as caught:
        run_build(plan_at(tmp_path, tmp_path, matrix), run=fails_with("a.cu: error: no such thing\n"))
    assert "make room there" in caught.value.fix
    assert "no such thing" in caught.value.why


def test_a_build_without_a_wheel_is_an_error(tmp_path: Path, matrix: Matrix) -> None:
    with pytest.raises(BuildError, match="did not make one wheel"):
        run_build(plan_at(tmp_path, tmp_path, matrix), run=FakeRunner(lambda _: (0, COMPILERS)))


@pytest.mark.parametrize(("printed", "used"), [("4.7.5", True), ("4.11", True), ("4.6.1", False), ("nonsense", False)])
def test_ccache_is_used_from_4_7_on(tmp_path: Path, printed: str, used: bool) -> None:
    (tmp_path / "ccache").touch(mode=0o755)
    runner = FakeRunner(lambda _: (0, f"ccache version {printed}\n"))
    assert (find_ccache({"PATH": str(tmp_path)}, runner) is not None) is used


def test_ccaches_place_is_its_users_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shown = (
        "(environment) cache_dir = units\n(/etc/ccache.conf) max_size = 20.0G\n(default) max_files = 0\n"
        "(/home/x/ccache.conf) sloppiness = time_macros\n(environment) prefix_command = distcc\n"
        "(/home/x/ccache.conf) read_only = false\n(/home/x/ccache.conf) remote_storage = redis://cache:6379\n"
    )
    assert read_place(shown) == {
        "CCACHE_DIR": str(tmp_path / "units"),
        "CCACHE_MAXSIZE": "20.0G",
        "CCACHE_REMOTE_STORAGE": "redis://cache:6379",
    }
    assert read_place("(environment) disable = true\n(default) recache = false\n") == {"CCACHE_DISABLE": "true"}


def test_hits_and_misses_are_counted_from_the_builds_own_log(tmp_path: Path) -> None:
    log = tmp_path / "ccache.log"
    log.write_text("# a.cu\ndirect_cache_hit\n# b.cu\ncache_miss\n# c.cu\npreprocessed_cache_hit\n", encoding="utf-8")
    assert str(count(log)) == "ccache: 2 hits, 1 misses (66% hits)"
    assert str(count(tmp_path / "none")) == "ccache: 0 hits, 0 misses"


def test_ninjas_lines_are_read_as_progress() -> None:
    line = "[3/12] Building CUDA object CMakeFiles/unit.dir/csrc/gemm/int8_scaled_mm_sm80.cu.o"
    assert read_step(line) == Step(3, 12, "int8_scaled_mm_sm80.cu")
    assert read_step("-- Configuring done") is None
