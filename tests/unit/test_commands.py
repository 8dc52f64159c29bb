"""The command line tells causes and no tracebacks, whatever the shell and the machine are like."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from wheelworks.errors import SettingError
from wheelworks.server import HOST, make_server
from wheelworks.store import Store

PROGRAM = "from wheelworks.cli import main; main()"


def wheelworks(*words: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM, *words]
    return subprocess.run(
        command, cwd=cwd, env={**os.environ, **environment}, text=True, capture_output=True, check=False
    )


@pytest.fixture
def checkout(project: Path, tmp_path: Path) -> Path:
    """A folder that has what the commands read, and is no checkout."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in ("matrix.toml", "locks", "docker"):
        (folder / name).symlink_to(project / name)
    return folder


@pytest.mark.parametrize(
    ("words", "environment", "cause"),
    [
        (["build", "--define", "X"], {}, "error: --define 'X' is none\n  why: a define is NAME=VALUE"),
        (["build", "--define", "X=1", "--release"], {}, "error: a release is built from one clean commit\n"),
        (["build"], {"WHEELWORKS_CACHE": "/tmp/a;b"}, "error: the cache /tmp/a;b has ';' in its path\n"),
        (["build"], {"CXX": "g++ -O0"}, "error: CXX is 'g++ -O0'\n  why: -O0 would be passed to no compilation"),
        (["build"], {"CXX": "/nope/g++"}, "error: there is no C++ compiler '/nope/g++', which CXX names\n"),
    ],
    ids=["no define", "release of no commit", "cache", "compiler with flags", "missing compiler"],
)
def test_what_was_set_wrong_is_one_error(
    words: list[str], environment: dict[str, str], cause: str, checkout: Path
) -> None:
    done = wheelworks(*words, cwd=checkout, **environment)
    assert done.returncode not in (0, 1)
    assert cause in done.stderr
    assert "\n  fix: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_working_folder_that_is_no_more_is_one_error(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f"cd {gone} && rmdir {gone} && exec {sys.executable} -c '{PROGRAM}' matrix"
    done = subprocess.run(["sh", "-c", script], text=True, capture_output=True, check=False)
    assert done.stderr.startswith("error: there is no working folder\n  why: ")
    assert "Traceback" not in done.stderr


def test_what_the_shell_has_set_and_a_build_does_not_see_is_named_in_one_line(checkout: Path) -> None:
    done = wheelworks("build", cwd=checkout, CXX="/nope/g++", CXXFLAGS="-O0", NVCC_APPEND_FLAGS="-G")
    lines = [line for line in done.stdout.splitlines() if "CXXFLAGS" in line]
    assert len(lines) == 1
    assert lines[0].startswith("not passed on, since they could change the wheel: CXXFLAGS, NVCC_APPEND_FLAGS; ")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    def fill(folder: Path) -> None:
        (folder / "nvcc").write_text("x", encoding="utf-8")

    Store(tmp_path / "cache").ensure("toolchains/abc", fill)
    return tmp_path / "cache"


def test_the_doctor_reads_every_byte_of_the_store(cache: Path, checkout: Path) -> None:
    done = wheelworks("doctor", cwd=checkout, WHEELWORKS_CACHE=str(cache), CFLAGS="-O0")
    assert done.returncode == 0, done.stdout
    words = {line.split()[0]: line.split(maxsplit=1)[1] for line in done.stdout.splitlines()}
    assert words["checkout"] == str(checkout)
    assert words["commit"].endswith("is no git checkout")
    assert ": CFLAGS; " in words["variables"]
    assert words["toolchains/abc"] == "whole"
    path = cache / "toolchains" / "abc" / "nvcc"
    before = path.stat()
    path.write_text("y", encoding="utf-8")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    done = wheelworks("doctor", cwd=checkout, WHEELWORKS_CACHE=str(cache))
    assert done.returncode == 1
    assert "damaged: nvcc has other bytes, 1 in all" in done.stdout


def test_the_doctor_tells_what_keeps_a_build_from_running(cache: Path, checkout: Path) -> None:
    done = wheelworks("doctor", cwd=checkout, WHEELWORKS_CACHE=str(cache), CXX="/nope", CMAKE_BUILD_PARALLEL_LEVEL="x")
    assert done.returncode == 1
    assert "there is no C++ compiler '/nope', which CXX names" in done.stdout
    assert "CMAKE_BUILD_PARALLEL_LEVEL is 'x'" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_port_in_use_is_one_error(checkout: Path) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingError, match=f"{HOST}:{port}: Address already in use") as caught:
            make_server(checkout, port, print)
    assert "--port" in caught.value.fix
    with pytest.raises(SettingError, match="99999"):
        make_server(checkout, 99999, print)


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")
def test_a_build_of_no_known_commit_says_so_in_a_sentence(checkout: Path) -> None:
    done = wheelworks("doctor", cwd=checkout)
    assert f"the proof will name no commit: {checkout} is no git checkout" in done.stdout
