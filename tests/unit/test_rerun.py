"""What a failure prints runs that one case, and no other, again."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

CASES = """
import pytest

@pytest.mark.parametrize("name", ["good", "bad one"])
def test_case(name):
    assert name == "good"
"""


def test_the_line_that_a_failure_prints_runs_that_case_alone(project: Path, tmp_path: Path) -> None:
    shutil.copy(project / "tests" / "rerun.py", tmp_path / "conftest.py")
    (tmp_path / "test_cases.py").write_text(CASES, encoding="utf-8")
    first = subprocess.run([sys.executable, "-m", "pytest", "-q"], cwd=tmp_path, capture_output=True, text=True)
    lines = [line for line in first.stdout.splitlines() if line.startswith((sys.executable, "WARPWRIGHT_"))]
    assert len(lines) == 1, first.stdout
    again = subprocess.run(["/bin/sh", "-c", f"env {lines[0]} -q"], cwd=tmp_path, capture_output=True, text=True)
    assert "1 failed" in again.stdout
    assert "passed" not in again.stdout
