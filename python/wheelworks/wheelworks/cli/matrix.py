"""``matrix`` and ``lock``: what is built, and the hashes of what it is built with."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from rich import box
from rich.table import Table

from wheelworks import files, uv_client
from wheelworks.cli.app import app, console, read_matrix
from wheelworks.errors import ToolchainError
from wheelworks.lanes import plan_lanes, to_github
from wheelworks.process import run


@app.command
def matrix(*, github: bool = False) -> None:
    """Print the lanes.

    Parameters
    ----------
    github
        Print the released lanes as JSON for a workflow's ``fromJSON``.
    """
    parsed = read_matrix()
    if github:
        sys.stdout.write(to_github(parsed) + "\n")
        return
    table = Table("lane", "CUDA", "SM set", "CPU", "label", "", box=box.SIMPLE, padding=(0, 1, 0, 0), pad_edge=False)
    for lane in plan_lanes(parsed):
        note = "test only" if lane.test_only else ""
        table.add_row(lane.name, str(lane.cuda), " ".join(lane.sm_set), lane.architecture, f"+{lane.label}", note)
    console.print(table)


@app.command
def lock() -> None:
    """Renew the lock of every toolkit from the matrix: the hashes of all its packages."""
    parsed = read_matrix()
    for name, toolkit in parsed.toolkits.items():
        with TemporaryDirectory() as scratch:
            done = uv_client.write_lock([*toolkit.packages, *parsed.tools.packages], run=run, scratch=Path(scratch))
        if not done.ok:
            raise ToolchainError(
                f"uv could not lock toolkit {name}",
                why=done.last_lines(),
                fix="check the versions in matrix.toml and the network",
            )
        files.write_text(Path(toolkit.lock), done.output)
        console.print(f"wrote {toolkit.lock}")
