"""The pages for installers: PEP 503 HTML and PEP 691 JSON, the same facts in both where HTML has a place for them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC
from typing import Any
from urllib.parse import quote

from wheelworks.index.catalogue import Listed
from wheelworks.index.site import Page
from wheelworks.index.templates import render

HTML = "index.html"
JSON = "index.json"


def root_pages(folder: str, projects: Sequence[str]) -> Iterator[Page]:
    """Return the two pages that list the projects."""
    yield Page(f"{folder}{HTML}", render("root.html", projects=projects, folder=folder))
    yield Page(
        f"{folder}{JSON}", _dump({"meta": {"api-version": "1.1"}, "projects": [{"name": name} for name in projects]})
    )


def project_pages(folder: str, name: str, rows: Sequence[Listed], *, files: str) -> Iterator[Page]:
    """Return the two pages that list a project's wheels; ``files`` is the relative way to their folder."""
    newest = max((row.manifest for row in rows), key=lambda manifest: manifest.version)
    links = [_link(row, files) for row in rows]
    project = {
        "name": name,
        "api_version": api_version(rows),
        "tracks": newest.tracks,
        "alternates": newest.alternate_locations,
    }
    yield Page(f"{folder}{HTML}", render("project.html", links=links, **project))
    yield Page(f"{folder}{JSON}", _dump(_project_json(project, rows, links)))


def api_version(rows: Sequence[Listed]) -> str:
    """Return the version of the API that a page needs: what is not served is not claimed."""
    if any(row.wheel.provenance_sha256 for row in rows):
        return "1.3"  # PEP 740
    newest = max((row.manifest for row in rows), key=lambda manifest: manifest.version)
    return "1.2" if newest.tracks or newest.alternate_locations else "1.1"  # PEP 708, PEP 700


def _link(row: Listed, files: str) -> dict[str, Any]:
    wheel = row.wheel
    url = f"{files}{quote(wheel.file)}"
    return {
        "filename": wheel.file,
        "url": url,
        "sha256": wheel.sha256,
        "metadata": wheel.metadata_sha256,
        "requires_python": str(wheel.requires_python),
        "size": wheel.size,
        "created": row.manifest.created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "yanked": row.yanked,
        "provenance": row.provenance,
    }


def _project_json(project: dict[str, Any], rows: Sequence[Listed], links: Sequence[dict[str, Any]]) -> dict[str, Any]:
    meta = {"api-version": project["api_version"]} | ({"tracks": project["tracks"]} if project["tracks"] else {})
    page = {
        "meta": meta,
        "name": project["name"],
        "versions": [str(version) for version in sorted({row.version for row in rows})],
        "files": [_file_json(link) for link in links],
    }
    return page | ({"alternate-locations": project["alternates"]} if project["alternates"] else {})


def _file_json(link: dict[str, Any]) -> dict[str, Any]:
    metadata = {"sha256": link["metadata"]}
    return {
        "filename": link["filename"],
        "url": link["url"],
        "hashes": {"sha256": link["sha256"]},
        "requires-python": link["requires_python"],
        "size": link["size"],
        "upload-time": link["created"],
        "yanked": link["yanked"] or False,
        "core-metadata": metadata,
        "data-dist-info-metadata": metadata,  # the older name, in the form that old clients can read: PEP 714
    } | ({"provenance": link["provenance"]} if link["provenance"] else {})


def _dump(data: object) -> bytes:
    return json.dumps(data, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"
