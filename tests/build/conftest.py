"""What the build tests share: the default lane's toolchain and plan, and one wheel built for all of them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from rerun import pytest_terminal_summary as pytest_terminal_summary
from workshop import PROJECT, Workshop, build_in

from wheelworks import files
from wheelworks.build import prepare_folder
from wheelworks.build_plan import plan_build
from wheelworks.ccache import find_ccache
from wheelworks.host_compiler import find_host_compiler
from wheelworks.lanes import choose_lane
from wheelworks.matrix import load_matrix
from wheelworks.process import run
from wheelworks.frontend import ensure_frontend
from wheelworks.store import Store
from wheelworks.sources import ensure_sources
from wheelworks.toolchain import ensure_toolchain, plan_toolchain


@pytest.fixture(scope="session")
def workshop() -> Workshop:
    matrix = load_matrix(PROJECT / "matrix.toml")
    lane = choose_lane(matrix, None)
    store = Store(files.cache_folder(os.environ))
    toolchain = ensure_toolchain(plan_toolchain(matrix, lane, PROJECT), store=store, run=run)
    plan = plan_build(
        lane,
        toolchain,
        ensure_sources(matrix, store=store, run=run),
        find_host_compiler(os.environ, run),
        project=PROJECT,
        ccache=find_ccache(os.environ, run),
        build_type="Release",
        backend=matrix.tools.backend,
        environment=os.environ,
        frontend=ensure_frontend(
            matrix, PROJECT, lane.architecture, python=Path(sys.executable), store=store, run=run
        ),
    )
    prepare_folder(plan)
    return Workshop(toolchain, plan)


@pytest.fixture(scope="session")
def wheel() -> Path:
    """The default lane's wheel, built and audited in this checkout; it is left in dist/ for the wheel tests."""
    done = build_in(PROJECT, "--untested")  # the wheel tests are a session of their own
    assert done.returncode == 0, done.stdout
    return max((PROJECT / "dist").glob("*+cu130-*.whl"), key=lambda path: path.stat().st_mtime)
