"""A server for an index on this machine: for trying a wheel that was just built, not for the public."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from wheelworks.errors import SettingError

JSON_TYPE = "application/vnd.pypi.simple.v1+json"
HOST = "127.0.0.1"


class _Handler(SimpleHTTPRequestHandler):
    """Serves a folder; a folder's page is JSON for those who ask for it (PEP 691)."""

    def __init__(self, *args: object, on_line: Callable[[str], None], directory: str) -> None:
        self._on_line = on_line
        super().__init__(*args, directory=directory)  # type: ignore[arg-type]  # what socketserver passes on

    def translate_path(self, path: str) -> str:
        found = super().translate_path(path)
        page = Path(found) / "index.json"
        return str(page) if self._wants_json() and page.is_file() else found

    def guess_type(self, path: object) -> str:
        name = str(path)
        if name.endswith("/index.json"):
            return JSON_TYPE
        return "text/plain" if name.endswith(".metadata") else super().guess_type(name)

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-cache")  # a wheel that is built again keeps its name
        super().end_headers()

    def list_directory(self, path: object) -> None:
        """Show no folder that has no page."""
        self.send_error(404, f"no page for {Path(str(path)).name}")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        self._on_line(format % args)

    def log_error(self, *_: object) -> None:
        """Say nothing: the request's own line has the status."""

    def _wants_json(self) -> bool:
        return self.path.endswith("/") and JSON_TYPE in self.headers.get("Accept", "")


def make_server(folder: Path, port: int, on_line: Callable[[str], None]) -> ThreadingHTTPServer:
    """Return a server for a folder, listening on this machine alone; port 0 takes a free one."""
    try:
        return ThreadingHTTPServer((HOST, port), partial(_Handler, on_line=on_line, directory=str(folder)))
    except (OSError, OverflowError) as error:
        why = f"{HOST}:{port}: {getattr(error, 'strerror', None) or error}"
        raise SettingError("cannot serve", why=why, fix="name another port with --port; 0 takes a free one") from error
