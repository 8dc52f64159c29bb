"""The pages for installers: each link must lead to a file of the index, with the digests that this has."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from pypi_simple import ProjectPage

from wheelworks.verify.report import Finding

BASE = "https://index.invalid/"


def project_of(path: str, projects: set[str]) -> str | None:
    """Say which project a page for installers is of; None for any other file."""
    *folders, name = path.split("/")
    if name not in ("index.html", "index.json") or not folders or folders[0] in ("about", "manifests", "files"):
        return None
    return folders[-1] if folders[-1] in projects else None


def check_page(path: str, text: str, project: str, sums: Mapping[str, str]) -> Iterator[Finding]:
    """Check all links of a page."""
    try:
        packages = _packages(path, text, project)
    except (ValueError, KeyError, TypeError) as error:
        yield Finding(path, f"it cannot be read: {error}", "a page of the simple API")
        return
    for package in packages:
        url = urlsplit(package.url)
        target = unquote(url.path).removeprefix("/")
        if f"{url.scheme}://{url.netloc}/" != BASE or target not in sums:
            yield Finding(path, f"a link to {package.url.removeprefix(BASE)}", "links to files of this index alone")
            continue
        if package.digests.get("sha256") != sums[target]:
            yield Finding(path, f"{target} with sha256 {package.digests.get('sha256')}", f"sha256 {sums[target]}")
        found, expected = (package.metadata_digests or {}).get("sha256"), sums.get(f"{target}.metadata")
        if found != expected:
            yield Finding(path, f"the metadata of {target} with sha256 {found}", f"sha256 {expected}")


def _packages(path: str, text: str, project: str) -> list[Any]:
    if path.endswith(".json"):
        page = ProjectPage.from_json_data(json.loads(text), base_url=f"{BASE}{path}")
    else:
        page = ProjectPage.from_html(project, text, base_url=f"{BASE}{path}")
    return list(page.packages)
