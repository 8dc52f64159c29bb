"""From proved wheels to an index: ``version``, ``manifest``, ``fetch-index``, ``index``, ``serve``, ``release``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from operator import methodcaller
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from cyclopts import Parameter
from rich.table import Table

from wheelworks import files, published
from wheelworks.checksums import NAME as CHECKSUMS
from wheelworks.checksums import write_checksums
from wheelworks.cli.app import app, console, read_matrix, show
from wheelworks.github import write_outputs
from wheelworks.index import CURRENT, Catalogue, Notices, update_index
from wheelworks.manifest import Channel, Manifest, Release, collect_release, manifest_name, read_manifest, to_json
from wheelworks.process import run_open
from wheelworks.release import plan_release, run_step
from wheelworks.server import HOST, make_server
from wheelworks.versions import changelog_section, check_tag, parse_version, set_version, source_version

DIST = Path("dist")
Many = Parameter(negative=())


@app.command
def version(new: str | None = None, *, tag: str | None = None) -> None:
    """Print the version; with one, write it into its one place.

    Parameters
    ----------
    new
        The version to write.
    tag
        A tag that must be the version's, with a section of the changelog.
    """
    if new is not None:
        set_version(Path.cwd(), parse_version(new))
    found = source_version(Path.cwd())
    if tag is not None:
        check_tag(tag, found)
        changelog_section(Path("CHANGELOG.md").read_text(encoding="utf-8"), found)
    write_outputs({"version": str(found)}, os.environ)
    console.print(str(found), highlight=False)


@app.command
def manifest(folders: Annotated[list[Path] | None, Many] = None, *, nightly: bool = False) -> None:
    """Make the manifest of a release from wheels with their proofs, or tell every reason why they are none.

    Parameters
    ----------
    folders
        Folders of wheels, each with its ``proofs``; ``dist`` where none is given. The manifest comes into the first.
    nightly
        Make a nightly build's: its version has ``.dev``, and it needs no section of the changelog.
    """
    channel = Channel.NIGHTLY if nightly else Channel.RELEASE
    chosen = folders or [DIST]
    made = collect_release(chosen, read_matrix(), _plan(channel, os.environ))
    path = chosen[0] / manifest_name(made)
    files.write_text(path, to_json(made))
    files.write_text(chosen[0] / CHECKSUMS, release_checksums(made, path))
    table = Table("wheel", "lane", "proofs")
    for wheel in made.wheels:
        table.add_row(wheel.file, wheel.lane, ", ".join(entry.kind for entry in wheel.proofs))
    console.print(table)
    console.print(f"{path}: {made.project} {made.version}, {len(made.wheels)} wheels", highlight=False)


def release_checksums(made: Manifest, path: Path) -> str:
    """Return the digests of a release's wheels, of their attestations and of the manifest."""
    rows = {wheel.file: wheel.sha256 for wheel in made.wheels} | {path.name: files.sha256_of(path)}
    attested = {f"{wheel.file}.provenance": wheel.provenance_sha256 for wheel in made.wheels}
    return write_checksums((rows | {name: sha256 for name, sha256 in attested.items() if sha256}).items())


@app.command
def index(
    manifests: Annotated[list[Path], Many],
    *,
    into: Path = Path("index"),
    url: str | None = None,
    wheels: Path | None = None,
    dry_run: bool = False,
) -> None:
    """Add releases to an index; its folder ``current`` is what a server serves.

    Parameters
    ----------
    manifests
        The manifests of the releases.
    into
        The folder of the index.
    url
        Where the index will be served, with a slash at the end; the matrix's where none is given.
    wheels
        The folder of the wheels; that of each manifest where none is given.
    dry_run
        Print every change and make none.
    """
    notices = _notices(url)
    for path in manifests:
        add = methodcaller("with_manifest", read_manifest(path))
        show(str(update_index(into, notices, add, wheels=wheels or path.parent, dry_run=dry_run)))


@app.command
def fetch_index(*, into: Path = Path("index"), url: str | None = None) -> None:
    """Bring the published index here, so that a release is added to it; where there is none yet, say so.

    Parameters
    ----------
    into
        The folder of the index.
    url
        Where the index is served, with a slash at the end; the matrix's where none is given.
    """
    published.fetch_index(_notices(url).url, into, show=show)


@app.command
def yank(
    file: str, *, reason: str | None = None, into: Path = Path("index"), url: str | None = None, dry_run: bool = False
) -> None:
    """Tell installers to leave a file of an index alone (PEP 592); without a reason, take that back.

    Parameters
    ----------
    file
        The file name of the wheel.
    reason
        Why; users see it.
    into
        The folder of the index.
    url
        Where the index is served; the matrix's where none is given.
    dry_run
        Print every change and make none.
    """
    notices = _notices(url)
    show(str(update_index(into, notices, methodcaller("with_yank", file, reason), dry_run=dry_run)))


@app.command
def serve(*, dist: Path = DIST, port: int = 8765) -> None:
    """Serve the wheels in ``dist`` on this machine as an index that says what they lack to be a release.

    Parameters
    ----------
    dist
        The folder of the wheels.
    port
        The port on 127.0.0.1; 0 takes a free one.
    """
    made = collect_release([dist], read_matrix(), _plan(Channel.PREVIEW, os.environ))
    with TemporaryDirectory(prefix="wheelworks-") as scratch:
        server = make_server(Path(scratch) / CURRENT, port, show)
        url = f"http://{HOST}:{server.server_port}/"
        notices = Notices(url=url, nightlies=1)
        update_index(Path(scratch), notices, lambda _: Catalogue(notices, (made,)), wheels=dist)
        _announce(made, url)
        with server:
            try:
                server.serve_forever()
            except KeyboardInterrupt:
                show("stopped")


def _announce(made: Manifest, url: str) -> None:
    show(f"not a release, unproved: {made.project} {made.version} as it was built here. Ctrl-C stops the server.")
    for wheel in made.wheels:
        show(f"\n{wheel.file}")
        show("\n".join(f"  lacks: {why}" for why in wheel.unproved) or "  has every proof")
        show(f"  uv pip install {made.project} --index {url}{f'{wheel.label}/' if wheel.label else ''}")
    show(f"\nwhich wheel fits which GPU: {url}about/{made.project}/\n")


@app.command
def release(wanted: str, *, url: str | None = None, to: str | None = None, dry_run: bool = False) -> None:
    """Go the steps of a release, each a session that can be run alone; the first that fails ends it.

    Parameters
    ----------
    wanted
        The version; the source and the changelog must agree with it.
    url
        Where the index will be served, with a slash at the end; the matrix's where none is given.
    to
        Where the index is published, a folder or s3://BUCKET/FOLDER, after the files on GitHub; without it nothing is.
    dry_run
        Print the steps and the release's text, and do nothing.
    """
    found = parse_version(wanted)
    check_tag(f"v{found}", source_version(Path.cwd()))
    for number, step in enumerate(plan_release(read_matrix(), found, url=url, to=to), 1):
        show(f"{number:2}. {step}\n      {step.then}")
        if not dry_run:
            run_step(step, Path.cwd(), run_open, show)
    notes = changelog_section(Path("CHANGELOG.md").read_text(encoding="utf-8"), found)
    show(f"\nThe release's text:\n\n{notes}")


def _notices(url: str | None) -> Notices:
    chosen = read_matrix().release
    return Notices(url=url or chosen.url, nightlies=chosen.nightlies)


def _plan(channel: Channel, environment: Mapping[str, str]) -> Release:
    """Say what is to be released: the source's version, now, or at SOURCE_DATE_EPOCH for equal bytes."""
    found = source_version(Path.cwd())
    epoch = environment.get("SOURCE_DATE_EPOCH")
    created = datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
    notes = ""
    if channel == Channel.RELEASE:
        notes = changelog_section(Path("CHANGELOG.md").read_text(encoding="utf-8"), found)
    return Release(found, channel, created, notes)
