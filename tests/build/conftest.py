"""What the build tests share: the default lane's toolchain and plan, and one wheel built for all of them."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from wheelworks import files
from wheelworks.build import BuildPlan, make_links, plan_build
from wheelworks.ccache import find_ccache
from wheelworks.host_compiler import find_host_compiler
from wheelworks.lanes import choose_lane
from wheelworks.matrix import load_matrix
from wheelworks.process import Completed, run
from wheelworks.sources import ensure_sources
from wheelworks.toolchain import Toolchain, ensure_toolchain, plan_toolchain

PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Workshop:
    """A toolchain with the plan of the default lane's build, and CMake to configure it with."""

    toolchain: Toolchain
    plan: BuildPlan

    def cmake(self, *arguments: str | Path) -> Completed:
        return run([self.toolchain.tools / "cmake", *arguments], cwd=PROJECT, env=self.plan.environment)

    def configure(self, folder: Path, **defines: str) -> Completed:
        """Configure the project in a folder of the test's own; ``defines`` replace those of the plan."""
        every = {**self.plan.defines, "CMAKE_EXPORT_COMPILE_COMMANDS": "ON", **defines}
        words = [f"-D{name}={value}" for name, value in every.items()]
        return self.cmake("-S", PROJECT, "-B", folder, "-G", "Ninja", *words)


@pytest.fixture(scope="session")
def workshop() -> Workshop:
    matrix = load_matrix(PROJECT / "matrix.toml")
    lane = choose_lane(matrix, None)
    cache = files.cache_folder(os.environ)
    toolchain = ensure_toolchain(plan_toolchain(matrix, lane, PROJECT), cache=cache, run=run)
    plan = plan_build(
        lane,
        toolchain,
        ensure_sources(matrix, cache=cache, run=run),
        find_host_compiler(os.environ, run),
        project=PROJECT,
        ccache=find_ccache(os.environ, run),
        build_type="Release",
        backend=matrix.tools.backend,
        environment=os.environ,
    )
    make_links(plan)
    return Workshop(toolchain, plan)


def build_in(checkout: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the build command in a checkout, as `nox -s build-wheel` does; its output goes to the terminal as well."""
    command = [sys.executable, "-c", "from wheelworks.cli import main; main()", "build", *arguments]
    done = subprocess.run(
        command, cwd=checkout, env={**os.environ, **environment}, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    print(done.stdout)  # noqa: T201  shown by pytest where a test fails
    return done


@pytest.fixture(scope="session")
def wheel() -> Path:
    """The default lane's wheel, built and audited in this checkout; it is left in dist/ for the wheel tests."""
    done = build_in(PROJECT)
    assert done.returncode == 0, done.stdout
    return max((PROJECT / "dist").glob("*+cu130-*.whl"), key=lambda path: path.stat().st_mtime)
