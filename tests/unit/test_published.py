"""The published index comes here whole and checked, or not at all."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from email.message import Message
from operator import methodcaller
from pathlib import Path
from urllib.error import HTTPError

import pytest

from release_maker import NOTICES, make_release
from wheelworks.errors import PublishError
from wheelworks.index import CURRENT, update_index
from wheelworks.matrix import Matrix
from wheelworks.published import fetch_index
from wheelworks.server import make_server


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    return tmp_path / "remote"


@pytest.fixture
def url(remote: Path) -> Iterator[str]:
    with make_server(remote / CURRENT, 0, lambda _: None) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def publish(folder: Path, wheels: Path, matrix: Matrix, version: str) -> None:
    manifest = make_release(wheels / version, matrix, version)
    update_index(folder, NOTICES, methodcaller("with_manifest", manifest), wheels=wheels / version)


def pages(folder: Path) -> dict[str, bytes]:
    tree = (folder / CURRENT).resolve()
    return {path.relative_to(tree).as_posix(): path.read_bytes() for path in tree.rglob("*") if path.is_file()}


def test_a_release_is_added_to_what_was_brought_as_if_it_had_never_left(
    remote: Path, url: str, tmp_path: Path, matrix: Matrix
) -> None:
    publish(remote, tmp_path, matrix, "0.1.0")
    fetch_index(url, tmp_path / "index", show=lambda _: None)
    assert pages(tmp_path / "index") == pages(remote)
    publish(tmp_path / "index", tmp_path, matrix, "0.2.0")
    publish(remote, tmp_path, matrix, "0.2.0")
    assert pages(tmp_path / "index") == pages(remote)


def test_the_first_release_begins_an_index(url: str, tmp_path: Path) -> None:
    said: list[str] = []
    fetch_index(url, tmp_path / "index", show=said.append)
    assert said == [f"{url} has no index yet: the first release begins one"]
    assert not (tmp_path / "index").exists()


def test_a_file_that_is_not_what_the_checksums_say_stops_all(
    remote: Path, url: str, tmp_path: Path, matrix: Matrix
) -> None:
    publish(remote, tmp_path, matrix, "0.1.0")
    wheel = sorted((remote / "files").glob("*.whl"))[0]
    wheel.write_bytes(b"other bytes")
    with pytest.raises(PublishError, match=f"files/{wheel.name.split('+')[0]}.*expected .* found"):
        fetch_index(url, tmp_path / "index", show=lambda _: None)
    assert not (tmp_path / "index").exists()


def test_a_file_that_is_missing_stops_all(remote: Path, url: str, tmp_path: Path, matrix: Matrix) -> None:
    publish(remote, tmp_path, matrix, "0.1.0")
    sorted((remote / "files").glob("*.whl"))[0].unlink()
    with pytest.raises(PublishError, match=r"cannot read http.*\.whl[\s\S]*the server answers 404[\s\S]*nothing was"):
        fetch_index(url, tmp_path / "index", show=lambda _: None)
    assert not (tmp_path / "index").exists()


def test_a_server_that_is_not_there_is_no_empty_index(tmp_path: Path) -> None:
    with pytest.raises(PublishError, match=r"cannot read http://127\.0\.0\.1:9/SHA256SUMS"):
        fetch_index("http://127.0.0.1:9/", tmp_path / "index", show=lambda _: None)


def test_a_server_in_trouble_is_no_empty_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(url: str, **_: object) -> None:
        raise HTTPError(url, 503, "Service Unavailable", Message(), None)

    monkeypatch.setattr("wheelworks.published.urlopen", answer)
    with pytest.raises(PublishError, match="the server answers 503"):
        fetch_index("https://wheels.example/", tmp_path / "index", show=lambda _: None)
