"""Scripts in processes of their own: for what would leave this process's context unusable."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

HERE = Path(__file__).parent

PREAMBLE = f"""
import ctypes, json, sys, torch, warpwright
sys.path[:0] = [{str(HERE)!r}, {str(HERE.parents[1])!r}]
def mapped(name):
    return sorted({{line.split()[-1] for line in open("/proc/self/maps") if name in line}})
def problem():
    return torch.randn(64, 4096, device="cuda").half(), torch.randn(4096, device="cuda").half()
def right(x, weight, y):
    return torch.allclose(y.cpu(), warpwright.rmsnorm(x.cpu(), weight.cpu()), atol=2e-3, rtol=2e-3)
"""


def in_a_process_of_its_own(script: str, limit: float = 300) -> dict[str, object]:
    """Run a script; return the JSON that it prints last."""
    command = [sys.executable, "-c", PREAMBLE + textwrap.dedent(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=limit)
    assert done.returncode == 0, f"ended with {done.returncode}:\n{done.stdout}\n{done.stderr[-4000:]}"
    answer: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return answer
