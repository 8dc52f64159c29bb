"""What people set is checked before anything starts, and refused in one sentence with what to do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from doubles import FakeRunner
from wheelworks import files
from wheelworks.errors import HostCompilerError, SettingError
from wheelworks.host_compiler import find_host_compiler
from wheelworks.process import run
from wheelworks.settings import parallel_jobs, read_defines, require_plain, require_release, require_scratch


def test_as_many_compilers_run_as_memory_holds() -> None:
    assert parallel_jobs({}) >= 1
    assert parallel_jobs({"CMAKE_BUILD_PARALLEL_LEVEL": ""}) == parallel_jobs({})
    assert parallel_jobs({"CMAKE_BUILD_PARALLEL_LEVEL": "7"}) == 7


@pytest.mark.parametrize("named", ["abc", "0", "-1", "1.5", "٣", " 2", "10000", "9" * 5000])
def test_a_number_of_jobs_that_is_none_is_refused(named: str) -> None:
    with pytest.raises(SettingError, match="CMAKE_BUILD_PARALLEL_LEVEL is") as caught:
        parallel_jobs({"CMAKE_BUILD_PARALLEL_LEVEL": named})
    assert "unset it" in caught.value.fix


def test_defines_are_names_and_values() -> None:
    assert read_defines(["A=1", "CMAKE_CUDA_FLAGS=-O0 -D=x", "EMPTY="]) == {
        "A": "1",
        "CMAKE_CUDA_FLAGS": "-O0 -D=x",
        "EMPTY": "",
    }


@pytest.mark.parametrize("word", ["A", "=1", "1A=2", "A B=1", "-DA=1"])
def test_a_define_that_is_none_is_refused(word: str) -> None:
    with pytest.raises(SettingError, match="a define is NAME=VALUE"):
        read_defines([word])


def test_a_define_that_is_given_twice_is_refused() -> None:
    with pytest.raises(SettingError, match="--define A is given twice\n  why: it was '1' and is '2'"):
        read_defines(["A=1", "A=2"])


def test_a_release_takes_no_define() -> None:
    require_release("Release", {})
    with pytest.raises(SettingError, match="a release takes no --define\n  why: CMAKE_CUDA_FLAGS"):
        require_release("Release", {"CMAKE_CUDA_FLAGS": "-G"})


def test_a_release_takes_no_debug_information() -> None:
    with pytest.raises(SettingError, match="a release takes no --build-type RelWithDebInfo"):
        require_release("RelWithDebInfo", {})


@pytest.mark.parametrize(
    "name", ["a b", "a;b", 'a"$b', "a'b", "a,b", "a$b", "a:b", "a=b", "a\nb", "a\\b", "a#b", "a(b", "a*b"]
)
def test_a_folder_that_a_tool_would_read_as_something_else_is_refused(name: str) -> None:
    with pytest.raises(SettingError, match="(?s)the checkout .* in its path") as caught:
        require_plain("the checkout", Path("/home/me") / name)
    assert "move it to a folder" in caught.value.fix


@pytest.mark.parametrize("name", ["straße", "東京", "a+b", "a~1", "user@host", "v1.2-rc_3"])
def test_a_folder_of_a_plain_name_is_taken(name: str) -> None:
    require_plain("the checkout", Path("/home/me") / name)


@pytest.mark.parametrize(("name", "words"), [("a;b", "TMPDIR .* has ';' in its path"), ("gone", "TMPDIR is '")])
def test_a_scratch_folder_that_no_compiler_can_use_is_refused(name: str, words: str, tmp_path: Path) -> None:
    require_scratch({})
    require_scratch({"TMPDIR": str(tmp_path)})
    with pytest.raises(SettingError, match=words):
        require_scratch({"TMPDIR": str(tmp_path / name)})


def test_a_home_of_nobody_is_one_sentence() -> None:
    with pytest.raises(SettingError, match="there is no folder ~no-such-user/x\n  why: ~no-such-user stands for"):
        files.absolute("~no-such-user/x")


def make_compiler(path: Path) -> Path:
    """Put a link to this machine's compiler into a folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(find_host_compiler(os.environ, run).path)
    return path


@pytest.mark.parametrize("before", ["ccache ", "/usr/bin/ccache ", "sccache  ", ""])
def test_a_launcher_before_the_compilers_name_is_understood(before: str, tmp_path: Path) -> None:
    compiler = make_compiler(tmp_path / "my-g++")
    assert find_host_compiler({"CXX": f"{before}{compiler}", "PATH": ""}, run).path == compiler


def test_a_compiler_with_a_space_in_its_name_can_be_quoted(tmp_path: Path) -> None:
    compiler = make_compiler(tmp_path / "my compilers" / "g++")
    assert find_host_compiler({"CXX": f"'{compiler}'", "PATH": ""}, run).path == compiler


def test_a_link_to_a_launcher_is_passed_over_for_the_compiler_behind_it(tmp_path: Path) -> None:
    (tmp_path / "ccache").touch(mode=0o755)
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "g++").symlink_to(tmp_path / "ccache")
    compiler = make_compiler(tmp_path / "real" / "g++")
    path = f"{tmp_path / 'links'}:{tmp_path / 'real'}"
    assert find_host_compiler({"PATH": path}, run).path == compiler


@pytest.mark.parametrize(
    ("named", "words"),
    [("g++ -m32 -O0", "-m32 -O0 would be passed to no compilation"), ("'g++", "No closing quotation")],
)
def test_a_compilers_name_that_is_more_than_a_program_is_refused(named: str, words: str) -> None:
    with pytest.raises(SettingError, match=words):
        find_host_compiler({"CXX": named, "PATH": os.environ["PATH"]}, run)


def test_a_missing_host_compiler_is_one_sentence_with_the_package() -> None:
    with pytest.raises(HostCompilerError, match="there is no C\\+\\+ compiler") as caught:
        find_host_compiler({"PATH": "/nowhere"}, run)
    assert "apt-get install g++" in caught.value.fix


def test_a_compiler_that_cxx_names_and_is_not_there_is_named() -> None:
    with pytest.raises(HostCompilerError, match="there is no C\\+\\+ compiler '/nope/g\\+\\+', which CXX names"):
        find_host_compiler({"CXX": "/nope/g++", "PATH": os.environ["PATH"]}, run)


def test_a_cross_compiler_that_is_not_there_is_named_with_its_package() -> None:
    with pytest.raises(HostCompilerError, match="there is no C\\+\\+ compiler for aarch64") as caught:
        find_host_compiler({"PATH": "/nowhere"}, run, across="aarch64")
    assert "g++-aarch64-linux-gnu" in caught.value.fix


def test_a_compiler_without_cpp17_is_refused(tmp_path: Path) -> None:
    (tmp_path / "g++").touch(mode=0o755)
    with pytest.raises(HostCompilerError, match="does not take C\\+\\+17") as caught:
        find_host_compiler({"PATH": str(tmp_path)}, FakeRunner(lambda _: (1, "libisl.so.23: cannot open")))
    assert "libisl.so.23" in caught.value.why


def test_the_machines_compiler_is_found() -> None:
    assert find_host_compiler(os.environ, run).path.is_absolute()
