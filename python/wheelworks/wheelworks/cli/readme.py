"""``readme``: the generated sections of README.md."""

from __future__ import annotations

from pathlib import Path

from wheelworks import files
from wheelworks.cli.app import ACCEPTED_BILLS, ACCEPTED_TABLES, app, console, read_matrix
from wheelworks.errors import ReadmeError
from wheelworks.readme import fill_sections, plan_sections


@app.command
def readme(path: Path = Path("README.md"), *, check: bool = False) -> None:
    """Write the generated sections of README.md anew.

    Parameters
    ----------
    path
        The file.
    check
        Change nothing, and fail where a section is out of date.
    """
    old = path.read_text(encoding="utf-8")
    new = fill_sections(old, plan_sections(read_matrix(), ACCEPTED_BILLS, ACCEPTED_TABLES))
    if new == old:
        console.print(f"{path} is current", highlight=False)
    elif check:
        raise ReadmeError(f"{path} is out of date", why="a generated section differs", fix="run `nox -s readme`")
    else:
        files.write_text(path, new)
        console.print(f"wrote {path}", highlight=False)
