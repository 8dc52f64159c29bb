"""The wheel tests run on an installed wheel, with any torch, on the CPU."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

import warpwright

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "gpu" / "kit"), str(HERE.parent)]  # what both suites share


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    from contracts import report

    terminalreporter.write_line("\n".join(report.lines()))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "operator(name): the operator whose SM path a GPU test needs; all run on the CPU"
    )


@pytest.fixture(scope="session", autouse=True)
def _the_installed_wheel_is_tested() -> None:
    assert "site-packages" in Path(warpwright.__file__).parts, f"tests took {warpwright.__file__}, not a wheel"


@pytest.fixture
def device() -> str:
    return "cpu"


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(torch.seed() % 2**31)
