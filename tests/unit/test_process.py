"""Processes are run in one place: with their output, their limits and their children."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from wheelworks.process import run


def test_output_of_both_streams_comes_line_by_line() -> None:
    seen: list[str] = []
    code = "import sys; print('one', flush=True); print('two', file=sys.stderr)"
    done = run([sys.executable, "-c", code], on_line=seen.append)
    assert done.ok
    assert seen == ["one", "two"]
    assert done.last_lines(1) == "two"


def test_a_missing_program_completes_with_127() -> None:
    assert run(["no-such-program"]).returncode == 127


def test_a_process_that_outlasts_its_limit_is_stopped_with_its_children(tmp_path: Path) -> None:
    marker = tmp_path / "alive"
    child = f"import time, pathlib; time.sleep(2); pathlib.Path({str(marker)!r}).touch()"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    assert run([sys.executable, "-c", parent], timeout=0.5).returncode == 124
    time.sleep(2.5)
    assert not marker.exists()


def test_the_environment_is_added_to() -> None:
    done = run([sys.executable, "-c", "import os; print(os.environ['WORD'], 'PATH' in os.environ)"], env={"WORD": "x"})
    assert done.output == "x True\n"
