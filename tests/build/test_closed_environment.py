"""Nothing that a shell, a home or a user has changes a byte of a wheel.

A project of two units is built as the kernels are, over and over in one folder: in a plain environment, and with every
variable poisoned that one of the build's tools documents. That the poison works is shown where it is let through.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from workshop import PROJECT, Workshop

from wheelworks import files
from wheelworks.build import run_build
from wheelworks.build_plan import BuildPlan, plan_build
from wheelworks.ccache import Ccache, find_ccache
from wheelworks.environment import read_variables
from wheelworks.errors import BuildError
from wheelworks.frontend import Frontend
from wheelworks.host_compiler import find_host_compiler
from wheelworks.lanes import choose_lane
from wheelworks.matrix import load_matrix
from wheelworks.process import Completed, Runner, run
from wheelworks.sources import Sources

pytestmark = pytest.mark.slow

MINE = ("PATH", "HOME", "TMPDIR", "TEMP", "TMP", "PWD")
"""Variables that a tool reads and a build must have: they have tests of their own, or name the test's own folders."""

CONFIGURATION = {
    ".config/uv/uv.toml": '[config-settings]\n"cmake.define.POISON" = "1"\n',
    ".config/ccache/ccache.conf": "prefix_command = /nope/distcc\nignore_options = -D*\n",
    ".ccache/ccache.conf": "prefix_command = /nope/distcc\n",
    ".gitconfig": "[core]\nautocrlf = true\n",
    ".pydistutils.cfg": "[build_ext]\ndefine = POISON\n",
    ".config/pip/pip.conf": "[global]\nconfig-settings = cmake.define.POISON=1\n",
    ".cmake/packages/CUDAToolkit/poison": "/nope",
    ".local/lib/python{python}/site-packages/sitecustomize.py": "raise SystemExit('poisoned')\n",
    ".local/lib/python{python}/site-packages/usercustomize.py": "raise SystemExit('poisoned')\n",
}
"""What lies in a home and a tool would heed."""


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder that every user can enter, unlike pytest's own."""
    with TemporaryDirectory(prefix="two-units-", dir="/tmp") as scratch:
        Path(scratch).chmod(0o755)
        yield Path(scratch)


@pytest.fixture(scope="module")
def poison(place: Path) -> dict[str, str]:
    """Return a value for every documented variable, which changes or ends a build that sees it."""
    folder = place / "poison"
    (folder / "bin").mkdir(parents=True)
    (folder / "poison.h").write_text("#define POISON 2\n", encoding="utf-8")
    (folder / "sitecustomize.py").write_text("raise SystemExit('poisoned')\n", encoding="utf-8")
    (folder / "bin" / "poisoned-program").touch(mode=0o755)
    (folder / "toolchain.cmake").write_text("set(POISON 1)\n", encoding="utf-8")
    names = {name for tool in read_variables().tools.values() for name in tool.variables if "*" not in name}
    return {name: _value(name, folder) for name in sorted(names.difference(MINE))}


def _value(name: str, folder: Path) -> str:
    known = {
        "SKBUILD_CMAKE_ARGS": "-DPOISON=1",
        "SKBUILD_CMAKE_DEFINE": "POISON=1",
        "CMAKE_ARGS": "-DPOISON=1",
        "CMAKE_TOOLCHAIN_FILE": str(folder / "toolchain.cmake"),
        "CMAKE_GENERATOR": "Unix Makefiles",
        "NVCC_APPEND_FLAGS": "--use_fast_math",
        "CUDAFLAGS": "--use_fast_math",
        "CXXFLAGS": "-march=x86-64-v4 -DPOISON=3",
        "SOURCE_DATE_EPOCH": "946684800",
        "DESTDIR": str(folder / "elsewhere"),
        "TZ": "Asia/Kathmandu",
        "LC_ALL": "tr_TR.UTF-8",
        "LANG": "tr_TR.UTF-8",
    }
    if name in known:
        return known[name]
    return "-DPOISON=1" if name.endswith(("FLAGS", "OPTIONS")) else str(folder)


def plan_for(workshop: Workshop, project: Path, environment: Mapping[str, str], ccache: Ccache | None) -> BuildPlan:
    """Plan the two units as the default lane's kernels are planned."""
    matrix = load_matrix(PROJECT / "matrix.toml")
    return plan_build(
        choose_lane(matrix, None),
        workshop.toolchain,
        Sources({}, {}),
        find_host_compiler(environment, run),
        project=project,
        ccache=ccache,
        build_type="Release",
        backend=matrix.tools.backend,
        environment=environment,
        frontend=workshop.plan.frontend,
    )


def checkout_in(place: Path, name: str = "project") -> Path:
    """Put the two units into a folder; all builds whose bytes are compared have one."""
    project = place / name
    files.remove(project)
    shutil.copytree(PROJECT / "tests" / "build" / "two_units", project)
    return project


def build(workshop: Workshop, place: Path, **more: str) -> bytes:
    """Build the two units by this process's environment, from nothing; ``more`` reaches the compilers."""
    plan = plan_for(workshop, checkout_in(place), os.environ, None)
    return run_build(replace(plan, environment={**plan.environment, **more}), run=run).path.read_bytes()


@pytest.fixture(scope="module")
def clean(workshop: Workshop, place: Path) -> bytes:
    return build(workshop, place)


@pytest.fixture
def poisoned_shell(poison: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CXX", raising=False)
    for name, value in poison.items():
        if name not in read_variables().read.variables:  # what wheelworks reads for itself is not poison
            monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("poisoned_shell")
def test_a_wheel_of_a_poisoned_shell_is_the_wheel_of_a_plain_one(workshop: Workshop, place: Path, clean: bytes) -> None:
    assert build(workshop, place) == clean


@pytest.mark.parametrize(
    "name",
    ["NVCC_APPEND_FLAGS", "CXXFLAGS", "CUDAFLAGS", "SKBUILD_CMAKE_DEFINE", "CPATH", "SKBUILD_WHEEL_PACKAGES"],
)
def test_the_poison_would_work(
    name: str, workshop: Workshop, place: Path, poison: dict[str, str], clean: bytes
) -> None:
    try:
        assert build(workshop, place, **{name: poison[name]}) != clean
    except BuildError:
        return


def test_another_home_umask_locale_and_time_zone_change_no_byte(
    workshop: Workshop, place: Path, clean: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = place / "home"
    for name, text in CONFIGURATION.items():
        files.write_text(home / name.format(python=f"{sys.version_info[0]}.{sys.version_info[1]}"), text)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    monkeypatch.setenv("LC_ALL", "tr_TR.UTF-8")
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    before = os.umask(0o077)
    try:
        assert build(workshop, place) == clean
    finally:
        os.umask(before)


def test_the_modes_that_a_checkout_got_from_a_shells_umask_change_no_byte(
    workshop: Workshop, place: Path, clean: bytes
) -> None:
    project = checkout_in(place)
    plan = plan_for(workshop, project, os.environ, None)
    for path in (project, *project.rglob("*")):
        path.chmod(path.stat().st_mode & ~0o077)
    assert run_build(plan, run=run).path.read_bytes() == clean


@pytest.mark.parametrize("name", ["straße", "東京", "v1.2-rc_3+x@y~z"])
def test_a_folder_of_any_name_that_is_not_refused_serves(name: str, workshop: Workshop, place: Path) -> None:
    assert run_build(plan_for(workshop, checkout_in(place, name), os.environ, None), run=run).path.exists()


OTHER = 65534
MOUNTED = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'
"""A store in a home that others cannot enter, where they can, for one process alone."""


def moved(plan: BuildPlan, store: Path, to: Path, python: str) -> BuildPlan:
    """Return a plan whose store lies elsewhere, and whose Python is another one."""

    def move(path: Path) -> Path:
        return to / path.relative_to(store) if path.is_relative_to(store) else path

    backend = move(plan.frontend.backend)
    return replace(
        plan,
        frontend=Frontend(move(plan.frontend.uv), Path(python), backend),
        links={name: move(target) for name, target in plan.links.items()},
        environment={**plan.environment, "PYTHONPATH": str(backend)},
    )


def as_another_user(project: Path, store: Path, to: Path) -> Runner:
    """Return a runner whose commands are another user's, who owns the project and can read the store at ``to``."""
    to.mkdir()
    before: list[str | Path] = ["unshare", "--mount", "sh", "-c", MOUNTED, "sh", store, to]
    before += ["setpriv", "--reuid", str(OTHER), "--regid", str(OTHER), "--clear-groups"]

    def runner(command: Sequence[str | Path], **options: Any) -> Completed:
        for path in (project, *project.rglob("*")):
            os.chown(path, OTHER, OTHER, follow_symlinks=False)
        return run([*before, *command], **options)

    return runner


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_another_user_gets_the_same_bytes(workshop: Workshop, place: Path, clean: bytes) -> None:
    python = shutil.which("python3", path="/usr/bin:/usr/local/bin")
    if python is None or not run(["unshare", "--mount", "true"]).ok:
        pytest.skip("this machine has no Python that every user can run, or gives no mount namespace")
    project, store = checkout_in(place), files.cache_folder(os.environ)
    plan = moved(plan_for(workshop, project, os.environ, None), store, place / "store", python)
    built = run_build(plan, run=as_another_user(project, store, place / "store"))
    assert built.path.stat().st_uid == OTHER
    assert built.path.read_bytes() == clean


def test_a_cache_filled_from_a_poisoned_shell_serves_a_plain_one(
    workshop: Workshop, place: Path, poison: dict[str, str], clean: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CCACHE_DIR", str(place / "units"))
    ccache = find_ccache(os.environ, run)
    if ccache is None:
        pytest.skip("ccache 4.7 or newer is not on PATH")
    plan = plan_for(workshop, checkout_in(place), os.environ, ccache)
    monkeypatch.setenv("NVCC_APPEND_FLAGS", poison["NVCC_APPEND_FLAGS"])
    first = run_build(plan, run=run)
    assert first.cache is not None
    assert (first.cache.hits, first.cache.misses) == (0, 2)
    poisoned = first.path.read_bytes()
    monkeypatch.delenv("NVCC_APPEND_FLAGS")
    second = run_build(plan, run=run, fresh=True)
    assert second.cache is not None
    assert (second.cache.hits, second.cache.misses) == (2, 0)
    assert second.path.read_bytes() == poisoned == clean


def test_another_compiler_behind_the_compiler_is_another_key(
    workshop: Workshop, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ccache looks at nvcc; that ptxas is another one, it does not see."""
    monkeypatch.setenv("CCACHE_DIR", str(place / "other-units"))
    ccache = find_ccache(os.environ, run)
    if ccache is None:
        pytest.skip("ccache 4.7 or newer is not on PATH")
    toolkit = place / "toolkit"
    shutil.copytree(workshop.toolchain.cuda, toolkit, symlinks=True)
    plan = plan_for(workshop, checkout_in(place), os.environ, ccache)
    plan = replace(plan, links={**plan.links, "cuda": toolkit})
    run_build(plan, run=run)
    with (toolkit / "bin" / "ptxas").open("ab") as program:
        program.write(b"\0")
    again = run_build(plan, run=run)
    assert again.cache is not None
    assert (again.cache.hits, again.cache.misses) == (0, 2)
