"""``operator-pages``: docs/operators, and the page for callers of sgl_kernel, from what a wheel says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from wheelworks import files
from wheelworks.cli.app import app, console, read_matrix, show
from wheelworks.errors import PagesError
from wheelworks.matrix import Matrix
from wheelworks.measured import read_measured
from wheelworks.operator_export import read_export, require_promised
from wheelworks.operator_pages import render_pages
from wheelworks.process import run
from wheelworks.sgl_names import read_names
from wheelworks.switching_page import render_switching

PAGES = Path("docs/operators")
PERFORMANCE = Path("docs/performance")
NAMES = Path("docs/sgl_kernel.toml")
SWITCHING = Path("docs/switching_from_sgl_kernel.md")


@app.command
def operator_pages(wheel: Path, *, check: bool = False) -> None:
    """Write the page of each operator anew, and that for callers of sgl_kernel; those of operators gone are removed.

    Parameters
    ----------
    wheel
        A finished wheel of this tree; any lane's gives the same pages.
    check
        Change nothing, and fail where a page is not current.
    """
    pages = plan_pages(wheel, read_matrix())
    wrong = [path for path, text in pages.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    gone = sorted(set(PAGES.glob("*.md")) - set(pages))
    if check:
        _require_current(wrong, gone, wheel)
    files.write_together({path: pages[path] for path in wrong})
    for path in gone:
        files.remove(path)
    for word, paths in (("wrote", wrong), ("removed", gone)):
        for path in paths:
            console.print(f"{word} {path}", highlight=False, markup=False)
    if not wrong and not gone:
        console.print(f"{PAGES} is current, and {SWITCHING}", highlight=False)


def plan_pages(wheel: Path, matrix: Matrix) -> Mapping[Path, str]:
    """Return every page with its place, from what the wheel says in a clean environment."""
    export = read_export(wheel, torch=f"torch=={matrix.torch.headers}", run=run, on_line=show)
    require_promised(export, matrix.operators, wheel)
    found = {operator.name: read_measured(PERFORMANCE, operator.name) for operator in export.operators}
    measured = {name: times for name, times in found.items() if times is not None}
    pages = {PAGES / name: text for name, text in render_pages(export, matrix.operators, measured).items()}
    return {**pages, SWITCHING: render_switching(read_names(NAMES), export)}


def _require_current(wrong: list[Path], gone: list[Path], wheel: Path) -> None:
    faults = [f"{path} is {'out of date' if path.is_file() else 'missing'}" for path in wrong]
    faults += [f"{path} is of no operator" for path in gone]
    if faults:
        fix = f"run `nox -s operator-pages -- {wheel}`"
        raise PagesError("the operators' pages are not current", why="; ".join(faults), fix=fix)
