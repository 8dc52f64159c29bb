"""An index that nginx serves, the clients that use it, and the table of what they got."""

from __future__ import annotations

from collections.abc import Iterator
from operator import methodcaller
from pathlib import Path

import pytest

from client_kit.cells import Table
from client_kit.installers import Installer, Pip, Uv, find_python, make_pip, make_uv
from client_kit.served import PROJECT, Served, serving
from release_maker import NOTICES, make_release
from wheel_maker import WheelMaker
from wheelworks import files
from wheelworks.index import update_index
from wheelworks.manifest import Channel
from wheelworks.matrix import Matrix, load_matrix

OLDEST_PIP = "pip==21.2.4"
"""The pip that came with the oldest supported Python, 3.10.0."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--index", type=Path, help="folder of the index to test; without one, small wheels are made")


@pytest.fixture(scope="session")
def matrix() -> Matrix:
    return load_matrix(PROJECT / "matrix.toml")


@pytest.fixture(scope="session")
def dependencies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an index of torch alone, an empty one: what the wheels need, without its gigabytes."""
    folder = tmp_path_factory.mktemp("dependencies")
    torch = WheelMaker(name="torch", version="2.13.0", tag="py3-none-any", requires=()).make(folder / "torch")
    link = f'<a href="{torch.name}#sha256={files.sha256_of(torch)}">{torch.name}</a>'
    files.write_text(folder / "torch" / "index.html", f"<!DOCTYPE html><html><body>{link}</body></html>")
    return folder


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory, matrix: Matrix, dependencies: Path) -> Iterator[Served]:
    """Serve an index of small wheels: two releases, the newer one yanked, and a nightly."""
    work = tmp_path_factory.mktemp("made")
    folder = work / "index"
    for version, channel in (("0.1.0", Channel.RELEASE), ("0.2.0", Channel.RELEASE), ("0.3.0.dev1", Channel.NIGHTLY)):
        manifest = make_release(work / version, matrix, version, channel)
        update_index(folder, NOTICES, methodcaller("with_manifest", manifest), wheels=work / version)
    for wheel in (work / "0.2.0").glob("*.whl"):
        update_index(folder, NOTICES, methodcaller("with_yank", wheel.name, "wrong results on sm80"))
    with serving(folder, dependencies, work / "nginx") as served:
        yield served


@pytest.fixture(scope="session")
def subject(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, dependencies: Path
) -> Iterator[Served]:
    """Serve the index that the session is about: the one that was named, else the made one."""
    folder: Path | None = request.config.getoption("--index")
    if folder is None:
        yield request.getfixturevalue("made")
        return
    with serving(folder.resolve(), dependencies, tmp_path_factory.mktemp("subject") / "nginx") as served:
        yield served


@pytest.fixture(scope="session")
def oldest_pip(tmp_path_factory: pytest.TempPathFactory, matrix: Matrix) -> Pip:
    python = find_python(str(matrix.python.tested[0])) or "3.11"
    return make_pip(tmp_path_factory.mktemp("pip") / "oldest", python, OLDEST_PIP)


@pytest.fixture(scope="session")
def newest_pip(tmp_path_factory: pytest.TempPathFactory) -> Pip:
    return make_pip(tmp_path_factory.mktemp("pip") / "newest", find_python("3.12") or "3.11", "pip")


@pytest.fixture(scope="session")
def uv_client() -> Uv:
    return make_uv()


@pytest.fixture(
    scope="session", params=["oldest_pip", "newest_pip", "uv_client"], ids=["oldest pip", "newest pip", "uv"]
)
def installer(request: pytest.FixtureRequest) -> Installer:
    found: Installer = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="session")
def table(request: pytest.FixtureRequest) -> Iterator[Table]:
    """Collect what the clients got, and write it for the README when the last test has ended."""
    name = "small wheels" if request.config.getoption("--index") is None else "the wheels of the index"
    found = Table(wheels=name)
    yield found
    found.write(PROJECT / "build" / "client-tests")
