"""Real servers on this machine: an S3 server, pypiserver and devpi, each started for the tests and empty."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import tomllib

from client_kit.served import PROJECT
from client_kit.servers import PackageServer, free_port, serving_process
from release_maker import small_matrix
from rerun import pytest_terminal_summary as pytest_terminal_summary
from wheelworks.matrix import Matrix
from wheelworks.process import run

BIN = Path(sys.executable).parent


@pytest.fixture
def matrix() -> Matrix:
    return small_matrix(tomllib.loads((PROJECT / "matrix.toml").read_text(encoding="utf-8")))


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for no disk: it takes a failure of the machine, not of the writer, for that to matter."""
    monkeypatch.setattr("os.sync", lambda: None)


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    log = tmp_path_factory.mktemp("s3") / "log"
    with serving_process([BIN / "moto_server", "-H", "127.0.0.1", "-p", str(port)], port, log):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(params=["pypiserver", "devpi"])
def server(request: pytest.FixtureRequest) -> PackageServer:
    found: PackageServer = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def pypiserver(tmp_path: Path) -> Iterator[PackageServer]:
    port, folder = free_port(), tmp_path / "packages"
    folder.mkdir()
    words = ["run", "-i", "127.0.0.1", "-p", str(port), "-a", ".", "-P", ".", "--disable-fallback", str(folder)]
    with serving_process([BIN / "pypi-server", *words], port, tmp_path / "pypiserver.log"):
        url = f"http://127.0.0.1:{port}/"
        yield PackageServer(url, f"{url}simple/", "tester", "none asked")


@pytest.fixture(scope="session")
def devpi_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Return the URL of a devpi, and the folder of a client that may make indexes there."""
    folder, port = tmp_path_factory.mktemp("devpi"), free_port()
    state, client = folder / "state", folder / "client"
    _told(BIN / "devpi-init", "--serverdir", state, "--no-root-pypi", "--root-passwd", "secret")
    words = ["--serverdir", str(state), "--host", "127.0.0.1", "--port", str(port)]
    with serving_process([BIN / "devpi-server", *words], port, folder / "log"):
        url = f"http://127.0.0.1:{port}"
        _told(BIN / "devpi", "use", "--clientdir", client, url)
        _told(BIN / "devpi", "login", "--clientdir", client, "root", "--password", "secret")
        yield url, client


@pytest.fixture
def devpi(devpi_server: tuple[str, Path]) -> PackageServer:
    """Return a new index of devpi that takes no file twice, as a public one would be."""
    (url, client), name = devpi_server, f"root/wheels-{uuid4().hex}"
    _told(BIN / "devpi", "index", "--clientdir", client, "-c", name, "bases=", "volatile=False")
    return PackageServer(f"{url}/{name}/", f"{url}/{name}/+simple/", "root", "secret")


def _told(*command: str | Path) -> None:
    done = run(command)
    assert done.ok, done.output
