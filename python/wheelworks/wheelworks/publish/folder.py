"""To a folder that a server serves: laid out like an index of this machine, and switched in one step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from wheelworks import files
from wheelworks.errors import PublishError
from wheelworks.index import CURRENT, Page, Site, locked, swap
from wheelworks.publish.plan import Item, Plan, Stage, plan_publication

FILES = "files"


def publish_folder(items: Sequence[Item], folder: Path, *, dry_run: bool, show: Callable[[str], None]) -> Plan:
    """Copy an index: its content file by file, then all pages beside the old ones; then one link is swapped."""
    if dry_run:
        return _plan(items, folder, show)
    with locked(folder):
        plan = _plan(items, folder, show)
        for item in plan.sent:
            if item.stage <= Stage.METADATA:
                files.place(item.source, folder / item.path, sha256=item.sha256)
        pages = [_page(item) for item in items if item.stage > Stage.METADATA]
        swap(folder, Site((), tuple(sorted(pages))), {item.path for item in plan.sent})
        return plan


def _plan(items: Sequence[Item], folder: Path, show: Callable[[str], None]) -> Plan:
    plan = plan_publication(items, _present(folder))
    show(str(plan))
    return plan


def _page(item: Item) -> Page:
    page = Page(item.path, item.source.read_bytes())
    if page.sha256 != item.sha256:
        why = f"it has sha256 {page.sha256}, and {item.sha256} was expected"
        raise PublishError(f"{item.path} has changed meanwhile", why=why, fix="run it again")
    return page


def _present(folder: Path) -> dict[str, str]:
    tree = (folder / CURRENT).resolve()
    pages = {path.relative_to(tree).as_posix(): path for path in tree.rglob("*")} if tree.is_dir() else {}
    contents = {f"{FILES}/{path.name}": path for path in (folder / FILES).glob("[!.]*")}
    found = {**pages, **contents}
    return {name: files.sha256_of(path) for name, path in found.items() if path.is_file() and not path.is_symlink()}
