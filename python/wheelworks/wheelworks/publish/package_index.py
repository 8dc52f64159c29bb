"""To a server with PyPI's upload interface, by twine. What it has already is read from its simple pages."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

from pypi_simple import (
    DistributionPackage,
    NoSuchProjectError,
    PyPISimple,
    UnsupportedContentTypeError,
    UnsupportedRepoVersionError,
)
from requests import RequestException

from wheelworks.errors import PublishError
from wheelworks.manifest import Manifest
from wheelworks.process import Runner
from wheelworks.publish.plan import Item, Plan, plan_publication

WITHOUT_LABELS = ("upload.pypi.org", "test.pypi.org")
"""Servers that take no version with a label, as PEP 440 wants it of a public index."""


def publish_to_server(
    manifest: Manifest,
    items: Sequence[Item],
    *,
    upload: str,
    simple: str,
    dry_run: bool,
    run: Runner,
    show: Callable[[str], None],
) -> Plan:
    """Send the wheels of a release one by one, then read the server's pages again: all must be there as sent."""
    check_labels(manifest, upload)
    plan = plan_publication(items, read_server(simple, manifest.project, items))
    show(str(plan))
    if not dry_run and plan.sent:
        for item in plan.sent:
            _upload(item, upload, run, show)
        if missing := [
            item.path for item in plan_publication(items, read_server(simple, manifest.project, items)).sent
        ]:
            why, fix = f"it does not list {', '.join(missing)}", "wait a little, and run it again"
            raise PublishError(f"{simple} has not all that was sent", why=why, fix=fix)
    return plan


def check_labels(manifest: Manifest, upload: str) -> None:
    """Refuse wheels with a label before a server does that half-way."""
    labelled = [wheel.file for wheel in manifest.wheels if wheel.label]
    if labelled and urlsplit(upload).hostname in WITHOUT_LABELS:
        raise PublishError(
            f"{upload} would refuse {labelled[0]}" + (f" and {len(labelled) - 1} more" if labelled[1:] else ""),
            why="a public index takes no version with a label (PEP 440)",
            fix="publish there a release of wheels without labels alone; the others to an index of your own",
        )


def read_server(simple: str, project: str, items: Sequence[Item]) -> dict[str, str]:
    """Return the digests of the files that a server lists; a file without SHA-256 is fetched to know its own."""
    names = {item.path for item in items}
    with _told(simple), PyPISimple(simple) as client:
        try:
            page = client.get_project_page(project)
        except NoSuchProjectError:
            return {}
        return {found.filename: _digest(client, found) for found in page.packages if found.filename in names}


def _digest(client: PyPISimple, found: DistributionPackage) -> str:
    if known := found.digests.get("sha256"):
        return str(known)
    answer = client.s.get(found.url, stream=True)
    answer.raise_for_status()
    digest = hashlib.sha256()
    for chunk in answer.iter_content(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()


def _upload(item: Item, upload: str, run: Runner, show: Callable[[str], None]) -> None:
    words = ["--non-interactive", "--disable-progress-bar", "--repository-url", upload]
    done = run([sys.executable, "-m", "twine", "upload", *words, item.source], on_line=show)
    if not done.ok:
        why = f"twine ended with {done.returncode}:\n{done.last_lines()}"
        fix = "check TWINE_USERNAME and TWINE_PASSWORD; then run it again, what was sent is not sent twice"
        raise PublishError(f"{upload} did not take {item.path}", why=why, fix=fix)


@contextmanager
def _told(simple: str) -> Iterator[None]:
    """Tell a failure to read a server in the pipeline's words."""
    try:
        yield
    except (RequestException, UnsupportedContentTypeError, UnsupportedRepoVersionError) as error:
        fix = "check the URL of the simple pages (`--simple`)"
        raise PublishError(f"cannot read {simple}", why=str(error), fix=fix) from error
