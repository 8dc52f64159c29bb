"""``publish``: an index to a folder or a bucket, a release to a package server or to GitHub."""

from __future__ import annotations

from pathlib import Path

from cyclopts import App

from wheelworks.cli.app import app, show
from wheelworks.manifest import read_manifest
from wheelworks.process import run_open
from wheelworks.publish import (
    open_bucket,
    plan_attachment,
    publish_bucket,
    publish_folder,
    publish_github,
    publish_to_server,
    read_index,
    read_release,
    read_wheels,
)

INDEX = Path("index")

publish = App(name="publish", help="Publish an index (folder, s3) or a release (pypi, github); the same again resumes.")
app.command(publish)


@publish.command
def folder(target: Path, *, index: Path = INDEX, dry_run: bool = False) -> None:
    """Copy an index to a folder, whose ``current`` a server serves; readers see the old state or the new.

    Parameters
    ----------
    target
        The folder.
    index
        The index that ``nox -s index`` made.
    dry_run
        Print every change and make none.
    """
    publish_folder(read_index(index), target, dry_run=dry_run, show=show)


@publish.command
def s3(url: str, *, index: Path = INDEX, dry_run: bool = False) -> None:
    """Send an index to an S3-compatible bucket; AWS_ENDPOINT_URL_S3 and AWS's other variables say where and who.

    Parameters
    ----------
    url
        ``s3://BUCKET`` or ``s3://BUCKET/FOLDER``.
    index
        The index that ``nox -s index`` made.
    dry_run
        Print every change and make none.
    """
    publish_bucket(read_index(index), open_bucket(url), dry_run=dry_run, show=show)


@publish.command
def pypi(manifest: Path, *, upload: str, simple: str, wheels: Path | None = None, dry_run: bool = False) -> None:
    """Send a release's wheels to a package server by twine; TWINE_USERNAME and TWINE_PASSWORD say who.

    Parameters
    ----------
    manifest
        The manifest of the release.
    upload
        The URL for uploads, as the server names it.
    simple
        The URL of its simple pages (PEP 503), where what is there already is looked up.
    wheels
        The folder of the wheels; that of the manifest where none is given.
    dry_run
        Print every change and make none.
    """
    made = read_manifest(manifest)
    items = read_wheels(made, wheels or manifest.parent)
    publish_to_server(made, items, upload=upload, simple=simple, dry_run=dry_run, run=run_open, show=show)


@publish.command
def github(manifest: Path, *, dry_run: bool = False) -> None:
    """Attach a release's files to the GitHub release of its tag by ``gh``: a draft, verified, then public.

    Parameters
    ----------
    manifest
        The manifest of the release; its folder has the wheels and SHA256SUMS.
    dry_run
        Print every command that changes something, and run none.
    """
    made = read_manifest(manifest)
    publish_github(plan_attachment(made, read_release(made, manifest.parent)), run=run_open, dry_run=dry_run, show=show)
