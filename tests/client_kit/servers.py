"""Servers of other projects as processes of this machine: what to publish to, started for a test and empty."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 60.0


@dataclass(frozen=True)
class PackageServer:
    """A package server with an account that may upload."""

    upload: str
    simple: str
    user: str
    password: str


@contextmanager
def serving_process(command: Sequence[str | Path], port: int, log: Path) -> Iterator[None]:
    """Run a server until the block ends; it has answered on its port before that begins."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TWINE_"))}
    with log.open("wb") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT, env=clean, cwd=log.parent)
        try:
            _wait(process, port, log)
            yield
        finally:
            process.terminate()
            process.wait(20)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, log.read_text("utf-8")
        time.sleep(0.1)
    raise AssertionError(f"no answer on port {port}: {log.read_text('utf-8')}")
