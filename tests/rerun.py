"""A failed case says how it alone is run again, with the interpreter and the environment that it failed under."""

from __future__ import annotations

import os
import shlex
import sys

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    failed = [*terminalreporter.getreports("failed"), *terminalreporter.getreports("error")]
    if not failed:
        return
    settings = [f"{name}={value}" for name, value in sorted(os.environ.items()) if name.startswith("WARPWRIGHT_")]
    terminalreporter.section("to run one case again")
    for report in failed:
        terminalreporter.write_line(shlex.join([*settings, sys.executable, "-m", "pytest", report.nodeid]))
