"""nginx on this machine, serving an index with a configuration like a host's, and its access log."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template

TEMPLATE = Path(__file__).with_name("nginx.conf")


@dataclass(frozen=True)
class Request:
    """A line of the access log."""

    path: str
    status: int


@dataclass(frozen=True)
class Nginx:
    """A running server: the same index with and without the JSON form."""

    folder: Path
    port: int
    plain_port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    @property
    def plain_url(self) -> str:
        return f"http://127.0.0.1:{self.plain_port}/"

    def requests(self) -> list[Request]:
        """Return the requests so far."""
        lines = (self.folder / "access.log").read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        return [Request(row["path"], row["status"]) for row in rows]

    @contextmanager
    def watched(self) -> Iterator[list[Request]]:
        """Return a list that has, after the block, the requests made within it."""
        before, seen = len(self.requests()), list[Request]()
        yield seen
        seen += self.requests()[before:]


@contextmanager
def running(root: Path, dependencies: Path, folder: Path) -> Iterator[Nginx]:
    """Serve a folder by nginx until the block ends."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    assert program, "nginx is not installed: `apt-get install nginx-light`"
    server = Nginx(folder, _free_port(), _free_port())
    folder.mkdir(parents=True)
    # Started by root, nginx would read as nobody, who may not enter the tests' folders.
    user = "user root;" if os.geteuid() == 0 else ""
    values = {"folder": folder, "root": root, "dependencies": dependencies, "user": user}
    text = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        values, port=server.port, plain_port=server.plain_port
    )
    (folder / "nginx.conf").write_text(text, encoding="utf-8")
    process = subprocess.Popen([program, "-c", folder / "nginx.conf", "-e", folder / "error.log"])
    try:
        _wait(server, process)
        yield server
    finally:
        process.terminate()
        process.wait(10)


def _wait(server: Nginx, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", server.port)) == 0:
                return
        assert process.poll() is None, (server.folder / "error.log").read_text(encoding="utf-8")
        time.sleep(0.05)
    raise AssertionError(f"nginx does not answer on {server.url}")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
