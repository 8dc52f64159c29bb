"""The plan of an index: from a catalogue alone to every path and byte that it serves. Nothing is read or written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wheelworks.checksums import NAME, write_checksums
from wheelworks.errors import IndexingError
from wheelworks.index.about import about_page
from wheelworks.index.catalogue import FOLDER, NOTICES, Catalogue, Listed, check
from wheelworks.index.pages import project_pages, root_pages
from wheelworks.index.site import Content, Page, Part, Site
from wheelworks.manifest import Channel, manifest_name, to_json

FILES = "files"
ABOUT = "about"
NIGHTLY = "nightly"


@dataclass(frozen=True)
class View:
    """One index of its own: the folder below which it is served, and the wheels that it lists."""

    folder: str
    rows: tuple[Listed, ...]

    @property
    def depth(self) -> int:
        """How many folders a project's page of the view is below the root."""
        return len([part for part in self.folder.split("/") if part]) + 1


def plan_site(catalogue: Catalogue) -> Site:
    """Decide all of an index: the content first, then the pages, both sorted by path."""
    check(catalogue)
    rows = catalogue.listed()
    views = list(plan_views(rows))
    _check_names(views)
    pages = [page for view in views for page in _view_pages(view)]
    pages += [about_page(f"{ABOUT}/{name}/index.html", chosen, catalogue.notices.url) for name, chosen in _split(rows)]
    pages += [Page(f"{FOLDER}/{manifest_name(each)}", to_json(each).encode()) for each in catalogue.manifests]
    notices = catalogue.notices.model_dump_json(by_alias=True, indent=1) + "\n"
    pages.append(Page(f"{FOLDER}/{NOTICES}", notices.encode()))
    contents = contents_of(rows)
    pages.append(_checksums(contents, pages))
    return Site(contents, tuple(sorted(pages)))


def contents_of(rows: Sequence[Listed]) -> tuple[Content, ...]:
    """Return the files that never change."""
    return tuple(sorted(content for row in rows for content in _contents(row)))


def plan_views(rows: Sequence[Listed]) -> Iterator[View]:
    """Return the indexes: at the root what most users should get, and one for each label with that label's alone."""
    nightly = [row for row in rows if row.manifest.channel == Channel.NIGHTLY]
    steady = [row for row in rows if row.manifest.channel != Channel.NIGHTLY]
    for prefix, chosen in (("", steady), (f"{NIGHTLY}/", nightly)):
        if chosen or not prefix:
            yield View(prefix, tuple(_for_most(chosen)))
        for label in sorted({row.label for row in chosen} - {""}):
            yield View(f"{prefix}{label}/", tuple(row for row in chosen if row.label == label))


def _for_most(rows: Sequence[Listed]) -> Iterator[Listed]:
    """Choose the wheels of a root index: of one version and CPU the one without a label, else those with a full SM set.

    Among equal versions an installer takes the greatest label, whatever GPU there is, so a thin set or a label beside
    the universal wheel would win.
    """

    def key(row: Listed) -> tuple[str, str, str]:
        return row.manifest.project, row.version.public, row.wheel.architecture

    universal = {key(row) for row in rows if not row.label}
    yield from (row for row in rows if not row.label or ("." not in row.label and key(row) not in universal))


def _view_pages(view: View) -> Iterator[Page]:
    projects = dict(_split(view.rows))
    yield from root_pages(view.folder, list(projects))
    for name, rows in projects.items():
        yield from project_pages(f"{view.folder}{name}/", name, rows, files=f"{'../' * view.depth}{FILES}/")


def _checksums(contents: Sequence[Content], pages: Sequence[Page]) -> Page:
    """Return the digests of all that is served but of themselves: what a copy is made and verified by."""
    rows = [(content.path, content.sha256) for content in contents] + [(page.path, page.sha256) for page in pages]
    return Page(NAME, write_checksums(rows).encode())


def _split(rows: Sequence[Listed]) -> list[tuple[str, list[Listed]]]:
    projects: dict[str, list[Listed]] = {}
    for row in rows:
        projects.setdefault(row.manifest.project, []).append(row)
    return sorted(projects.items())


def _contents(row: Listed) -> Iterator[Content]:
    file, path = row.wheel.file, f"{FILES}/{row.wheel.file}"
    yield Content(path, row.wheel.sha256, Part.WHEEL, file)
    yield Content(f"{path}.metadata", row.wheel.metadata_sha256, Part.METADATA, file)
    if row.wheel.provenance_sha256:
        yield Content(f"{path}.provenance", row.wheel.provenance_sha256, Part.PROVENANCE, file)


def _check_names(views: Sequence[View]) -> None:
    """Refuse a project whose folder would be that of something else."""
    taken = {FILES, ABOUT, NIGHTLY, FOLDER, *(view.folder.strip("/").removeprefix(f"{NIGHTLY}/") for view in views)}
    projects = {row.manifest.project for view in views for row in view.rows}
    labels = {row.label for view in views for row in view.rows}
    if clash := sorted(projects & taken | labels & {FILES, ABOUT, NIGHTLY, FOLDER}):
        why = f"{', '.join(clash)} names both a project or label and a folder of the index"
        raise IndexingError("the index is refused", why=why, fix="give the project or the toolkit another name")
