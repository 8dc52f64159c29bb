"""The server for wheels that were just built: pages in both forms, nothing outside its folder."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from operator import methodcaller
from pathlib import Path
from typing import Any

import pytest

from release_maker import NOTICES, make_release, small_matrix
from wheelworks.index import CURRENT, update_index
from wheelworks.server import HOST, JSON_TYPE, make_server


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def port(tmp_path: Path, matrix_data: dict[str, Any], lines: list[str]) -> Iterator[int]:
    manifest = make_release(tmp_path / "dist", small_matrix(matrix_data))
    update_index(tmp_path / "index", NOTICES, methodcaller("with_manifest", manifest), wheels=tmp_path / "dist")
    (tmp_path / "secret").write_text("not served", encoding="utf-8")
    with make_server(tmp_path / "index" / CURRENT, 0, lines.append) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def get(port: int, path: str, **headers: str) -> tuple[HTTPResponse, bytes]:
    connection = HTTPConnection(HOST, port, timeout=5)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


def test_a_browser_gets_html_and_an_installer_json(port: int, lines: list[str]) -> None:
    answer, body = get(port, "/cu130/warpwright/", Accept="text/html")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html")
    assert b"<a href=" in body
    answer, body = get(port, "/cu130/warpwright/", Accept=f"{JSON_TYPE}, text/html;q=0.1")
    assert (answer.status, answer.headers["Content-Type"]) == (200, JSON_TYPE)
    assert json.loads(body)["name"] == "warpwright"
    assert '"GET /cu130/warpwright/ HTTP/1.1" 200 -' in lines


def test_a_wheel_that_is_built_again_is_asked_for_again(port: int) -> None:
    answer, _ = get(port, "/cu130/warpwright/")
    assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("path", ["/../secret", "/%2e%2e/secret", "/../../secret", "/files/", "/nothing/"])
def test_nothing_but_the_index_is_served(port: int, path: str) -> None:
    answer, body = get(port, path)
    assert answer.status == 404
    assert b"not served" not in body
