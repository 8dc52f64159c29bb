"""A pytest plugin that keeps the journal, in the environment of the tested wheel."""

from __future__ import annotations

import contextlib
import os
import platform
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gpu_runner.journal import over, read_events, write_event

JOURNAL = Path(os.environ["GPU_RUNNER_JOURNAL"])
ALIVE = Path(os.environ["GPU_RUNNER_ALIVE"])
"""A named pipe that the runner holds open for as long as it lives."""


def pytest_configure() -> None:
    """Follow the runner: where it was killed, this process must not go on beside the next attempt's."""
    threading.Thread(target=_end_with_the_runner, daemon=True).start()


def _end_with_the_runner() -> None:
    """Wait until the runner is dead, then end the job's process group: this process, its parent and its children.

    The parent tells nothing: under a sanitizer it is the sanitizer.
    """
    with contextlib.suppress(FileNotFoundError):
        pipe = os.open(ALIVE, os.O_RDONLY | os.O_NONBLOCK)  # blocking, it would wait for a runner that is dead already
        os.set_blocking(pipe, True)
        os.read(pipe, 1)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def pytest_sessionstart() -> None:
    """Write what the tests run on."""
    import torch

    import warpwright
    from warpwright import doctor

    found = torch.cuda.is_available()
    machine = {
        "device": torch.cuda.get_device_name() if found else "no GPU",
        "sm": str(doctor.device_sm(0)) if found else "none",
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "python": platform.python_version(),
        "version": warpwright.__version__,
        "verdict": doctor.verdict(),
    }
    write_event(JOURNAL, {"event": "machine", **machine})


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what earlier processes have done."""
    done = over(read_events(JOURNAL))
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid in done])
    items[:] = [item for item in items if item.nodeid not in done]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Write how many tests are left, after every plugin has chosen."""
    write_event(JOURNAL, {"event": "collected", "tests": len(session.items), "done": len(over(read_events(JOURNAL)))})


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Write that a test begins before anything of it runs, and that it is over after its last teardown."""
    write_event(JOURNAL, {"event": "start", "test": item.nodeid})
    result = yield
    write_event(JOURNAL, {"event": "finish", "test": item.nodeid})
    return result


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Write what became of a test's phases."""
    if report.when == "call" or not report.passed:
        reason = report.longrepr[2] if report.skipped and isinstance(report.longrepr, tuple) else ""
        phase = {"outcome": report.outcome, "reason": reason, "seconds": report.duration}
        write_event(JOURNAL, {"event": "phase", "test": report.nodeid, **phase})
