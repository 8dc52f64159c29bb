"""Processes are run in one place: with their output, their limits, their environment and their children."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from wheelworks.process import closed_environment, run, run_open

LEAVES = """
import os, subprocess, sys, time
subprocess.Popen(["sleep", sys.argv[1]], start_new_session=sys.argv[2] == "away")
print("done", flush=True)
time.sleep(float(sys.argv[3]))
"""
"""Starts a grandchild that keeps the pipe, in its own group or away from it, and sleeps before it ends."""


def test_output_of_both_streams_comes_line_by_line() -> None:
    seen: list[str] = []
    code = "import sys; print('one', flush=True); print('two', file=sys.stderr); print('three', end='')"
    done = run([sys.executable, "-c", code], on_line=seen.append)
    assert done.ok
    assert seen == ["one", "two", "three"] or seen == ["two", "one", "three"]
    assert done.last_lines(1) == "three"


def test_bytes_that_are_no_text_and_carriage_returns_end_no_build() -> None:
    done = run(["printf", r"a\r\nb\377c\n"])
    assert done.output == "a\nb�c\n"


def test_long_output_without_a_line_end_is_kept_whole() -> None:
    assert run([sys.executable, "-c", "print('x' * 1000000, end='')"]).output == "x" * 1000000


def test_a_missing_program_completes_with_127() -> None:
    assert run(["no-such-program"]).returncode == 127


def test_a_file_that_is_no_program_completes_with_126(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("no program", encoding="utf-8")
    done = run([tmp_path / "data"])
    assert done.returncode == 126
    assert "Permission denied" in done.output


def test_a_missing_working_folder_completes_with_its_name(tmp_path: Path) -> None:
    done = run(["true"], cwd=tmp_path / "gone")
    assert done.returncode == 127
    assert str(tmp_path / "gone") in done.output


def test_a_signal_that_ended_a_process_is_its_status() -> None:
    assert run([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"]).returncode == -9


def test_a_process_that_outlasts_its_limit_is_stopped_with_its_children(tmp_path: Path) -> None:
    marker = tmp_path / "alive"
    child = f"import time, pathlib; time.sleep(2); pathlib.Path({str(marker)!r}).touch()"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    assert run([sys.executable, "-c", parent], timeout=0.5).returncode == 124
    time.sleep(2.5)
    assert not marker.exists()


def test_a_limit_holds_where_the_process_heeds_no_request_to_end() -> None:
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    start = time.monotonic()
    assert run([sys.executable, "-c", code], timeout=0.5).returncode == 124
    assert time.monotonic() - start < 20


@pytest.mark.parametrize("where", ["in the group", "away"])
def test_a_limit_holds_where_a_grandchild_keeps_the_pipe(where: str) -> None:
    start = time.monotonic()
    done = run([sys.executable, "-c", LEAVES, "30", where, "30"], timeout=1.5)
    assert done.returncode == 124
    assert done.output.startswith("done\n")
    assert time.monotonic() - start < 20


@pytest.mark.parametrize("where", ["in the group", "away"])
def test_a_command_has_ended_when_it_has_whoever_keeps_its_pipe(where: str) -> None:
    start = time.monotonic()
    done = run([sys.executable, "-c", LEAVES, "30", where, "0"])
    assert (done.returncode, done.output) == (0, "done\n")
    assert time.monotonic() - start < 20


def test_a_command_has_ended_when_it_has_though_another_goes_on_writing() -> None:
    chatter = "import time\nwhile True: print('x', flush=True); time.sleep(0.01)"
    code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {chatter!r}], start_new_session=True)"
    start = time.monotonic()
    done = run([sys.executable, "-c", code])
    assert done.returncode == 0
    assert time.monotonic() - start < 20


def test_nothing_of_the_group_outlives_the_command() -> None:
    code = "import subprocess; print(subprocess.Popen(['sleep', '60']).pid, flush=True)"
    child = int(run([sys.executable, "-c", code]).output)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and _is_running(child):
        time.sleep(0.05)
    assert not _is_running(child)


def _is_running(pid: int) -> bool:
    """Look for a process that has not ended; one that nobody has reaped has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_command_sees_what_is_let_through_and_no_other_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NVCC_APPEND_FLAGS", "--use_fast_math")
    monkeypatch.setenv("A_SECRET", "x")
    monkeypatch.setenv("LC_ALL", "tr_TR.UTF-8")
    seen = dict(line.split("=", 1) for line in run(["env"]).output.splitlines())
    assert seen == closed_environment()
    assert seen["PATH"] == os.environ["PATH"]
    assert seen["LC_ALL"] == "C.UTF-8"
    assert not {"NVCC_APPEND_FLAGS", "A_SECRET"} & set(seen)


def test_a_given_environment_is_the_whole_of_it() -> None:
    assert run(["/usr/bin/env"], env={"WORD": "x"}).output == "WORD=x\n"


def test_what_acts_for_the_user_sees_all_that_the_shell_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GH_TOKEN", "x")
    assert "GH_TOKEN=x\n" in run_open(["env"]).output
    assert "GH_TOKEN" not in run(["env"]).output


def test_what_a_command_creates_can_be_read_by_all_whatever_the_shells_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        run(["touch", tmp_path / "made"])
    finally:
        os.umask(before)
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o644
