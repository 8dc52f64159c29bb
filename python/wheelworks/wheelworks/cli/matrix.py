"""``matrix``, ``lock`` and ``cibuildwheel``: what is built, and the files that follow from the matrix."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from rich import box
from rich.table import Table

from wheelworks import files, uv_client
from wheelworks.cibuildwheel import configuration_path, release_lanes, render_configuration, require_current
from wheelworks.cli.app import app, console, read_matrix, show
from wheelworks.errors import ToolchainError
from wheelworks.github import matrix_outputs, write_outputs
from wheelworks.lanes import Lane, plan_lanes
from wheelworks.process import run


@app.command
def matrix(*, github: bool = False) -> None:
    """Print the lanes.

    Parameters
    ----------
    github
        Print the lanes as outputs for a workflow's ``fromJSON``; in a workflow, give them to it.
    """
    parsed = read_matrix()
    if github:
        outputs = matrix_outputs(parsed)
        write_outputs(outputs, os.environ)
        for name, value in outputs.items():
            show(f"{name}={value}")
        return
    table = Table("lane", "CUDA", "SM set", "CPU", "label", "", box=box.SIMPLE, padding=(0, 1, 0, 0), pad_edge=False)
    for lane in plan_lanes(parsed):
        note = "test only" if lane.test_only else ""
        table.add_row(lane.name, str(lane.cuda), " ".join(lane.sm_set), lane.architecture, _label(lane), note)
    console.print(table)


@app.command
def lock() -> None:
    """Renew every lock from the matrix: the hashes of all packages of each toolkit, and of the build's tools."""
    parsed = read_matrix()
    _write_lock(parsed.build_tools.lock, parsed.build_tools.packages)
    for toolkit in parsed.toolkits.values():
        _write_lock(toolkit.lock, [*toolkit.packages, *parsed.tools.packages])


@app.command
def cibuildwheel(*, check: bool = False) -> None:
    """Write the configuration of cibuildwheel for every released lane.

    Parameters
    ----------
    check
        Write nothing, and fail where a configuration is not what the matrix gives.
    """
    parsed = read_matrix()
    if check:
        require_current(parsed, Path.cwd())
        return
    for lane in release_lanes(parsed):
        path = configuration_path(Path(), lane)
        files.write_text(path, render_configuration(parsed, lane))
        console.print(f"wrote {path}")


def _write_lock(lock: str, packages: Sequence[str]) -> None:
    with TemporaryDirectory() as scratch:
        done = uv_client.write_lock(packages, run=run, scratch=Path(scratch))
    if not done.ok:
        raise ToolchainError(
            f"uv could not make {lock}",
            why=done.last_lines(),
            fix="check the versions in matrix.toml and the network",
        )
    files.write_text(Path(lock), done.output)
    console.print(f"wrote {lock}")


def _label(lane: Lane) -> str:
    return f"+{lane.label}" if lane.label else "none"
