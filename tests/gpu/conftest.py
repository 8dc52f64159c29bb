"""The GPU tests need pytest, torch and the installed wheel, and nothing else: they run where nothing can be downloaded.

They run on the path that this GPU takes; with a JIT lane's wheel and WARPWRIGHT_FORCE_SM they run on an older one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import warpwright
from warpwright import _extension, doctor

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "kit"), str(HERE.parent)]  # what the tests share, wherever they are started from

from contracts import report  # noqa: E402
from contracts.cases import SEED  # noqa: E402


def pytest_report_header() -> list[str]:
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    forced = os.environ.get("WARPWRIGHT_FORCE_SM", "none")
    folder = Path(warpwright.__file__).parent
    return [
        f"warpwright {warpwright.__version__} from {folder}, torch {torch.__version__}, {name}",
        f"forced SM: {forced}; repeat these inputs with WARPWRIGHT_TEST_SEED={SEED}",
    ]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_line("\n".join(report.lines()))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip operators that this wheel has no path for on this GPU; the reason names both, and is counted."""
    if not torch.cuda.is_available():
        return
    sm, forced = doctor.device_sm(0), os.environ.get("WARPWRIGHT_FORCE_SM")
    for item in items:
        for mark in item.iter_markers("operator"):
            held = _extension.compiled_paths().get(mark.args[0], ())
            if doctor.chosen_path(held, sm, forced) is None:
                words = " ".join(held) or "no SM"
                item.add_marker(pytest.mark.skip(reason=f"{mark.args[0]} has code for {words}; this is SM {sm}"))


def pytest_configure(config: pytest.Config) -> None:
    # Torch itself calls what it warns of, when torch.compile is first used.
    config.addinivalue_line("filterwarnings", "ignore:.torch.jit.script.*is deprecated")
    config.addinivalue_line("markers", "operator(name): the operator whose SM path the test needs")
    config.addinivalue_line(
        "markers",
        "sanitized: small enough for `compute-sanitizer --error-exitcode 86 python -m pytest tests/gpu -m sanitized`",
    )


@pytest.fixture(scope="session", autouse=True)
def _a_gpu_and_an_installed_wheel() -> None:
    assert torch.cuda.is_available(), f"the GPU tests need a GPU: {doctor.verdict()}"
    assert "python/warpwright" not in warpwright.__file__, f"tests took the source tree: {warpwright.__file__}"


@pytest.fixture
def device() -> str:
    return "cuda"


@pytest.fixture(autouse=True)
def _fresh_inputs() -> Iterator[None]:
    torch.manual_seed(SEED)
    yield
    torch.cuda.synchronize()
