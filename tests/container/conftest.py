"""What the container tests share: a daemon, a base image, checkouts, and wheels built in containers.

Nothing is skipped where no daemon can run: the session then fails, and says why.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dock import BASE, PROJECT, Built, Dock, copy_of_this_checkout, install

PACKAGES = {"docker": "docker.io", "dockerd": "docker.io", "debootstrap": "debootstrap"}


@pytest.fixture(scope="session")
def dock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dock]:
    """A daemon that answers: the machine's own, else one that is started here and stopped in the end."""
    dock = Dock(tmp_path_factory.mktemp("dock"))
    if dock.answers():
        yield dock
        return
    _install_where_it_may()
    if shutil.which("dockerd") is None or os.geteuid() != 0:
        pytest.fail("no docker daemon answers, and none can be started here: it needs root and dockerd", pytrace=False)
    with dock.own_daemon() as log:
        _wait_for(dock, log)
        yield dock


@pytest.fixture(scope="session")
def base(dock: Dock) -> None:
    """The Debian base: as it is there, from its registry, else by debootstrap."""
    if not dock.docker("image", "inspect", BASE).ok and not dock.docker("pull", "--quiet", BASE).ok:
        _install_where_it_may()
        made = dock.wheelworks(PROJECT, "base-image", BASE)
        assert made.returncode == 0, made.stdout


@pytest.fixture(scope="session")
def universal(dock: Dock, base: None, tmp_path_factory: pytest.TempPathFactory) -> Built:  # noqa: ARG001
    """The universal wheel, every unit of it compiled in a container from a checkout of its own."""
    checkout = copy_of_this_checkout(tmp_path_factory.mktemp("one") / "checkout")
    return dock.build(checkout, "universal-x86_64", CCACHE_DIR=str(dock.scratch / "cache-of-one"))


def _install_where_it_may() -> None:
    install(sorted({package for program, package in PACKAGES.items() if shutil.which(program) is None}))


def _wait_for(dock: Dock, log: Path) -> None:
    for _ in range(60):
        if dock.answers():
            return
        time.sleep(0.5)
    tail = "\n".join(log.read_text(encoding="utf-8").splitlines()[-20:])
    pytest.fail(f"dockerd was started and does not answer; its last lines:\n{tail}", pytrace=False)
