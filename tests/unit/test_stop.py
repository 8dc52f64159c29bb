"""A build that is asked to end ends whole: the compilers that it has started end with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

BUILDS = """
import os, sys
from wheelworks.process import run
from wheelworks.stop import end_with_nox, unwind_on_signals
unwind_on_signals()
end_with_nox(os.environ)
compiler = "echo $$ > compiler; trap '' HUP; sleep 60 & echo $! > assembler; wait"
run(["sh", "-c", compiler])
"""
"""Stands for the command line: a command that starts another one, as ninja starts nvcc and nvcc ptxas."""

NOX = "import subprocess, sys; subprocess.run(sys.argv[1:])"


@pytest.fixture(autouse=True)
def _heeds_signals() -> Iterator[None]:
    """Heed what a shell has its background jobs ignore, and they their children."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGHUP, signal.SIGTERM)}
    before[signal.SIGINT] = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def started(tmp_path: Path) -> Callable[..., subprocess.Popen[bytes]]:
    def start(*before: str, **environment: str) -> subprocess.Popen[bytes]:
        command = [*before, sys.executable, "-c", BUILDS]
        process = subprocess.Popen(command, cwd=tmp_path, env={**os.environ, **environment}, start_new_session=True)
        wait_for(lambda: (tmp_path / "assembler").exists() and bool((tmp_path / "assembler").read_text("utf-8")))
        return process

    return start


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.05)


def has_ended(tmp_path: Path, name: str) -> bool:
    pid = int((tmp_path / name).read_text(encoding="utf-8"))
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT], ids=lambda number: number.name)
def test_a_signal_ends_what_was_started(
    number: signal.Signals, started: Callable[..., subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    process = started()
    process.send_signal(number)
    assert process.wait(timeout=20) in (128 + number, -number)
    for name in ("compiler", "assembler"):
        wait_for(lambda name=name: has_ended(tmp_path, name))  # type: ignore[misc]


def test_nohup_holds(started: Callable[..., subprocess.Popen[bytes]], tmp_path: Path) -> None:
    process = started("nohup")
    process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    assert process.poll() is None
    assert not has_ended(tmp_path, "assembler")
    process.terminate()
    process.wait(timeout=20)
    wait_for(lambda: has_ended(tmp_path, "assembler"))


def test_a_killed_nox_takes_the_build_along(started: Callable[..., subprocess.Popen[bytes]], tmp_path: Path) -> None:
    nox = started(sys.executable, "-c", NOX, NOX_CURRENT_SESSION="build-wheel")
    nox.kill()
    nox.wait(timeout=20)
    wait_for(lambda: has_ended(tmp_path, "assembler"))
