"""The wheel that was just built, from the local server: what a newcomer does, twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from operator import methodcaller
from pathlib import Path

from packaging.version import Version

from client_kit.installers import uv
from release_maker import CREATED, NOTICES, make_wheel, released_lanes
from wheelworks.index import CURRENT, update_index
from wheelworks.manifest import Channel, Release, collect_release
from wheelworks.matrix import Matrix
from wheelworks.server import make_server

PREVIEW = Release(Version("0.1.0"), Channel.PREVIEW, CREATED, "")


@contextmanager
def preview(folder: Path, matrix: Matrix, text: bytes, port: int) -> Iterator[int]:
    """Build a wheel with a text in it, and serve it."""
    inner = {
        "warpwright/_version.py": b'__version__ = "0.1.0"\n',
        "warpwright/_build.json": b'{"version": "0.1.0+cu130"}',
        "warpwright/text.txt": text,
    }
    make_wheel(folder / "dist", matrix, released_lanes(matrix)[0], files=inner, requires=())
    made = collect_release([folder / "dist"], matrix, PREVIEW)
    update_index(folder / "index", NOTICES, methodcaller("with_manifest", made), wheels=folder / "dist")
    with make_server(folder / "index" / CURRENT, port, lambda _: None) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_a_wheel_that_was_built_again_is_installed_anew_under_the_same_url(tmp_path: Path, matrix: Matrix) -> None:
    port, got = 0, []
    for number, text in enumerate((b"first build", b"second build")):
        with preview(tmp_path / str(number), matrix, text, port) as port:
            target = tmp_path / f"got-{number}"
            done = uv(
                "pip", "install", "warpwright", "--no-deps", "--python-version=3.12", "--target", target,
                "--cache-dir", tmp_path / "cache", "--index", f"http://127.0.0.1:{port}/cu130/",
            )  # fmt: skip
        assert done.ok, done.output
        got.append((target / "warpwright" / "text.txt").read_bytes())
        time.sleep(1.1)  # HTTP tells times by the second, and so does a person who builds again
    assert got == [b"first build", b"second build"]
